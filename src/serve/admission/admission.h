/*
 * Admission: may this connection, this request, these bytes go on, and when? The engine asks at three points,
 * and each answers with a struct admit:
 *
 *   admit_connection   a connection was accepted: the limits of the server and of the address
 *   admit_request      a request was read and planned: the rate of requests, the daily caps
 *   admit_bytes        a reply would send: the byte rates of the server, the address, the title and the reply
 *
 * Admission knows no sockets and closes nothing. Its functions may be called from any thread; a gate and a
 * visitor belong to one thread.
 */
#ifndef PB_SERVE_ADMISSION_ADMISSION_H
#define PB_SERVE_ADMISSION_ADMISSION_H

#include "serve/admission/gate.h"

/* ---- the answer ---- */

enum admit_kind { ADMIT_NOW, ADMIT_LATER, ADMIT_NEVER };

enum admit_reason {
    ADMIT_NO_REASON,
    ADMIT_SERVER_FULL,  /* max_connections is reached, or memory is out */
    ADMIT_ADDRESS_FULL, /* address_connections is reached */
    ADMIT_SOFT_CAP,     /* the day's soft cap is reached: no download starts */
    ADMIT_HARD_CAP,     /* the day's hard cap is reached: nothing is served */
};

struct admit {
    enum admit_kind kind;
    enum admit_reason reason; /* ADMIT_NEVER: why */
    uint64_t when;            /* ADMIT_LATER: ask again from then on; monotonic ms */
    uint64_t bytes;           /* ADMIT_NOW of admit_bytes: so many may leave */
};

/* ---- the state that all threads share ---- */

PB_MUST_USE int admission_init(struct admission *a, struct pb_error *err);
void admission_free(struct admission *a);
/* Moves the queue of caught addresses to `out`. Returns how many there are. */
size_t admission_take_banned(struct admission *a, struct address out[BAN_QUEUE_MAX]);
/* The rates have changed: every bucket is full again. */
void admission_rates_clear(struct admission *a);

/* ---- the three points ---- */

/* ADMIT_NOW: v holds its peer until visitor_leave, and v->denied is set. ADMIT_NEVER: v is unchanged. */
struct admit admit_connection(const struct gate *g, struct visitor *v, const struct address *address);

/* The connection of v is `address`'s from now on: a proxy's, or that of the client that it asks for. What is
 * known of the visitor before counts for the address before: if nothing valid came from there, for its
 * connection ban. ADMIT_NEVER: v holds the peer that it held. */
struct admit visitor_become(const struct gate *g, struct visitor *v, const struct address *address);

/* A request, as its reply plan describes it. */
struct wanted {
    const struct meter *meter; /* of the title; NULL: none */
    bool refused;              /* the plan is an error already */
    bool capped;               /* a dialect answers: daily caps apply */
    bool starts_download;      /* a soft cap refuses it */
};

/* ADMIT_LATER: the request waits for its rate, and is asked for again. ADMIT_NEVER: a cap refuses it. */
struct admit admit_request(const struct gate *g, struct visitor *v, const struct wanted *w);

/* For a reply that has `need` bytes left (need > 0), head included. `m` is the title's meter, or NULL.
 * ADMIT_NOW: at most `bytes` of them; visitor_sent says how many left. */
struct admit admit_bytes(const struct gate *g, struct visitor *v, struct meter *m, uint64_t need);

/* ---- what became of it ---- */

/* That many bytes have left, head included. */
void visitor_sent(const struct gate *g, struct visitor *v, struct meter *m, uint64_t bytes);
/* The reply stops for now, or ends: what was granted and not sent goes back into the buckets. */
void visitor_stop(const struct gate *g, struct visitor *v, struct meter *m);
/* The rules have changed: sets v->denied anew. `rates`: the buckets were cleared, too. */
void visitor_judge(const struct gate *g, struct visitor *v, const struct address *address, bool rates);
/* Nothing more is sent or read: it does not count for the limit of its address any more. Once, before
 * visitor_leave. */
void visitor_finished(struct visitor *v);
/* The connection has ended. `excused`: the server itself kept a request from being answered, so the
 * connection ban does not count it. */
void visitor_leave(const struct gate *g, struct visitor *v, bool excused);

#endif
