/* The states of a connection, the list that it waits on in each, and the ready list. conn_move is the only
 * way from one state to another. */
#ifndef PB_SERVE_ENGINE_CONN_STATE_H
#define PB_SERVE_ENGINE_CONN_STATE_H

#include "serve/engine/engine.h"

/* How long a connection may be CONN_CLOSING. */
enum { CLOSING_MS = 5000 };
/* From one piece of a reply that goes on to the next: the second slow tick behind it. */
enum { FEED_MS = 900 };

/* Puts the connection into the state, and at the end of the state's list with a new deadline. Asserts that
 * the table allows the move. */
void conn_move(struct loop *l, struct conn *c, enum conn_state to);
/* As conn_move to CONN_HELD or CONN_PACED. A connection that is in this state already keeps its place in the
 * list, so that each has its turn. */
void conn_hold(struct loop *l, struct conn *c, enum conn_state to);

/* How long a connection may be on the list; ms. 0 for WAIT_RATE, which has no deadline. */
unsigned wait_ms(const struct serve_settings *s, enum conn_wait wait);

/* A reply is under way. */
static inline bool conn_replies(const struct conn *c)
{
    return c->state == CONN_SENDING || c->state == CONN_PACED || c->state == CONN_RELAYING ||
           c->state == CONN_FOLLOWING;
}

/* It waits for a request, and no event that brought bytes is still to be dealt with. */
static inline bool conn_is_idle(const struct conn *c)
{
    return c->state == CONN_IDLE && !c->ready;
}

/* The ready list: connections that can go on without an event. */
void ready_join(struct loop *l, struct conn *c);
void ready_leave(struct loop *l, struct conn *c);

#endif
