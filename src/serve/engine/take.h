/* Receiving the body of a request, for a protocol's intake. */
#ifndef PB_SERVE_ENGINE_TAKE_H
#define PB_SERVE_ENGINE_TAKE_H

#include "serve/engine/engine.h"

/* Begins: the connection has c->intake, and c->in has what came behind the head. */
void take_begin(struct loop *l, struct conn *c);

enum take_end {
    TAKE_ALL,   /* the body is here, or the intake wants no more */
    TAKE_WAITS, /* for the client: an event will tell */
    TAKE_TURN,  /* the turn is over, and there is more to read: no event will tell */
    TAKE_GONE,  /* the client has gone */
};
/* Takes what has come, up to a turn's share. */
enum take_end take_more(struct loop *l, struct conn *c);

/* Has the client sent as many bytes since the last call as its rate demands? */
bool take_measure(const struct loop *l, struct conn *c);

#endif
