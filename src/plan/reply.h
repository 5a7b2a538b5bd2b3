/* The reply plan: what to answer. Dialects make it, the engine drains it. A plain value: it owns nothing. */
#ifndef PB_PLAN_REPLY_H
#define PB_PLAN_REPLY_H

#include "base/digest.h"

enum {
    REPLY_HEAD_MAX = 2048, /* an HTTP head of ours is about 400 bytes; a Location may be long */
};

enum body_kind {
    BODY_NONE,
    BODY_MEMORY, /* owned by the site */
    BODY_OBJECT, /* a range of an object of the depot */
};

struct reply_plan {
    enum body_kind body;
    bool close;      /* close the connection once this is sent */
    uint16_t status; /* for the log: HTTP's, or the dialect's opcode */
    uint16_t head_length;
    const char *memory;          /* BODY_MEMORY: the first byte to send */
    const struct sha256 *object; /* BODY_OBJECT: owned by the site */
    uint64_t object_size;        /* of the whole object */
    uint64_t offset;             /* BODY_OBJECT: the first byte to send */
    uint64_t length;             /* bytes of body to send */
    char head[REPLY_HEAD_MAX];
};

#endif
