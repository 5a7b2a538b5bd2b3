/* The timer of a loop. The slow tick serves deadlines, the log and new snapshots; fast ticks are on while a
 * rate holds connections back. */
#ifndef PB_SERVE_ENGINE_TICKS_H
#define PB_SERVE_ENGINE_TICKS_H

#include "serve/engine/engine.h"

enum { TICK_MS = 500, FAST_TICK_MS = 10 };

bool ticks_start(struct loop *l); /* slow ticks; false: the timer can't be set */
void ticks_fast(struct loop *l);
void ticks_slow(struct loop *l);

#endif
