/* One connection's turn: what an event, the ready list or a deadline lets it do. */
#ifndef PB_SERVE_ENGINE_CONN_H
#define PB_SERVE_ENGINE_CONN_H

#include "serve/engine/engine.h"

/* An event for the slot `index` of generation `generation`. With CONN_UPSTREAM in `index` it is of the socket
 * to the server that the request was handed to. */
void conn_event(struct loop *l, uint32_t index, uint32_t generation, uint32_t events);
/* It goes on without an event. It leaves the ready list, and joins it again where its turn is over before its
 * work is. */
void conn_continue(struct loop *l, struct conn *c);

#endif
