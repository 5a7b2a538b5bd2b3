/* HTTP for fetching (libcurl): one small document, or many pieces at once. */
#ifndef PB_FETCH_TRANSPORT_H
#define PB_FETCH_TRANSPORT_H

#include "dialect/dialect.h"

struct transport; /* keeps the connections of pieces alive between calls; one thread at a time */

struct transport_options {
    const char *user_agent;
    bool packed;              /* ask for documents packed with gzip, where the server can */
    bool direct;              /* no proxy, no redirect */
    unsigned seconds;         /* that a document may take; 0: as many as a slow line needs */
    unsigned connections;     /* at once, for pieces; 0: as many as suits them */
    pb_progress_fn *progress; /* may be NULL */
    void *arg;
};

/* A transfer below TRANSPORT_SLOW_BYTES a second for TRANSPORT_SLOW_S seconds counts as broken off: a server
 * that drips must not hold us for days. Four connections over a modem are faster. */
enum {
    TRANSPORT_ATTEMPTS = 3,
    TRANSPORT_RETRY_MS = 1000,
    TRANSPORT_CONNECT_MS = 2000,
    TRANSPORT_SLOW_BYTES = 1000,
    TRANSPORT_SLOW_S = 20
};

PB_MUST_USE int transport_new(const struct transport_options *o, struct transport **out,
                              struct pb_error *err);
void transport_free(struct transport *t); /* NULL does no harm */

/* Waits, asking the progress function whether to go on: PB_CANCELLED when not. */
PB_MUST_USE int transport_pause(const struct transport *t, unsigned ms, struct pb_error *err);

/* One document, one try. */
PB_MUST_USE int transport_try(struct transport *t, const char *url, struct buffer *out, struct pb_error *err);

/* A struct fetch_net's get: tries TRANSPORT_ATTEMPTS times, unless the server itself refuses. */
int transport_get(void *transport, const char *url, struct buffer *out, struct pb_error *err);

/* A struct fetch_net's polp: likewise, over POLP. */
int transport_polp(void *transport, const char *address, const struct polp_request *r, struct buffer *out,
                   struct pb_error *err);

struct download_report {
    unsigned present;    /* pieces that staging had, whole and right */
    unsigned downloaded; /* pieces that came over the network */
    uint64_t bytes;      /* that came over the network, failed attempts included */
};

/*
 * Gets every piece of the plan that staging does not have: several at once, each hashed as it arrives, each
 * tried TRANSPORT_ATTEMPTS times where the network failed, half a piece continued with a Range. Wrong bytes
 * and a missing piece end it at once, if there is nothing else that will do (`otherwise`): the server's
 * content may have changed, and the caller should plan anew. `accept` (may be NULL) sees each piece that is
 * whole; its refusal is final, but for PB_DAMAGED of a piece that is not `verified`. PB_DAMAGED: bytes are
 * not those promised; PB_NOT_FOUND: the server has not got a piece; PB_NETWORK; PB_NO_SPACE. What arrived
 * whole stays in staging.
 */
typedef int piece_accept_fn(void *arg, const struct fetch_piece *piece, struct pb_error *err);
PB_MUST_USE int transport_pieces(struct transport *t, const struct fetch_plan *plan, int staging,
                                 piece_accept_fn *accept, void *accept_arg, struct download_report *report,
                                 struct pb_error *err);

#endif
