/* How fast an operation is, and how long it has to go. A rate over the last seconds: one of the whole stage
 * would not notice that a server has become slow, and one of the moment would make the estimate jump. Plain
 * arithmetic; whoever asks brings the clock. */
#ifndef PB_CLI_PACE_H
#define PB_CLI_PACE_H

#include "patchbay/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialise. */
struct pace {
    const char *stage, *unit;  /* of the last progress; a change of one begins anew */
    uint64_t started, sampled; /* monotonic ms */
    unsigned long long done;   /* at `sampled` */
    double sum, weight;        /* their quotient is a mean of the last samples */
    double sum2, weight2;      /* and that of these a mean of such means, which is the rate */
};

/* Takes progress that was made by `now`. True when a stage begins with it. */
bool pace_add(struct pace *p, const struct pb_progress *progress, uint64_t now);
/* Units a second; 0 before there is an estimate. */
double pace_rate(const struct pace *p);
/* Seconds to go. False: there is no estimate. */
bool pace_left(const struct pace *p, const struct pb_progress *progress, unsigned long *seconds);

#endif
