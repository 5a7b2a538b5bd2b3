/* The types of the engine: a loop, which belongs to one thread, and its connections. Connections are slots in
 * a table of blocks that never move. loop.h and conn.h have the functions. */
#ifndef PB_SERVE_ENGINE_ENGINE_H
#define PB_SERVE_ENGINE_ENGINE_H

#include "serve/engine/listener.h"
#include "serve/engine/objects.h"
#include "serve/engine/room.h"
#include "serve/engine/transport.h"
#include "serve/protocol/protocol.h"
#include "wire/http_date.h"

#include <netinet/in.h>

/* A connection's states. conn_state.c has the table of who moves a connection from which to which. */
enum conn_state {
    CONN_FREE,     /* the slot is on the free list */
    CONN_IDLE,     /* no byte of a request is here */
    CONN_HEAD,     /* part of a request is here, conn->in has it; or part of a handshake, conn->in is empty */
    CONN_HELD,     /* a whole request is here, and waits for the rate of requests; conn->in has it */
    CONN_TAKING,   /* the body of a request is being received; conn->intake takes it */
    CONN_SENDING,  /* a reply is being sent; conn->out has it, from here to CONN_FOLLOWING */
    CONN_PACED,    /* the reply waits for a byte rate */
    CONN_RELAYING, /* the reply waits for another server, or for the client's body that goes there */
    CONN_FOLLOWING, /* the reply goes on, and the next piece comes with time */
    CONN_CLOSING, /* all is sent and our side is shut; waiting for the peer's end, so that it loses no byte */
    CONN_STATES
};

/* The lists that connections wait on. All deadlines of a list have the same distance, so a list is in order
 * when new connections join its end. */
enum conn_wait {
    WAIT_IDLE,
    WAIT_IDLE_SHORT, /* CONN_IDLE where protocol->short_idle */
    WAIT_HEAD,
    WAIT_TAKE,
    WAIT_SEND,
    WAIT_CLOSE,
    WAIT_RELAY, /* relay.c knows the deadline; it is asked once a second */
    WAIT_FEED,  /* CONN_FOLLOWING: until the next piece is due */
    WAIT_RATE,  /* CONN_HELD and CONN_PACED: no deadline; the list gets a turn at each fast tick */
    WAIT_KINDS
};

struct conn;
struct conn_list {
    struct conn *first, *last;
};

union conn_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Whose a connection is that a trusted proxy makes: proxied.h. */
struct conn_proxy {
    bool header_due;                 /* nothing is read before it has come */
    bool lent;                       /* the visitor is the client of the request under way */
    union conn_address own;          /* whose the connection is between requests */
    struct sockaddr_storage reached; /* what the client connected to, of the header; AF_UNSPEC: not said */
};

struct conn {
    struct channel channel; /* the first: see proxied_reached */
    uint32_t generation;    /* of the slot's use: an event of an earlier use has another one */
    uint32_t index;
    uint8_t state;         /* enum conn_state; changed by conn_move alone */
    uint8_t wait;          /* enum conn_wait: the list that it is on */
    bool ready;            /* on loop->ready */
    bool ended;            /* the peer has shut its side */
    bool served;           /* has had a reply */
    uint16_t in_n;         /* bytes of an incomplete request, or of requests behind the one being answered */
    char *in;              /* NULL when none */
    struct conn_out *out;  /* the reply under way; NULL: none */
    struct intake *intake; /* CONN_TAKING: where the body goes; else NULL */
    uint64_t taken_left;   /* CONN_TAKING: bytes of the body that were to come when we looked last */
    const struct protocol *protocol;
    uint64_t deadline; /* monotonic ms */
    struct visitor visitor;

    struct conn *next, *before;             /* on the list of `wait`, or next on the free list */
    struct conn *ready_next, *ready_before; /* on loop->ready */
    union conn_address remote; /* whom it serves: the peer, or the client that a trusted proxy speaks for */
    struct conn_proxy *proxy;  /* NULL: the peer is no trusted proxy; see proxied.h */
};

/* Set in the index of an event: it concerns the socket to the upstream server of the connection's relay. */
enum { CONN_UPSTREAM = 0x40000000 };

enum { CONN_BLOCK = 256, CONN_BLOCKS_MAX = 4096, CONN_BATCH = 16 * 1024 };

struct conn_table {
    struct conn *blocks[CONN_BLOCKS_MAX];
    size_t block_count;
    struct conn *free;
    size_t open;
    struct conn_list waits[WAIT_KINDS];
};

struct loop_listener {
    const struct protocol *protocol;
    const struct transport *transport;
    int fd;
    bool header;    /* a trusted proxy's connection begins with a PROXY header */
    bool inherited; /* its backlog is left to the next server that inherits the socket */
    bool paused;    /* connections are left in its queue until there is room */
};

struct loop {
    int epoll;
    int timer;         /* timerfd: see ticks.h */
    bool fast_ticks;   /* the fast ticks are on */
    uint64_t slow_due; /* when the work of the slow tick is due; monotonic ms */
    uint64_t noted_at; /* when a reply was last noted; monotonic ms */
    int wake;          /* eventfd: written by loop_stop */
    struct snapshot_source source;
    uint64_t generation;
    struct snapshot *snapshot;
    struct shared *shared; /* not owned */
    struct gate gate;      /* to admission: the snapshot's rules, and the time of this turn */
    struct loop_counts counts;
    struct access_log *log; /* may be NULL; not owned */
    struct log_batch *batch;
    struct object_cache objects;
    struct loop_listener listeners[LISTENERS_MAX];
    size_t listener_count;
    struct room *room;      /* not owned */
    unsigned operator_room; /* connections to the operator's address that there may be */
    bool paused;            /* some listener is */
    bool freed;             /* a connection has closed since */
    struct conn_table conns;
    unsigned operator_connections; /* connections to the operator's address */
    unsigned relays;               /* relays under way */
    struct conn_list ready;        /* connections that can go on without an event */
    int64_t unix_now;
    char date[HTTP_DATE];
    bool stop_wanted; /* atomic; set by loop_stop */
    uint64_t stop_at; /* 0: running; else when connections that are still open are closed; monotonic ms */
    bool done;        /* stopped, and no connection is left */
    char *input;      /* the buffer that connections read into */
    struct reply_plan plan;
    struct log_line line;
};

#endif
