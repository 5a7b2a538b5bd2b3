/* How a connection ends. Each of these may free the slot: afterwards c->generation tells. */
#ifndef PB_SERVE_ENGINE_CONN_END_H
#define PB_SERVE_ENGINE_CONN_END_H

#include "serve/engine/engine.h"

/* Closes it now. A reply under way counts as broken off. */
void conn_close(struct loop *l, struct conn *c);
/* Closes it with a reset: what the kernel still holds for the peer is thrown away. For a peer that does not
 * take its reply, or must not take a part for the whole. */
void conn_abort(struct loop *l, struct conn *c);
/* The last reply has left: shuts our side, and waits for the peer's end. Closing at once could reset the
 * connection and lose the peer our last bytes, as it may still be sending. */
void conn_finish(struct loop *l, struct conn *c);

#endif
