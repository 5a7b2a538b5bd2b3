/* The progress line: one line on standard error, on a terminal only. */
#ifndef PB_CLI_PROGRESS_H
#define PB_CLI_PROGRESS_H

#include "cli/pace.h"

struct progress {
    bool shown; /* standard error is a terminal */
    bool dirty; /* a line is on the screen */
    struct pace pace;
    uint64_t drawn; /* monotonic ms */
};

/* With `interruptible`, SIGINT and SIGTERM from now on make progress_show cancel the operation, instead of
 * ending the program. */
void progress_start(struct progress *p, bool interruptible);
int progress_show(void *progress, const struct pb_progress *now); /* a pb_progress_fn */
/* Clears the line away. */
void progress_end(struct progress *p);

enum { PROGRESS_LINE_MAX = 200 };
/* The line itself, cut to `width` columns. */
void progress_line(const struct pace *pace, const struct pb_progress *now, unsigned width,
                   char out[PROGRESS_LINE_MAX]);

/* Monotonic milliseconds. */
uint64_t progress_clock(void);

#endif
