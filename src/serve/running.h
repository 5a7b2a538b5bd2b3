/*
 * The servers that run on a depot, one row each in the operator's record, so that `patchbay status` finds
 * one. A killed server leaves its row; the next server that starts removes it.
 */
#ifndef PB_SERVE_RUNNING_H
#define PB_SERVE_RUNNING_H

#include "depot/state.h"

/* Stands before the admin address of a server that is asked with TLS. */
#define RUNNING_TLS "https://"

/* Adds a row for this process, whose operator's address is `admin` ("ADDRESS:PORT"). `started`: Unix seconds.
 * *id is for state_server_remove. */
PB_MUST_USE int running_add(struct state *s, const char *admin, int64_t started, int64_t *id,
                            struct pb_error *err);

#endif
