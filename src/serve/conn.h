/* Connections: a small slot each, in a table of blocks that never move. */
#ifndef PB_SERVE_CONN_H
#define PB_SERVE_CONN_H

#include "serve/protocol.h"

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

enum { CONN_BLOCK = 256, CONN_BLOCKS_MAX = 4096, CONN_BATCH = 16 * 1024 };

struct conn_table {
    struct conn *blocks[CONN_BLOCKS_MAX];
    size_t block_count;
    struct conn *free;
    size_t open;
    struct conn_list waits[WAIT_KINDS];
};

struct loop;

/* Accepts what waits at a listener, up to a bound. True: there may be more. */
bool conn_accept(struct loop *l, int listener, const struct protocol *protocol);
/* An event for the slot `index` of generation `generation`. With CONN_UPSTREAM in `index` it is of the socket
 * to the server that the request was handed to. */
enum { CONN_UPSTREAM = 0x40000000 };
void conn_event(struct loop *l, uint32_t index, uint32_t generation, uint32_t events);
/* A connection of the ready list gets its next turn. */
void conn_continue(struct loop *l, struct conn *c);
/* Closes those whose deadline has come. */
void conn_expire(struct loop *l);
/* New bans, or new settings: a deny list, rates and times, which hold for open connections, too. */
void conn_snapshot_changed(struct loop *l, bool settings);
/* Gives those that a rate holds back their turns. False: there is none. */
bool conn_rate_turn(struct loop *l);
/* For stopping: answers what has arrived and closes those that have no request under way, but for those so
 * new that their first one may be on its way; or closes all. */
void conn_close_idle(struct loop *l);
void conn_close_all(struct loop *l);
void conn_table_free(struct conn_table *t);

#endif
