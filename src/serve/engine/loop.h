/* Turning a thread's event loop. What it holds is in engine.h. */
#ifndef PB_SERVE_ENGINE_LOOP_H
#define PB_SERVE_ENGINE_LOOP_H

#include "serve/engine/engine.h"

/* Takes over the listeners' descriptors when it succeeds. `objects` is the depot's folder. */
PB_MUST_USE int loop_init(struct loop *l, const struct snapshot_source *source, struct shared *shared,
                          const struct loop_listener *listeners, size_t n, int objects, size_t object_room,
                          struct access_log *log, struct pb_error *err);
void loop_free(struct loop *l);

/* Handles what is ready, waiting at most `wait_ms` (-1: for ever). */
void loop_turn(struct loop *l, int wait_ms);

/* From any thread: no new connections, finish replies under way, then l->done. */
void loop_stop(struct loop *l);

#endif
