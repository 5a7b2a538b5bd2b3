/* New connections. */
#ifndef PB_SERVE_ENGINE_ACCEPT_H
#define PB_SERVE_ENGINE_ACCEPT_H

#include "serve/engine/engine.h"

/* Accepts what waits at a listener, up to a bound. True: there may be more. Without room, the listener is
 * paused: it is not watched any more. */
bool conn_accept(struct loop *l, struct loop_listener *listener);

#endif
