/*
 * Meters: one for each title that was live since the server started. A meter counts what is served of its
 * title, holds the title's rate, and says whether a daily cap is reached. It lives as long as the server, so
 * counters survive a new release. The watcher's thread creates meters and sets limits and caps; loops count.
 */
#ifndef PB_SERVE_ADMISSION_METERS_H
#define PB_SERVE_ADMISSION_METERS_H

#include "depot/site.h"
#include "serve/admission/bucket.h"
#include "serve/admission/counts.h"

/* Beyond the soft cap no new download starts. Beyond the hard cap nothing is served. */
enum cap_state { CAP_NONE, CAP_SOFT, CAP_HARD };

struct day_caps {
    uint64_t soft, hard; /* bytes a day; 0: none */
};

/* Bytes sent today (UTC). Written by the watcher; other threads read `today` and `state` only. */
struct day_use {
    struct day_caps caps;
    uint64_t recorded;                  /* of all servers of the depot, as the operator's record last said */
    uint64_t saved;                     /* our counter when it was last added to the record */
    uint64_t recorded_next, saved_next; /* their values once the transaction under way is committed */
    bool pending;
    uint64_t today; /* atomic; bytes, as of the last day_use_look */
    uint8_t state;  /* atomic; enum cap_state */
};

/* Counters at some moment. */
struct history_mark {
    uint64_t requests, bytes, opened;
};

enum { METER_LINE = 64 };

/* What a title costs in the depot, in bytes: pb_title_usage says which. Written by the watcher; atomic. */
struct title_costs {
    uint64_t own, shared, old;
};

/* The padding is meant: see `counts`. NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct meter {
    struct meter *next;  /* of all meters, in the order of creation */
    struct meter *chain; /* of the same hash slot */
    char *title;         /* "opensauce/immure" */
    uint64_t rate;       /* atomic; bytes a second; 0: unlimited */
    struct day_use day;
    struct title_costs depot;
    struct history_mark seen; /* at the last point of the history; the watcher's, as the next */
    uint16_t series;          /* its series there; 0: none */
    struct bucket bucket;
    /* All loops write these: they have a cache line of their own, apart from what loops only read. */
    _Alignas(METER_LINE) struct counts counts;
};

enum { METER_SLOTS = 4096 };
struct meters {
    struct meter *first; /* atomic; readers follow the list while the watcher appends */
    struct meter *last;
    struct meter *slots[METER_SLOTS]; /* used by the watcher alone */
};

/* Sets site_title.meter of each title; creates missing meters. Watcher thread. PB_NO_MEMORY. */
PB_MUST_USE int meters_assign(struct meters *m, struct site *site, struct pb_error *err);
/* NULL: there is none of this title. Watcher thread. */
struct meter *meters_find(struct meters *m, const char *title);
void meters_free(struct meters *m);

/* Updates `today` and `state` from our counter of bytes. */
void day_use_look(struct day_use *d, uint64_t counter);

#endif
