/* What the threads of one server share besides the snapshot. */
#ifndef PB_SERVE_LIVE_SHARED_H
#define PB_SERVE_LIVE_SHARED_H

#include "serve/admission/admission.h"

enum { SHARED_LOOPS_MAX = 257 };

struct shared {
    struct admission admission;
    const struct loop_counts *loops[SHARED_LOOPS_MAX]; /* set before the first loop turns */
    size_t loop_count;
    int64_t started;       /* Unix seconds */
    uint64_t watcher_seen; /* atomic; monotonic ms: when the watcher last looked */
    bool failing;          /* atomic: the newest catalog could not be read */
    bool stopping;         /* atomic */
};

/* All loops' counters of a dialect, added up. */
struct counts shared_counts(const struct shared *s, size_t dialect);
/* All bytes that left since the start. */
uint64_t shared_bytes(const struct shared *s);
/* NULL when all threads turn; else which does not. That is worth a new start. */
const char *shared_illness(const struct shared *s);
/* NULL when the server should be sent clients; else why not. */
const char *shared_unready(const struct shared *s);

#endif
