/* The context of a request, made of its connection. */
#ifndef PB_SERVE_ENGINE_EXCHANGE_H
#define PB_SERVE_ENGINE_EXCHANGE_H

#include "serve/engine/engine.h"

struct exchange exchange_of(const struct loop *l, const struct conn *c);

#endif
