/*
 * A carrier brings bytes [from, to) of a resource from a server, over one protocol. The downloader
 * (download.h) decides what is wanted, from which source and how often; a carrier knows connections and its
 * protocol, and nothing of pieces, files or retries. All calls come from one thread.
 *
 * A new carrier is one file and a line in carriers.c.
 */
#ifndef PB_FETCH_CARRIER_H
#define PB_FETCH_CARRIER_H

#include "base/error.h"
#include "fetch/net.h"

/* What a carrier is to bring. Owned by the downloader; the carrier holds it from `start` to `ended` or
 * `cancel`. */
struct errand {
    const char *url;
    uint64_t from, to; /* to: FETCH_SIZE_UNKNOWN for all that there is */
    uint64_t received; /* the carrier adds what it received of it from the network */
    bool alone;        /* in flight on its connection without others: answers were mixed up before */
    void *state;       /* the carrier's own */
    uint32_t wait_ms;  /* with PB_NETWORK: how long the server asks to be left alone; NET_NEVER: give it up */
};

/* How a carrier tells the downloader. Called from within `turn` alone. */
struct carrier_events {
    /* n bytes of the resource from offset `at`. They come in order from errand.from; or from 0, where the
     * server does not continue. An error stops the errand, and comes back in `ended`. */
    int (*bytes)(struct errand *e, uint64_t at, const char *p, size_t n, struct pb_error *err);
    /* The errand has ended with `rc`: PB_OK when all of it was brought; PB_NOT_FOUND: the server has no such
     * resource, or not from there on; PB_NETWORK: another try may help; PB_DAMAGED: what came can't be right.
     */
    void (*ended)(struct errand *e, int rc, const struct pb_error *err);
};

struct carrier;

struct carrier_kind {
    const char *const *schemes; /* "http://"; ends with NULL */
    uint32_t step;              /* errands begin at multiples of this */
    unsigned depth;             /* small errands that are worth having under way on each connection; 0: 1 */
    bool proven; /* the protocol proves bytes before they are handed over, so that what came before a fault is
                    good */
    /* With at most `most` connections. */
    int (*open)(struct net *net, unsigned most, const struct carrier_events *events, struct carrier **out,
                struct pb_error *err);
    /* Begins. An error is the errand's, and `ended` does not follow. */
    int (*start)(struct carrier *c, struct errand *e, struct pb_error *err);
    /* Moves all errands on, and waits at most `wait_ms` for the network if none has ended. An error is the
     * carrier's own: none of its errands can go on. */
    int (*turn)(struct carrier *c, int wait_ms, struct pb_error *err);
    /* Stops an errand without a word. */
    void (*cancel)(struct carrier *c, struct errand *e);
    void (*close)(struct carrier *c); /* no errand is under way; NULL does no harm */
};

/* http_pipeline contains http_carrier, and is the one in the list. */
extern const struct carrier_kind http_carrier, http_pipeline, polp_carrier;
/* All of them; ends with NULL. */
extern const struct carrier_kind *const all_carriers[];

#endif
