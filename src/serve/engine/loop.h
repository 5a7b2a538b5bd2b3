/* The event loop of one thread: setting it up, turning it, stopping it. engine.h has its types. */
#ifndef PB_SERVE_ENGINE_LOOP_H
#define PB_SERVE_ENGINE_LOOP_H

#include "serve/engine/engine.h"

/* Takes over the listeners' descriptors when it succeeds. `objects`: descriptor of the depot's folder of
 * objects; `object_room`: see object_cache_init; `log` may be NULL. `shared`, `room` and `log` must outlive
 * the loop. */
PB_MUST_USE int loop_init(struct loop *l, const struct snapshot_source *source, struct shared *shared,
                          struct room *room, const struct loop_listener *listeners, size_t n, int objects,
                          size_t object_room, struct access_log *log, struct pb_error *err);
void loop_free(struct loop *l);

/* Handles the events that are ready; waits at most `wait_ms` for the first (-1: without a limit). */
void loop_turn(struct loop *l, int wait_ms);

/* Begins to stop: no new connections, replies under way are finished within drain_ms, then l->done is set.
 * Thread-safe. */
void loop_stop(struct loop *l);

#endif
