/*
 * Peers: what the server remembers of an address over all its connections and all threads. An IPv6 address
 * counts as its /64, which is what one customer gets. Connections hold their peer; one without connections is
 * forgotten a minute later, when its buckets are full again, or sooner when there are too many.
 */
#ifndef PB_SERVE_ADMISSION_PEERS_H
#define PB_SERVE_ADMISSION_PEERS_H

#include "serve/admission/bucket.h"
#include "serve/admission/ranges.h"

struct peer {
    struct address address; /* IPv6: of the /64 */
    unsigned connections;   /* all that hold it; under the lock */
    unsigned busy;          /* atomic; of them, those that have not finished: peer_finished */
    uint64_t rate;          /* atomic; bytes a second; 0: none */
    struct bucket bytes;    /* what was sent */
    struct bucket requests; /* what was asked */
    struct bucket useless;  /* connections without a valid request, for the connection ban */
    uint64_t sent;          /* atomic; bytes, heads included */
    uint64_t asked;         /* atomic; requests */
    uint64_t left;          /* monotonic ms: when its last connection went */
    uint64_t banned_until;  /* atomic; monotonic ms: by the connection ban; the depot's record has it, too */
    struct peer *chain;
    struct peer *newer, *older; /* among those without connections, by when they lost their last */
};

/* PEER_FINISHED_MAX: so many finished connections do not count against the limit of an address. They wait for
 * the client's end alone, and for a few seconds; who never ends them must not fill the server.
 * PEER_KEPT_MS: so long an address is remembered after its last connection, at least. */
enum { PEERS_IDLE_MAX = 65536, PEER_FINISHED_MAX = 1000, PEER_KEPT_MS = 60000 };
struct peers;

struct peers *peers_new(void); /* NULL when memory is out */
void peers_free(struct peers *p);

/* What stands for an address: itself, or the first of its /64. */
struct address peer_address(const struct address *a);

struct peer_limits {
    unsigned total;           /* connections of the server */
    unsigned connections;     /* of the address; 0: no limit */
    unsigned ban_connections; /* more useless ones than this within ban_window_ms ban the address; 0: none */
    unsigned ban_window_ms;
    unsigned ban_cooldown_ms;
};

enum peer_entry {
    PEER_WELCOME,
    PEER_TOTAL,    /* refused: the server is full */
    PEER_TOO_MANY, /* refused: the address has its share */
    PEER_NO_MEMORY,
};

/* A connection of this address arrives. Welcome: *out is held until peers_leave. From any thread. */
enum peer_entry peers_enter(struct peers *p, const struct address *a, uint64_t now_ms,
                            const struct peer_limits *limits, struct peer **out);
/* Nothing more is sent or read on a connection of it: it does not count against the limit of the address any
 * more. Once for each connection, before peers_leave. */
void peer_finished(struct peer *peer);
void peers_leave(struct peers *p, struct peer *peer, uint64_t now_ms);

/* A connection ends that brought no valid request. True: it was one too many, and the ban begins. */
PB_MUST_USE bool peer_useless(struct peer *peer, uint64_t now_ms, const struct peer_limits *limits);

/* What an address got since it came; of those that are remembered. */
struct peer_use {
    struct address address; /* IPv6: of the /64 */
    unsigned connections;
    uint64_t sent, asked;
};
/* The `most` that got the most bytes, in that order. Returns how many there are. */
size_t peers_busiest(struct peers *p, struct peer_use *out, size_t most);

/* How many without connections are remembered. */
unsigned peers_idle(struct peers *p);

/* Is the address, having made too many useless connections, still banned? */
bool peer_banned(const struct peer *peer, uint64_t now_ms);
/* Ends those bans that were in the record and are not any more: an operator lifted them. */
void peers_pardon(struct peers *p, const struct range_set *before, const struct range_set *now);
/* Rates have changed. */
void peers_rates_clear(struct peers *p);

#endif
