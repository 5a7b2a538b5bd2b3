/*
 * Meters: for each title that was ever live what was served of it, its rate, and whether a cap is reached.
 * They live as long as the server, so that counters survive a new release. The watcher makes them and sets
 * limits and caps; loops count.
 */
#ifndef PB_SERVE_ADMISSION_METERS_H
#define PB_SERVE_ADMISSION_METERS_H

#include "depot/site.h"
#include "serve/admission/bucket.h"
#include "serve/admission/counts.h"

/* How much of the day's allowance is used: past the soft cap no new download begins, past the hard one
 * nothing is served. */
enum cap_state { CAP_NONE, CAP_SOFT, CAP_HARD };

struct day_caps {
    uint64_t soft, hard; /* bytes a day; 0: none */
};

/* What left today. The watcher's; others read `today` and `state`. */
struct day_use {
    struct day_caps caps;
    uint64_t recorded; /* what the depot's record said when it was asked last: all servers' */
    uint64_t saved;    /* our counter, as far as it is in there */
    uint64_t recorded_next, saved_next; /* the same once the transaction under way is done */
    bool pending;
    uint64_t today; /* atomic; bytes, as of the last look */
    uint8_t state;  /* atomic; enum cap_state */
};

enum { METER_LINE = 64 };

struct meter {
    struct meter *next;  /* of all; in the order of making */
    struct meter *chain; /* of the same hash slot */
    char *title;         /* "opensauce/immure" */
    uint64_t rate;       /* atomic; bytes a second; 0: none */
    struct day_use day;
    struct bucket bucket;
    /* All loops add to these, so they have a cache line of their own: what is above is only read by most. */
    _Alignas(METER_LINE) struct counts counts;
};

enum { METER_SLOTS = 4096 };
struct meters {
    struct meter *first; /* atomic: readers follow it while the watcher adds */
    struct meter *last;
    struct meter *slots[METER_SLOTS]; /* the watcher's */
};

/* Gives each title of the site its meter. */
PB_MUST_USE int meters_assign(struct meters *m, struct site *site, struct pb_error *err);
void meters_free(struct meters *m);

/* Looks at the counter, and at what that makes of the caps. */
void day_use_look(struct day_use *d, uint64_t counter);

#endif
