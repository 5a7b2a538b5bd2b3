/*
 * A token bucket, kept as a time: up to when is all that was taken paid for? Taking something that costs t
 * nanoseconds moves that time on by t; it never lies further back than the burst that is allowed. So a bucket
 * is one number, that threads share without a lock. Who takes more than there is gets a later time at which
 * he may go on: his place in the queue, so nobody is refused and nobody overtakes.
 */
#ifndef PB_SERVE_ADMISSION_BUCKET_H
#define PB_SERVE_ADMISSION_BUCKET_H

#include <stdint.h>

#define BUCKET_SECOND 1000000000ull

/* Buckets' time begins days before the machine's, so that a bucket is full when the machine has just started.
 */
#define BUCKET_EPOCH_MS (2 * 86400000ull)

static inline uint64_t bucket_time(uint64_t monotonic_ms)
{
    return (monotonic_ms + BUCKET_EPOCH_MS) * 1000000;
}

/* Back again, rounded up. */
static inline uint64_t bucket_monotonic_ms(uint64_t time)
{
    uint64_t ms = (time + 999999) / 1000000;
    return ms > BUCKET_EPOCH_MS ? ms - BUCKET_EPOCH_MS : 0;
}

struct bucket {
    uint64_t paid; /* atomic; bucket_time */
};

/* Takes what costs `cost`, a burst's at most at once. Returns when it may be used: not later than `now`, or
 * then. */
static inline uint64_t bucket_take(struct bucket *b, uint64_t now, uint64_t burst, uint64_t cost)
{
    uint64_t paid = __atomic_load_n(&b->paid, __ATOMIC_RELAXED), from;
    uint64_t least = now > burst ? now - burst : 0;
    do
        from = paid > least ? paid : least;
    while (!__atomic_compare_exchange_n(&b->paid, &paid, from + cost, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return from;
}

/* What was taken and not used. */
static inline void bucket_return(struct bucket *b, uint64_t cost)
{
    uint64_t paid = __atomic_load_n(&b->paid, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&b->paid, &paid, paid > cost ? paid - cost : 0, 1, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        continue;
}

/* Its rate has changed: what was taken at the old one does not count. */
static inline void bucket_clear(struct bucket *b)
{
    __atomic_store_n(&b->paid, 0, __ATOMIC_RELAXED);
}

/* What n units cost at `rate` units a second (rate > 0), rounded up: what is small costs something, too. */
static inline uint64_t bucket_cost(uint64_t n, uint64_t rate)
{
    return (n / rate) * BUCKET_SECOND + ((n % rate) * BUCKET_SECOND + rate - 1) / rate;
}

#endif
