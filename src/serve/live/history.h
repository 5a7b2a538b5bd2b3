/*
 * What the server did in the last hour: requests, bytes and connections in each HISTORY_STEP seconds, in
 * total, of each dialect, and of the HISTORY_TITLES titles with the most bytes in this hour. The watcher's
 * thread fills it from the counters, so that loops have nothing to do with it. It takes HISTORY_SERIES *
 * HISTORY_POINTS * 16 bytes: below 1 MiB, whatever there is to serve.
 */
#ifndef PB_SERVE_LIVE_HISTORY_H
#define PB_SERVE_LIVE_HISTORY_H

#include "serve/live/shared.h"

enum {
    HISTORY_STEP = 5, /* seconds */
    HISTORY_POINTS = 720,
    HISTORY_TITLES = 64,
    HISTORY_TOTAL = 0,   /* the series of the whole server */
    HISTORY_DIALECT = 1, /* the first series of a dialect */
    HISTORY_TITLE = HISTORY_DIALECT + COUNTS_DIALECTS,
    HISTORY_SERIES = HISTORY_TITLE + HISTORY_TITLES,
    HISTORY_BUSIEST = 10,
};

/* Of HISTORY_STEP seconds. */
struct history_point {
    uint64_t bytes;
    uint32_t requests;
    uint32_t opened; /* connections: in the total those accepted, else those whose first reply it was */
};

struct history_series {
    const char *title; /* of a title's series; borrowed from its meter; NULL: not used */
    struct meter *meter;
    uint64_t requests, bytes, opened; /* sums of all points */
    struct history_point points[HISTORY_POINTS];
};

/* All below the mutex is protected by it. */
struct history {
    pthread_mutex_t mutex;
    bool asked;      /* the busiest addresses were asked for since they were last looked up */
    uint64_t number; /* points there have been; the next is points[number % HISTORY_POINTS] */
    int64_t at;      /* when the last point ended; Unix seconds */
    uint64_t due;    /* when the next one ends; monotonic ms */
    uint64_t busiest_due;
    struct history_mark seen[HISTORY_TITLE]; /* the counters at the last point */
    struct peer_use busiest[HISTORY_BUSIEST];
    size_t busiest_n;
    struct history_series series[HISTORY_SERIES];
};

struct history *history_new(void);    /* NULL when memory is out */
void history_free(struct history *h); /* accepts NULL */

/* Adds `steps` points, at most HISTORY_POINTS, that end now; what came since the last one is spread over
 * them. The caller holds the mutex. */
void history_add(struct history *h, const struct shared *shared, unsigned steps);

/* Adds a point when it is due, and looks for the busiest addresses once a second while somebody asks. The
 * watcher's thread. */
void history_look(struct history *h, const struct shared *shared);

#endif
