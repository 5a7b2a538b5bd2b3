/* What a loop does with its connections. Their states and lists are in engine.h. */
#ifndef PB_SERVE_CONN_H
#define PB_SERVE_CONN_H

#include "serve/engine.h"

/* Accepts what waits at a listener, up to a bound. True: there may be more. */
bool conn_accept(struct loop *l, int listener, const struct protocol *protocol);
/* An event for the slot `index` of generation `generation`. With CONN_UPSTREAM in `index` it is of the socket
 * to the server that the request was handed to. */
void conn_event(struct loop *l, uint32_t index, uint32_t generation, uint32_t events);
/* A connection of the ready list gets its next turn. */
void conn_continue(struct loop *l, struct conn *c);
/* Closes those whose deadline has come. */
void conn_expire(struct loop *l);
/* New bans, or new settings: a deny list, rates and times, which hold for open connections, too. */
void conn_snapshot_changed(struct loop *l, bool settings);
/* Gives those that a rate holds back their turns. False: there is none. */
bool conn_rate_turn(struct loop *l);
/* For stopping: answers what has arrived and closes those that have no request under way, but for those so
 * new that their first one may be on its way; or closes all. */
void conn_close_idle(struct loop *l);
void conn_close_all(struct loop *l);

#endif
