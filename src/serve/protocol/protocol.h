/* The interface between the engine and a protocol: bytes go in, a reply plan comes out. The engine knows
 * neither HTTP nor POLP; a protocol knows no sockets and no limits. */
#ifndef PB_SERVE_PROTOCOL_PROTOCOL_H
#define PB_SERVE_PROTOCOL_PROTOCOL_H

#include "plan/reply.h"
#include "serve/live/shared.h"
#include "serve/live/snapshot.h"
#include "serve/report/access_log.h"

struct channel; /* the engine's */

/* The context of one request. */
struct exchange {
    const struct snapshot *snapshot;
    const char *date; /* of now, as HTTP writes it */
    bool denied;      /* the peer's address is on the deny list, or banned */
    const struct sockaddr *client;
    const struct channel *channel; /* for `reached` */
    /* Finds the address that the client connected to. False: it is not known. */
    bool (*reached)(const struct channel *channel, struct sockaddr_storage *out);
    const struct shared *shared; /* the server's counters and state, for those that tell of them */
};

/* Why a well-formed request for existing content is refused. */
enum refusal {
    REFUSAL_BROKEN,   /* the object can't be read */
    REFUSAL_SOFT_CAP, /* the day's soft cap is reached: no download starts */
    REFUSAL_HARD_CAP, /* the day's hard cap is reached: nothing is served */
};

enum verdict {
    VERDICT_MORE,  /* the request is not complete */
    VERDICT_REPLY, /* *used bytes are dealt with; drain the plan */
    VERDICT_CLOSE, /* close without a word */
};

struct protocol {
    const char *name; /* also the scheme of its addresses, and the key under which listeners are configured */
    const char *address; /* where to listen if nothing else is said */
    bool short_idle;     /* a connection without a request is closed after short_idle_ms, not idle_ms */
    bool for_operator;   /* the operator's address: no limit, ban, counter or log line applies */
    size_t input_max;    /* no request is longer: one that is not complete by then closes. At most
                            PROTOCOL_INPUT_MAX */
    enum verdict (*next)(const struct exchange *x, const char *in, size_t n, size_t *used,
                         struct reply_plan *plan, struct access *access);
    /* Answers the same request (its bytes are the same) with an error instead. */
    void (*refuse)(const struct exchange *x, const char *in, size_t n, enum refusal why,
                   struct reply_plan *plan);
};

/* What the loop's buffer has room for, besides a batch. */
enum { PROTOCOL_INPUT_MAX = 32 * 1024 };

extern const struct protocol http_protocol, polp_protocol, admin_protocol;

#endif
