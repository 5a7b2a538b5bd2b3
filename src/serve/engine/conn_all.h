/* What a loop does with all of its connections. */
#ifndef PB_SERVE_ENGINE_CONN_ALL_H
#define PB_SERVE_ENGINE_CONN_ALL_H

#include "serve/engine/engine.h"

/* Closes those whose deadline has come. */
void conns_expire(struct loop *l);
/* Gives those that wait for a rate their turns. False: there is none. */
bool conns_rate_turn(struct loop *l);
/* The snapshot has other bans or, with `settings`, other settings: applies deny lists, rates and times to
 * open connections. A reply to an address that is denied now is broken off. */
void conns_snapshot_changed(struct loop *l, bool settings);
/* For stopping: ends the receiving of bodies, answers what has arrived, and closes connections without a
 * request under way. Those so new that their first request may be on its way stay. */
void conns_close_idle(struct loop *l);
/* Others want descriptors: closes at most `most` connections that do nothing, the oldest first: those without
 * a request, and those that only wait for the peer's end. Those whose last reply is still under way stay, and
 * those that have just begun to do nothing. Returns how many were closed. */
size_t conns_give_way(struct loop *l, size_t most);
/* The same for one connection to the operator's address: the oldest without a whole request. False: there is
 * none. */
bool conns_operator_give_way(struct loop *l);
void conns_close(struct loop *l);

#endif
