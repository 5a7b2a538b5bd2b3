/*
 * A token bucket, stored as one time stamp: the moment until which everything taken so far is paid for.
 * Taking something that costs t nanoseconds moves the time stamp on by t. It never lies further in the past
 * than the burst allows. A taker that asks for more than is available gets a later time at which it may go
 * on; so takers queue in order, and none is refused. Threads share a bucket without a lock.
 */
#ifndef PB_SERVE_ADMISSION_BUCKET_H
#define PB_SERVE_ADMISSION_BUCKET_H

#include <stdint.h>

#define BUCKET_SECOND 1000000000ull

/* The bucket clock starts two days before the monotonic clock. So a zeroed bucket is full even when the
 * machine has just booted. */
#define BUCKET_EPOCH_MS (2 * 86400000ull)

static inline uint64_t bucket_time(uint64_t monotonic_ms)
{
    return (monotonic_ms + BUCKET_EPOCH_MS) * 1000000;
}

/* The inverse, rounded up to the next millisecond. */
static inline uint64_t bucket_monotonic_ms(uint64_t time)
{
    uint64_t ms = (time + 999999) / 1000000;
    return ms > BUCKET_EPOCH_MS ? ms - BUCKET_EPOCH_MS : 0;
}

struct bucket {
    uint64_t paid; /* atomic; bucket_time */
};

/* Takes `cost` (ns) from the bucket. Returns when the share may be used, in bucket time: at once if that is
 * not later than `now`. `burst` (ns) is how much an idle bucket saves up. */
static inline uint64_t bucket_take(struct bucket *b, uint64_t now, uint64_t burst, uint64_t cost)
{
    uint64_t paid = __atomic_load_n(&b->paid, __ATOMIC_RELAXED), from;
    uint64_t least = now > burst ? now - burst : 0;
    do
        from = paid > least ? paid : least;
    while (!__atomic_compare_exchange_n(&b->paid, &paid, from + cost, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return from;
}

/* Gives back what was taken and not used. */
static inline void bucket_return(struct bucket *b, uint64_t cost)
{
    uint64_t paid = __atomic_load_n(&b->paid, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&b->paid, &paid, paid > cost ? paid - cost : 0, 1, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        continue;
}

/* Fills the bucket. For a changed rate: what was taken at the old rate no longer counts. */
static inline void bucket_clear(struct bucket *b)
{
    __atomic_store_n(&b->paid, 0, __ATOMIC_RELAXED);
}

/* What n units cost at `rate` units a second (rate > 0); ns, rounded up, so that no unit is free. */
static inline uint64_t bucket_cost(uint64_t n, uint64_t rate)
{
    return (n / rate) * BUCKET_SECOND + ((n % rate) * BUCKET_SECOND + rate - 1) / rate;
}

#endif
