/* What the threads of one server share besides the snapshot: admission's state, counters, signs of life. */
#ifndef PB_SERVE_LIVE_SHARED_H
#define PB_SERVE_LIVE_SHARED_H

#include "base/process.h"
#include "serve/admission/admission.h"
#include "serve/live/asked.h"

struct uploads;
struct publish_calls;

enum { SHARED_LOOPS_MAX = 257 };

/* Of the depot: what pb_depot_usage says. Written by the watcher; atomic. */
struct depot_costs {
    uint64_t objects, bytes, live_bytes, old_bytes, unused_bytes, old_releases, free_bytes, disk_bytes;
};
struct history;
struct notes;

struct shared {
    struct admission admission;
    const struct loop_counts *loops[SHARED_LOOPS_MAX]; /* set before the first loop turns */
    size_t loop_count;
    int64_t started;       /* Unix seconds */
    uint64_t watcher_seen; /* atomic; when the watcher last looked; monotonic ms */
    struct asked asked;
    struct uploads *uploads; /* NULL: nothing can be published from afar */
    const struct publish_calls *publish_calls;
    bool exposed; /* other machines reach an address of the operator's */
    struct tls_counts tls;
    uint64_t objects_verified; /* atomic; by the scrubber */
    uint64_t objects_damaged;  /* atomic; now */
    struct depot_costs costs;
    struct process process;  /* opened at the start; the operator's loop looks */
    bool failing;            /* atomic: the newest catalog could not be read */
    bool stopping;           /* atomic */
    const char *depot;       /* its path */
    struct history *history; /* NULL, as notes: there is no address for the operator */
    struct notes *notes;
    unsigned feeds;            /* atomic; replies to the operator that go on */
    uint8_t headerless_state;  /* atomic; enum headerless_state */
    struct address headerless; /* a trusted proxy that sent no PROXY header where one is due */
};

/* What is told of such proxies: the first one, once. */
enum headerless_state { HEADERLESS_NONE, HEADERLESS_NOTED, HEADERLESS_KNOWN, HEADERLESS_TOLD };
/* For loops. */
void shared_headerless_note(struct shared *s, const struct address *proxy);
/* For the watcher. True: *proxy is to be told now. */
bool shared_headerless_take(struct shared *s, struct address *proxy);

/* The counters of a dialect (by index), added up over all loops. */
struct counts shared_counts(const struct shared *s, size_t dialect);
/* Bytes sent by all loops since the start. */
uint64_t shared_bytes(const struct shared *s);
/* NULL when all threads turn; else a text that says which one hangs. A restart is due then: /healthz. */
const char *shared_illness(const struct shared *s);
/* NULL when a load balancer should send clients; else a text that says why not: /readyz. */
const char *shared_unready(const struct shared *s);

#endif
