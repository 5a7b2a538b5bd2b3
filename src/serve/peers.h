/*
 * Peers: what the server remembers of an address over all its connections and all threads. An IPv6 address
 * counts as its /64, which is what one customer gets. Connections hold their peer; one without connections is
 * forgotten when its buckets are full again, or sooner when there are too many.
 */
#ifndef PB_SERVE_PEERS_H
#define PB_SERVE_PEERS_H

#include "serve/bucket.h"
#include "serve/ranges.h"

struct peer {
    struct address address; /* IPv6: of the /64 */
    unsigned connections;
    uint64_t rate;          /* atomic; bytes a second; 0: none */
    struct bucket bytes;    /* what was sent */
    struct bucket requests; /* what was asked */
    struct bucket arrivals; /* connections, for the connection ban */
    uint64_t banned_until;  /* monotonic ms: by the connection ban; the depot's record has it, too */
    struct peer *chain;
    struct peer *newer, *older; /* among those without connections, by when they lost their last */
};

enum { PEERS_IDLE_MAX = 65536 };
struct peers;

struct peers *peers_new(void); /* NULL when memory is out */
void peers_free(struct peers *p);

/* What stands for an address: itself, or the first of its /64. */
struct address peer_address(const struct address *a);

/* Limits on a connection that arrives. */
struct peer_limits {
    unsigned total;       /* connections of the server */
    unsigned connections; /* of the address; 0: no limit */
    unsigned
        ban_connections; /* more arrivals than this within ban_window_ms ban the address; 0: no such ban */
    unsigned ban_window_ms;
    unsigned ban_cooldown_ms;
};

enum peer_entry {
    PEER_WELCOME,
    PEER_BANNED_NOW, /* welcome, to be told of it: this connection was one too many */
    PEER_TOTAL,      /* refused: the server is full */
    PEER_TOO_MANY,   /* refused: the address has its share */
    PEER_NO_MEMORY,
};

/* A connection of this address arrives. Welcome: *out is held until peers_leave. From any thread. */
enum peer_entry peers_enter(struct peers *p, const struct address *a, uint64_t now_ms,
                            const struct peer_limits *limits, struct peer **out);
void peers_leave(struct peers *p, struct peer *peer);

/* How many without connections are remembered. */
unsigned peers_idle(struct peers *p);

/* Is the address, having made too many connections, still banned? */
bool peer_banned(const struct peer *peer, uint64_t now_ms);
/* Ends those bans that were in the record and are not any more: an operator lifted them. */
void peers_pardon(struct peers *p, const struct range_set *before, const struct range_set *now);
/* Rates have changed. */
void peers_rates_clear(struct peers *p);

#endif
