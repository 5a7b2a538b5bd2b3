/* An intake: what takes the body of a request, piece by piece, and then answers it. A protocol makes it, the
 * engine feeds it. So a body of any size costs one buffer, and a slow taker slows the client down. */
#ifndef PB_PLAN_INTAKE_H
#define PB_PLAN_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reply_plan;

/* Embedded at the beginning of what takes. */
struct intake {
    uint64_t left; /* bytes that are still to come; the engine counts them down */
    const char
        *greeting; /* sent before the body is read, to a client that waits for it; NULL: none; static */
    /* Takes n bytes. False: it wants no more, and `end` says why; the connection closes behind the answer. */
    bool (*take)(struct intake *in, const char *p, size_t n);
    /* Plans the answer. `left` is 0 unless `take` refused. `date`: now, as HTTP writes it. */
    void (*end)(struct intake *in, const char *date, struct reply_plan *plan);
    /* Frees it; also where the client went before the end. */
    void (*free)(struct intake *in);
};

static inline void intake_free(struct intake *in)
{
    if (in != NULL)
        in->free(in);
}

#endif
