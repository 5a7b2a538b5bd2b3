/*
 * A token bucket, kept as a time: up to when is all that was taken paid for? Taking something that costs t
 * nanoseconds moves that time on by t; it never lies further back than the burst that is allowed. So a bucket
 * is one number, that threads share without a lock. What is taken may be more than there is: then the next
 * one waits longer. Nothing is ever refused.
 */
#ifndef PB_SERVE_BUCKET_H
#define PB_SERVE_BUCKET_H

#include <stdint.h>

#define BUCKET_SECOND 1000000000ull

struct bucket {
    uint64_t paid; /* atomic; monotonic nanoseconds */
};

/* How many nanoseconds' worth may be taken now: at most `burst`; 0 when it is in debt. */
static inline uint64_t bucket_credit(const struct bucket *b, uint64_t now, uint64_t burst)
{
    uint64_t paid = __atomic_load_n(&b->paid, __ATOMIC_RELAXED);
    uint64_t credit = paid < now ? now - paid : 0;
    return credit < burst ? credit : burst;
}

static inline void bucket_take(struct bucket *b, uint64_t now, uint64_t burst, uint64_t cost)
{
    uint64_t paid = __atomic_load_n(&b->paid, __ATOMIC_RELAXED), next;
    uint64_t least = now > burst ? now - burst : 0;
    do
        next = (paid > least ? paid : least) + cost;
    while (!__atomic_compare_exchange_n(&b->paid, &paid, next, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

/* What n units cost at `rate` units a second (rate > 0), rounded up: what is small costs something, too. */
static inline uint64_t bucket_cost(uint64_t n, uint64_t rate)
{
    return (n / rate) * BUCKET_SECOND + ((n % rate) * BUCKET_SECOND + rate - 1) / rate;
}

/* What a credit is worth in units. */
static inline uint64_t bucket_units(uint64_t credit, uint64_t rate)
{
    return (credit / BUCKET_SECOND) * rate + (credit % BUCKET_SECOND) * rate / BUCKET_SECOND;
}

#endif
