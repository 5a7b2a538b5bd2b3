/* What the threads of one server share besides the snapshot. */
#ifndef PB_SERVE_SHARED_H
#define PB_SERVE_SHARED_H

#include "serve/limits.h"
#include "serve/snapshot.h"

#include <pthread.h>

enum { SHARED_LOOPS_MAX = 257, BAN_QUEUE_MAX = 256 };

struct shared {
    struct peers *peers;
    struct meters meters;
    struct bucket bucket;                              /* of the whole server's rate */
    struct day_use day;                                /* of the whole server */
    const struct loop_counts *loops[SHARED_LOOPS_MAX]; /* set before the first loop turns */
    size_t loop_count;
    pthread_mutex_t mutex;
    int64_t started;       /* Unix seconds */
    uint64_t watcher_seen; /* atomic; monotonic ms: when the watcher last looked */
    bool failing;          /* atomic: the newest catalog could not be read */
    bool stopping;         /* atomic */
    /* Addresses that the connection ban caught, on their way to the depot's record; under `mutex`. When it is
     * full the ban holds all the same, but is not recorded. */
    struct address banned[BAN_QUEUE_MAX];
    size_t banned_count;
};

/* All loops' counters of a dialect, added up. */
struct counts shared_counts(const struct shared *s, size_t dialect);
/* All bytes that left since the start. */
uint64_t shared_bytes(const struct shared *s);
/* NULL when all threads turn; else which does not. That is worth a new start. */
const char *shared_illness(const struct shared *s);
/* NULL when the server should be sent clients; else why not. */
const char *shared_unready(const struct shared *s);

/* For the watcher's record: this address was caught. */
void shared_ban(struct shared *s, const struct address *a);

#endif
