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
    const char *date; /* now, as HTTP writes it */
    bool denied;      /* the client's address is on the deny list, or banned */
    const struct sockaddr *client;
    const struct channel *channel; /* for `reached` */
    /* Finds the address that the client connected to. False: it is not known. */
    bool (*reached)(const struct channel *channel, struct sockaddr_storage *out);
    const struct shared *shared; /* counters and signs of life, for reports */
};

/* Why the engine refuses a request that the protocol has answered with content. */
enum refusal {
    REFUSAL_BROKEN,   /* the object can't be read */
    REFUSAL_DAMAGED,  /* the object is known to be damaged; it may be mended */
    REFUSAL_SOFT_CAP, /* the day's soft cap is reached: no download starts */
    REFUSAL_HARD_CAP, /* the day's hard cap is reached: nothing is served */
    REFUSAL_CROWD,    /* as many of the client's requests are under way as one address may have connections */
};

enum verdict {
    VERDICT_MORE,  /* the request is not complete */
    VERDICT_REPLY, /* the plan answers the first *used bytes */
    VERDICT_TAKE,  /* the first *used bytes are a head; plan->intake takes the body, and answers */
    VERDICT_CLOSE, /* close without a reply */
};

struct protocol {
    const char *name;    /* also the key under which its addresses are configured */
    const char *address; /* the default address to listen on; NULL: none */
    bool short_idle;     /* a connection without a request is closed after short_idle_ms, not idle_ms */
    bool for_operator;   /* the operator's address: no limits, bans, reported counters or log lines. Only here
                            are bodies   taken */
    size_t input_max; /* bytes; a request that is longer closes the connection. At most PROTOCOL_INPUT_MAX */
    /* Parses the request at the start of in[0, n), and plans its reply. VERDICT_MORE: nothing is changed.
     * Also called again for a request that was held back: it must have no effect that a second call would
     * repeat. */
    enum verdict (*next)(const struct exchange *x, const char *in, size_t n, size_t *used,
                         struct reply_plan *plan, struct access *access);
    /* Appends the next piece of a reply that goes on; nothing, when there is nothing new. False: the reply
     * ends. NULL where no reply goes on. */
    bool (*more)(const struct exchange *x, struct reply_feed *feed, struct buffer *out);
    /* Whom a proxy asks for. *address is the proxy's own; where it, and each that is found behind it, is
     * `trusted`, it is replaced by what the request names. False: the request's head is not complete. NULL:
     * requests name nobody. */
    bool (*client)(const struct range_set *trusted, const char *in, size_t n,
                   struct sockaddr_storage *address);
    /* Plans an error in reply to the same request. `in` is the same as for `next`. */
    void (*refuse)(const struct exchange *x, const char *in, size_t n, enum refusal why,
                   struct reply_plan *plan);
};

/* Bytes. */
enum { PROTOCOL_INPUT_MAX = 32 * 1024 };

extern const struct protocol http_protocol, polp_protocol, admin_protocol;

#endif
