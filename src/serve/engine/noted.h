/* Replies that the operator should hear of. */
#ifndef PB_SERVE_ENGINE_NOTED_H
#define PB_SERVE_ENGINE_NOTED_H

#include "serve/engine/engine.h"

/* l->plan refuses the request. Notes it when the reason is the server's: a status from 500 on, or (`broken`)
 * an object that could not be read. At most ten a second, and without waiting. */
void note_refusal(struct loop *l, const struct conn *c, const struct access *access, bool broken);

#endif
