/* The reply plan: what to answer. Dialects make it, the engine drains it. A plain value: it owns nothing. */
#ifndef PB_PLAN_REPLY_H
#define PB_PLAN_REPLY_H

#include "base/digest.h"
#include "plan/relay.h"

struct site_title;

enum {
    REPLY_HEAD_MAX = 2048, /* an HTTP head of ours is about 400 bytes; a Location may be long */
    REPLY_NO_DIALECT = UINT8_MAX,
};

enum body_kind {
    BODY_NONE,
    BODY_MEMORY, /* owned by the site */
    BODY_OBJECT, /* a range of an object of the depot */
};

/* A digest in the head that covers what follows in it and the body: the first four bytes of an MD5. The
 * engine computes it step by step, so that other connections go on meanwhile, and tells `done`. */
struct reply_seal {
    uint16_t at,
        from; /* where in the head the four bytes go, and where what they cover begins; from 0: no seal */
    void (*done)(void *arg, const uint32_t key[3], const uint8_t hash[4]); /* may be NULL */
    void *arg;                                                             /* owned by the site */
    uint32_t key[3];                                                       /* for `done` */
};

struct reply_plan {
    enum body_kind body;
    bool close;      /* close the connection once this is sent */
    bool owned;      /* BODY_MEMORY is the plan's own, from malloc: the engine frees it */
    bool refused;    /* an error is all that it says */
    bool begins;     /* with this a download begins: what comes after it follows from it */
    bool completes;  /* when all of it has left, so has a download: a map, a level, a file */
    uint16_t status; /* for the log: HTTP's, or the dialect's opcode */
    uint16_t head_length;
    uint8_t dialect;                /* whose it is, in the order of the settings; REPLY_NO_DIALECT: none's */
    const struct site_title *title; /* what it is of; NULL: of none */
    const char *memory;             /* BODY_MEMORY: the first byte to send */
    const struct sha256 *object;    /* BODY_OBJECT: owned by the site */
    uint64_t object_size;           /* of the whole object */
    uint64_t offset;                /* BODY_OBJECT: the first byte to send */
    uint64_t length;                /* bytes of body to send */
    uint64_t pace; /* bytes a second at which the reply leaves, without a burst; 0: as it can */
    struct reply_seal seal;
    /* Another server is to be asked first: the plan is what to answer when that one does not. */
    const struct relay_target *target; /* the dialect says which; NULL: none */
    struct relay_request *relay;       /* and the protocol how; the plan's own */
    char head[REPLY_HEAD_MAX];
};

/* Does the body end where the resource of `size` bytes ends? */
static inline bool reply_plan_ends(const struct reply_plan *p, uint64_t size)
{
    return p->length > 0 && p->offset + p->length == size;
}

/* What is the plan's own goes; for a plan that is not sent, or is replaced. */
static inline void reply_plan_drop(struct reply_plan *p)
{
    if (p->owned)
        free((char *)p->memory);
    p->owned = false;
    free(p->relay);
    p->relay = NULL;
}

/* Nobody's, of nothing; before a protocol asks anyone. */
static inline void reply_plan_start(struct reply_plan *p)
{
    p->owned = p->refused = p->begins = p->completes = p->close = false;
    p->dialect = REPLY_NO_DIALECT;
    p->title = NULL;
    p->pace = 0;
    p->target = NULL;
    p->relay = NULL;
    p->seal.from = 0;
}

#endif
