/* What one thread's event loop holds: its epoll set, listeners, connections and caches. Connections are small
 * slots in a table of blocks that never move. Of what threads share a loop has the snapshot, and `shared`.
 * Types only: conn.h and loop.h say what is done with them. */
#ifndef PB_SERVE_ENGINE_H
#define PB_SERVE_ENGINE_H

#include "serve/access_log.h"
#include "serve/objects.h"
#include "serve/protocol.h"
#include "serve/shared.h"
#include "wire/http_date.h"

#include <netinet/in.h>

enum conn_state {
    CONN_FREE,    /* the slot is on the free list */
    CONN_READING, /* waiting for a request, or for the rest of one */
    CONN_SENDING, /* a reply plan is being drained; conn->out has it */
    CONN_CLOSING, /* all is sent and our side is shut; waiting for the peer's end, so that it loses no byte */
};

/* The deadline lists. In each all deadlines have the same distance, so a new one goes to the end. */
enum conn_wait {
    WAIT_IDLE,
    WAIT_BRIEF,
    WAIT_HEAD,
    WAIT_SEND,
    WAIT_CLOSE,
    WAIT_RELAY, /* for another server, or for a body to hand on to it: relay.c knows how long */
    WAIT_RATE,  /* held back by a rate: no deadline, and a turn of the list at each quick tick */
    WAIT_KINDS
};

struct conn;
struct conn_list {
    struct conn *first, *last;
};

struct conn {
    int fd;
    uint32_t generation; /* of the slot's use: an event of an earlier one is told by it */
    uint32_t index;
    uint8_t state;        /* enum conn_state */
    uint8_t wait;         /* enum conn_wait: the list that it is on */
    bool denied;          /* the address is on the deny list, or banned */
    bool ready;           /* on loop->ready */
    bool ended;           /* the peer has shut its side */
    uint16_t in_n;        /* bytes of an incomplete request, or of requests behind the one being answered */
    char *in;             /* NULL when none */
    struct conn_out *out; /* CONN_SENDING only */
    const struct protocol *protocol;
    uint64_t deadline;
    uint64_t due;     /* when what a rate holds back may go on; monotonic ms */
    uint32_t granted; /* bytes that it has taken from its rates' buckets and not sent yet */
    uint64_t pace;    /* bytes a second of the reply under way, as its plan says; 0: as it can */
    struct bucket paced;
    bool asked;  /* its next request has been taken from the bucket */
    bool served; /* has had a reply */
    bool valid;  /* has brought a valid request, or one while it was denied: the connection ban does not count
                    it */

    struct conn *next, *before;             /* on the deadline list, or next on the free list */
    struct conn *ready_next, *ready_before; /* on loop->ready */
    struct peer *peer; /* what the server knows of the address; NULL where protocol->for_operator */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } remote;
};

/* Set in the index of an event: it is of the socket to the server that the connection's request was handed
 * to. */
enum { CONN_UPSTREAM = 0x40000000 };

enum { CONN_BLOCK = 256, CONN_BLOCKS_MAX = 4096, CONN_BATCH = 16 * 1024 };

struct conn_table {
    struct conn *blocks[CONN_BLOCKS_MAX];
    size_t block_count;
    struct conn *free;
    size_t open;
    struct conn_list waits[WAIT_KINDS];
};

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

#endif
