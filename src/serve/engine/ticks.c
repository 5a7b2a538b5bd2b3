/* A timerfd's period. */
#include "serve/engine/ticks.h"

#include <sys/timerfd.h>

static bool timer_set(struct loop *l, long ms)
{
    struct itimerspec tick = {{0, ms * 1000000L}, {0, ms * 1000000L}};
    return timerfd_settime(l->timer, 0, &tick, NULL) == 0;
}

bool ticks_start(struct loop *l)
{
    return timer_set(l, TICK_MS);
}

void ticks_fast(struct loop *l)
{
    if (!l->fast_ticks)
        l->fast_ticks = timer_set(l, FAST_TICK_MS);
}

void ticks_slow(struct loop *l)
{
    if (l->fast_ticks)
        l->fast_ticks = !timer_set(l, TICK_MS);
}
