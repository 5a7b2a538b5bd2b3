/*
 * Peers: what the server knows of a client address, over all connections and threads. An IPv6 address counts
 * as its /64, which is what one customer gets. A connection holds its peer. A peer without connections is
 * forgotten after PEER_KEPT_MS, once its buckets are full again; or earlier, when there are more than
 * PEERS_IDLE_MAX.
 */
#ifndef PB_SERVE_ADMISSION_PEERS_H
#define PB_SERVE_ADMISSION_PEERS_H

#include "serve/admission/bucket.h"
#include "serve/admission/ranges.h"

struct peer {
    struct address address; /* IPv6: of the /64 */
    unsigned connections;   /* that hold this peer; under the lock */
    unsigned busy;          /* atomic; connections without peer_finished */
    uint64_t rate;          /* atomic; bytes a second; 0: unlimited */
    struct bucket bytes;    /* of `rate` */
    struct bucket requests; /* of limits.address_requests */
    struct bucket useless;  /* connections without a valid request, for the connection ban */
    uint64_t sent;          /* atomic; bytes, heads included */
    uint64_t asked;         /* atomic; requests answered */
    uint64_t left;          /* when its last connection ended; monotonic ms */
    uint64_t banned_until;  /* atomic; end of its connection ban; monotonic ms; 0: none */
    struct peer *chain;
    struct peer *newer, *older; /* the list of peers without connections, by `left` */
};

/* PEER_FINISHED_MAX: so many finished connections of an address do not count against its limit. They only
 * wait, for a few seconds, for the client to close. The bound keeps a client that never closes from filling
 * the server. PEER_KEPT_MS: the least time that a peer is remembered after its last connection. */
enum { PEERS_IDLE_MAX = 65536, PEER_FINISHED_MAX = 1000, PEER_KEPT_MS = 60000 };
struct peers;

/* The table. peers_new returns NULL when memory is out; peers_free accepts NULL. All functions that take a
 * struct peers are thread-safe. */
struct peers *peers_new(void);
void peers_free(struct peers *p);

/* The address that a peer is known under: an IPv4 address itself, the first address of an IPv6 /64. */
struct address peer_address(const struct address *a);

struct peer_limits {
    unsigned total;           /* connections of the whole server */
    unsigned connections;     /* of one address; 0: unlimited */
    unsigned ban_connections; /* more useless connections than this within ban_window_ms ban; 0: no ban */
    unsigned ban_window_ms;
    unsigned ban_cooldown_ms;
};

enum peer_entry {
    PEER_WELCOME,
    PEER_TOTAL,    /* refused: the server is full */
    PEER_TOO_MANY, /* refused: the address has its share */
    PEER_NO_MEMORY,
};

/* A connection from `a` arrives. PEER_WELCOME: the caller holds *out until peers_leave. */
enum peer_entry peers_enter(struct peers *p, const struct address *a, uint64_t now_ms,
                            const struct peer_limits *limits, struct peer **out);
/* A connection is someone else's from now on: a proxy's while it waits, its client's while a request is under
 * way. The connection gives *held back and holds the peer of `a`; the server's total stays the same. If it is
 * refused nothing has changed. */
enum peer_entry peers_exchange(struct peers *p, struct peer **held, const struct address *a, uint64_t now_ms,
                               const struct peer_limits *limits);
/* A connection has sent and read everything; it no longer counts against the limit of its address. Exactly
 * once for each connection, before peers_leave. */
void peer_finished(struct peer *peer);
void peers_leave(struct peers *p, struct peer *peer, uint64_t now_ms);

/* A connection has ended without a valid request. True: it was one too many, and the ban begins. Of several
 * threads just one gets true. */
PB_MUST_USE bool peer_useless(struct peer *peer, uint64_t now_ms, const struct peer_limits *limits);

/* What an address got since its peer was created. */
struct peer_use {
    struct address address; /* IPv6: of the /64 */
    unsigned connections;
    uint64_t sent, asked;
};
/* The addresses that got the most bytes, in descending order; at most `most`. Returns how many. */
size_t peers_busiest(struct peers *p, struct peer_use *out, size_t most);

/* How many peers without connections are remembered. For tests. */
unsigned peers_idle(struct peers *p);

/* True while the connection ban of the peer lasts. */
bool peer_banned(const struct peer *peer, uint64_t now_ms);
/* Ends connection bans of addresses that are in `before` and not in `now`: the operator lifted them. */
void peers_pardon(struct peers *p, const struct range_set *before, const struct range_set *now);
/* Fills the buckets of all peers: the rates have changed. */
void peers_rates_clear(struct peers *p);

#endif
