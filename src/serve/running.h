/*
 * The servers that run on a depot, as its record has them, so that `patchbay status` finds one. A server that
 * was killed leaves its row: the next one that starts takes it away.
 */
#ifndef PB_SERVE_RUNNING_H
#define PB_SERVE_RUNNING_H

#include "depot/state.h"

/* This server has started and answers the operator at `admin`, "ADDRESS:PORT". *id is for
 * state_server_remove. */
PB_MUST_USE int running_add(struct state *s, const char *admin, int64_t started, int64_t *id,
                            struct pb_error *err);

#endif
