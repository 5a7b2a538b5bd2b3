/* fetch --json: what happens, as JSON Lines on standard output, for launchers (docs/launchers.md). Each line
 * is written whole and at once; the last is "done" or "error". */
#ifndef PB_CLI_FETCH_EVENTS_H
#define PB_CLI_FETCH_EVENTS_H

#include "cli/output.h"

#include <signal.h>

/* Zero-initialise. */
struct events {
    bool failed;           /* standard output can't be written */
    struct pace pace;      /* of the progress */
    uint64_t told;         /* when progress was told last; monotonic ms */
    unsigned long long at; /* and how much it was */
    json_t *titles;        /* of a URL that names several: what came of each; NULL: none yet */
};

void events_plan(struct events *e, const struct pb_fetch_plan *plan);
/* At most some ten a second; the first and the last of a stage always. */
void events_progress(struct events *e, const struct pb_progress *now);
void events_file(struct events *e, const struct pb_fetch_change *change);
void events_title(struct events *e, const struct pb_fetch_result *result);
void events_warning(struct events *e, const char *title, const char *text);
/* The last one. They return the exit status, and free what `e` holds. */
int events_done(struct events *e, const struct pb_fetch_result *result);
int events_error(struct events *e, const struct pb_error *err);

/* For interrupt_arm: the last line of a fetch that was cancelled, and whether another is being written. */
const char *events_cancelled(const volatile sig_atomic_t **busy);

#endif
