/* One thread's event loop: its epoll set, listeners, connections and caches. Of what threads share it
 * has the snapshot, and `shared`. */
#ifndef PB_SERVE_LOOP_H
#define PB_SERVE_LOOP_H

#include "serve/access_log.h"
#include "serve/conn.h"
#include "serve/objects.h"
#include "serve/shared.h"
#include "wire/http_date.h"

enum { LOOP_LISTENERS_MAX = 16 };

/* Where loops get the snapshot from. */
struct snapshot_source {
    void *arg;
    /* Grows with each new snapshot; read without a lock. */
    const uint64_t *generation;
    /* The newest, held for the caller, and its generation. */
    struct snapshot *(*take)(void *arg, uint64_t *generation);
};

struct loop_listener {
    int fd;
    const struct protocol *protocol;
    bool inherited; /* who waits there is left to the next server */
};

struct loop {
    int epoll;
    int timer; /* a tick twice a second: deadlines, log, new snapshots while idle; quicker while a rate holds
                  connections back */
    bool fast_ticks;   /* the quick ticks are on */
    uint64_t slow_due; /* when the duties of the slow tick are due; monotonic ms */
    int wake;          /* eventfd: loop_stop */
    struct snapshot_source source;
    uint64_t generation;
    struct snapshot *snapshot;
    struct shared *shared; /* not owned */
    struct loop_counts counts;
    struct access_log *log; /* may be NULL; not owned */
    struct log_batch *batch;
    struct object_cache objects;
    struct loop_listener listeners[LOOP_LISTENERS_MAX];
    size_t listener_count;
    bool accepting; /* false: out of descriptors, until the next tick */
    struct conn_table conns;
    unsigned operator_connections; /* connections to the operator's address */
    unsigned relays;               /* under way */
    struct conn_list ready;        /* those that had more to do than one turn allows */
    uint64_t now;                  /* monotonic milliseconds, of this turn */
    int64_t unix_now;
    char date[HTTP_DATE];
    bool stop_wanted; /* atomic; set by loop_stop */
    uint64_t stop_at; /* 0: running; else when what is still open is closed */
    bool done;        /* stopped, and no connection is left */
    char *input;      /* what a connection's bytes are read into */
    struct reply_plan plan;
    struct log_line line;
};

/* Takes over the listeners' descriptors when it succeeds. `objects` is the depot's folder. */
PB_MUST_USE int loop_init(struct loop *l, const struct snapshot_source *source, struct shared *shared,
                          const struct loop_listener *listeners, size_t n, int objects, size_t object_room,
                          struct access_log *log, struct pb_error *err);
void loop_free(struct loop *l);

/* Handles what is ready, waiting at most `wait_ms` (-1: for ever). */
void loop_turn(struct loop *l, int wait_ms);

/* A rate holds a connection back: tick soon, until there is none any more. */
void loop_tick_fast(struct loop *l);

/* From any thread: no new connections, finish replies under way, then l->done. */
void loop_stop(struct loop *l);

#endif
