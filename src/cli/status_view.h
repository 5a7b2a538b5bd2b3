/* The text that `patchbay status` prints of a server's answer: at most 79 columns, cut to the terminal's
 * height. The answer is not trusted. */
#ifndef PB_CLI_STATUS_VIEW_H
#define PB_CLI_STATUS_VIEW_H

#include <jansson.h>

struct view {
    unsigned columns; /* of the terminal; 0: not known */
    unsigned rows;    /* of the terminal; 0: print all */
};

/* Prints `now`. `before`: an earlier answer of the same server, to compute rates; NULL: none. Both have the
 * time of asking in "asked". Adds ranks to the titles of `now`. */
void status_view(json_t *now, const json_t *before, const struct view *view);

/* True when both answers are of the same server. */
int status_same(const json_t *a, const json_t *b);

#endif
