/* Progress, pauses, and the rate: everything in which a net waits for time to pass. */
#include "base/clock.h"
#include "fetch/net_internal.h"

#include <poll.h>

int net_progress(struct net *n, const struct pb_progress *p, struct pb_error *err)
{
    n->last = *p;
    return net_tick(n, err);
}

int net_tick(const struct net *n, struct pb_error *err)
{
    const struct net_options *o = &n->options;
    return o->progress != NULL && o->progress(o->arg, &n->last) != 0
               ? error_set(err, PB_CANCELLED, "cancelled")
               : PB_OK;
}

int net_pause(const struct net *t, unsigned ms, struct pb_error *err)
{
    enum { STEP_MS = 50 };
    uint64_t until = clock_monotonic_ms() + ms;
    for (uint64_t now = clock_monotonic_ms(); now < until; now = clock_monotonic_ms()) {
        int rc = net_tick(t, err);
        if (rc < 0)
            return rc;
        poll(NULL, 0, until - now < STEP_MS ? (int)(until - now) : STEP_MS);
    }
    return PB_OK;
}

/* ---- the rate ---- */

unsigned net_slow_bytes(const struct net *n)
{
    enum { SHARES = 128 }; /* twice as many as there can be connections */
    uint64_t share = n->options.rate / SHARES;
    return n->options.rate == 0 || share >= NET_SLOW_BYTES ? NET_SLOW_BYTES : share > 0 ? (unsigned)share : 1;
}

bool net_is_paced(const struct net *n)
{
    return n->options.rate > 0;
}

size_t net_step(const struct net *n, size_t most)
{
    enum { STEPS = 64, LEAST = 1024 }; /* a second */
    uint64_t step = n->options.rate / STEPS;
    step = step < LEAST ? LEAST : step;
    return n->options.rate == 0 || step > most ? most : (size_t)step;
}

void net_received(struct net *n, uint64_t bytes)
{
    if (n->options.rate > 0)
        n->debt += (int64_t)bytes;
}

/* Time that passes pays the debt; a tenth of a second can be saved up. Steps of some milliseconds keep the
 * rounding small. Returns how long it takes to pay; ms. */
static uint64_t debt_ms(struct net *n)
{
    enum { STEP_MS = 10, MOST_MS = 10000 };
    int64_t rate = (int64_t)n->options.rate;
    uint64_t now = clock_monotonic_ms(), passed = now - n->paid;
    if (passed >= STEP_MS) {
        n->debt -= (int64_t)(passed < MOST_MS ? passed : MOST_MS) * rate / 1000;
        n->debt = n->debt < -rate / 10 ? -rate / 10 : n->debt;
        n->paid = now;
    }
    return n->debt > 0 ? (uint64_t)(n->debt * 1000 / rate) : 0;
}

int net_throttle(struct net *n, struct pb_error *err)
{
    enum { STEP_MS = 50 };
    int rc = PB_OK;
    uint64_t left;
    while (rc == PB_OK && n->options.rate > 0 && (left = debt_ms(n)) > 0) {
        poll(NULL, 0, left < STEP_MS ? (int)left : STEP_MS);
        rc = net_tick(n, err);
    }
    return rc;
}
