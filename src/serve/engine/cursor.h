/* Bytes on their way into a channel: a head in memory, and a body in memory or in a file. */
#ifndef PB_SERVE_ENGINE_CURSOR_H
#define PB_SERVE_ENGINE_CURSOR_H

#include "serve/engine/transport.h"

struct cursor {
    struct channel *channel;
    const char *head;
    size_t head_n;
    const char *memory; /* NULL: the body is in `file` */
    int file;
    uint64_t offset, left; /* of the body */
    uint64_t budget;       /* bytes of body that cursor_send may send */
};

enum cursor_end {
    CURSOR_THROUGH, /* all has left */
    CURSOR_BLOCKED, /* the channel takes no more for now */
    CURSOR_SPENT,   /* the budget is spent */
    CURSOR_BROKEN,  /* the peer is gone, or the file is shorter than promised */
};

/* What is left, head included. */
static inline uint64_t cursor_left(const struct cursor *s)
{
    return s->head_n + s->left;
}

/* Moves on as far as the channel and the budget allow. */
enum cursor_end cursor_send(struct cursor *s);

#endif
