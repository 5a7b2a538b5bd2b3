/* The reply plan: the answer to one request. A dialect fills it in, and the engine sends it. Its memory and
 * objects are borrowed from the site; it owns only what reply_plan_drop frees. */
#ifndef PB_PLAN_REPLY_H
#define PB_PLAN_REPLY_H

#include "base/digest.h"
#include "plan/intake.h"
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

/* A digest in the head: the first four bytes of the MD5 of the rest of the head and the body. The engine
 * computes it, 64 KiB a turn so that other connections are not delayed, and then calls `done`. */
struct reply_seal {
    uint16_t at;   /* offset in the head of the four bytes */
    uint16_t from; /* offset in the head of the first byte that they cover; 0: the reply has no seal */
    void (*done)(void *arg, const uint32_t key[3], const uint8_t hash[4]); /* may be NULL */
    void *arg;                                                             /* owned by the site */
    uint32_t key[3];                                                       /* for `done` */
};

/* A reply that goes on: once all of it has left, the engine asks the protocol for the next piece, about once
 * a second, until one of the two ends it. The protocol makes it, as the first member of what it needs. */
struct reply_feed {
    void (*free)(struct reply_feed *feed);
};

struct reply_plan {
    enum body_kind body;
    bool close;           /* close the connection once this is sent */
    bool owned;           /* `memory` is owned by the plan; freed with free() */
    bool refused;         /* an error reply */
    bool starts_download; /* the first reply of a download: a definition, a list. A soft cap refuses these */
    bool ends_download;   /* the last bytes of a map, a level or a file: once they are sent, a download is
                             complete */
    uint16_t status;      /* for the log: HTTP's, or the dialect's opcode */
    uint16_t head_length;
    uint8_t dialect;                /* index in serve_settings.dialects, or REPLY_NO_DIALECT */
    const struct site_title *title; /* the title that the content belongs to; NULL: none */
    const char *memory;             /* BODY_MEMORY: the first byte to send */
    const struct sha256 *object;    /* BODY_OBJECT, and replies to HEAD about one; owned by the site */
    uint64_t object_size;           /* of the whole object */
    uint64_t offset;                /* BODY_OBJECT: the first byte to send */
    uint64_t length;                /* bytes of body to send */
    uint64_t pace; /* bytes a second at which the reply is sent, without a burst; 0: unlimited */
    struct reply_seal seal;
    struct reply_feed *feed; /* the reply goes on with it; owned by the plan; NULL: it ends */
    /* The request is relayed to this upstream server. The rest of the plan is the answer when the server
     * fails. */
    const struct relay_target *target; /* set by the dialect; NULL: none */
    struct relay_request *relay;       /* made by the protocol; owned by the plan */
    struct intake *intake;             /* with VERDICT_TAKE: what the body goes to; owned by the plan */
    char head[REPLY_HEAD_MAX];
};

/* True when the body ends where the resource of `size` bytes ends. */
static inline bool reply_plan_ends(const struct reply_plan *p, uint64_t size)
{
    return p->length > 0 && p->offset + p->length == size;
}

/* Frees what the plan owns, when it is replaced or not sent. */
static inline void reply_plan_drop(struct reply_plan *p)
{
    if (p->feed != NULL)
        p->feed->free(p->feed);
    p->feed = NULL;
    if (p->owned)
        free((char *)p->memory);
    p->owned = false;
    relay_request_free(p->relay);
    p->relay = NULL;
    intake_free(p->intake);
    p->intake = NULL;
}

/* Resets a plan before a protocol asks the dialects to fill it in. */
static inline void reply_plan_start(struct reply_plan *p)
{
    p->owned = p->refused = p->starts_download = p->ends_download = p->close = false;
    p->dialect = REPLY_NO_DIALECT;
    p->title = NULL;
    p->object = NULL;
    p->feed = NULL;
    p->pace = 0;
    p->target = NULL;
    p->relay = NULL;
    p->intake = NULL;
    p->seal.from = 0;
}

#endif
