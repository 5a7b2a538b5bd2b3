/* What patchbay status shows of a server's answer: text of at most 79 columns, cut to a height where there is
 * one. It trusts nothing that the answer has. */
#ifndef PB_CLI_STATUS_VIEW_H
#define PB_CLI_STATUS_VIEW_H

#include <jansson.h>

struct view {
    unsigned columns; /* of the terminal; 0: not known */
    unsigned rows;    /* of the terminal; 0: print all */
};

/* Prints it. `before` is an earlier answer of the same server, for rates; NULL: there is none. Both have the
 * time of asking in "asked". Marks the titles of `now` with their places. */
void status_view(json_t *now, const json_t *before, const struct view *view);

/* Did the same server give both answers? */
int status_same(const json_t *a, const json_t *b);

#endif
