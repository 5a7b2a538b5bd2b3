/* What the threads of one server share besides the snapshot: admission's state, counters, signs of life. */
#ifndef PB_SERVE_LIVE_SHARED_H
#define PB_SERVE_LIVE_SHARED_H

#include "serve/admission/admission.h"
#include "serve/live/asked.h"

enum { SHARED_LOOPS_MAX = 257 };

struct shared {
    struct admission admission;
    const struct loop_counts *loops[SHARED_LOOPS_MAX]; /* set before the first loop turns */
    size_t loop_count;
    int64_t started;       /* Unix seconds */
    uint64_t watcher_seen; /* atomic; when the watcher last looked; monotonic ms */
    struct asked asked;
    struct tls_counts tls;
    uint64_t objects_verified; /* atomic; by the scrubber */
    uint64_t objects_damaged;  /* atomic; now */
    bool failing;              /* atomic: the newest catalog could not be read */
    bool stopping;             /* atomic */
};

/* The counters of a dialect (by index), added up over all loops. */
struct counts shared_counts(const struct shared *s, size_t dialect);
/* Bytes sent by all loops since the start. */
uint64_t shared_bytes(const struct shared *s);
/* NULL when all threads turn; else a text that says which one hangs. A restart is due then: /healthz. */
const char *shared_illness(const struct shared *s);
/* NULL when a load balancer should send clients; else a text that says why not: /readyz. */
const char *shared_unready(const struct shared *s);

#endif
