/* New connections. */
#ifndef PB_SERVE_ENGINE_ACCEPT_H
#define PB_SERVE_ENGINE_ACCEPT_H

#include "serve/engine/engine.h"

/* Accepts what waits at a listener, up to a bound. True: there may be more. When descriptors or memory are
 * out, l->accepting becomes false. */
bool conn_accept(struct loop *l, const struct loop_listener *listener);

#endif
