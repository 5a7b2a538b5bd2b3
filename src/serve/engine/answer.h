/* From bytes of input to replies that are sent, or under way. */
#ifndef PB_SERVE_ENGINE_ANSWER_H
#define PB_SERVE_ENGINE_ANSWER_H

#include "serve/engine/engine.h"

/* What became of a batch of input. */
enum batch_end {
    BATCH_USED,  /* all of it is dealt with, or kept: more input may be read */
    BATCH_WAITS, /* a reply is under way, or the next request is held; the rest is kept */
    BATCH_OVER,  /* the connection is closing or closed */
    BATCH_TURN,  /* the turn is over, and there is more to do; the rest is kept */
};

/* Answers the requests in l->input[0, n), and keeps in c->in what can't be answered yet. */
enum batch_end batch_answer(struct loop *l, struct conn *c, size_t n);

/* The body of the request has been taken: sends the intake's answer. BATCH_USED: it has left, and the
 * connection is idle. */
enum batch_end take_answer(struct loop *l, struct conn *c);

#endif
