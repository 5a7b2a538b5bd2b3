/* Rates as token buckets: a burst of at most one second's worth, and no turn for less than a twentieth of it.
 */
#include "serve/rates.h"

#include "serve/loop.h"

enum {
    BURST = BUCKET_SECOND,
    STEP = BUCKET_SECOND / 20,
    BYTES_LEAST = 1024,                /* a turn's, however low the rate: the bucket goes into debt for it */
    BYTES_PER_RATED_TURN = 256 * 1024, /* so that many share a rate evenly */
};

static uint64_t now_ns(const struct loop *l)
{
    return l->now * 1000000;
}

/* Lowers *budget to what the bucket has. */
static void bucket_limit(const struct bucket *b, uint64_t rate, uint64_t now, uint64_t *budget)
{
    if (rate == 0 || *budget == 0)
        return;
    uint64_t credit = bucket_credit(b, now, BURST), bytes = bucket_units(credit, rate);
    if (credit < STEP)
        *budget = 0;
    else if (bytes < *budget)
        *budget = bytes > BYTES_LEAST ? bytes : BYTES_LEAST;
}

uint64_t rates_budget(const struct loop *l, const struct conn *c, const struct meter *m)
{
    const struct limits *limits = &l->snapshot->settings->limits;
    uint64_t budget = BYTES_PER_TURN;
    if (!limits->rates || c->peer == NULL)
        return budget;
    bucket_limit(&l->shared->bucket, limits->rate, now_ns(l), &budget);
    bucket_limit(&c->peer->bytes, count_read(&c->peer->rate), now_ns(l), &budget);
    if (m != NULL)
        bucket_limit(&m->bucket, count_read(&m->rate), now_ns(l), &budget);
    return budget < BYTES_PER_TURN && budget > BYTES_PER_RATED_TURN ? BYTES_PER_RATED_TURN : budget;
}

static void bucket_pay(struct bucket *b, uint64_t rate, uint64_t now, uint64_t bytes)
{
    if (rate != 0)
        bucket_take(b, now, BURST, bucket_cost(bytes, rate));
}

void rates_take(const struct loop *l, struct conn *c, struct meter *m, uint64_t bytes)
{
    const struct limits *limits = &l->snapshot->settings->limits;
    if (!limits->rates || c->peer == NULL)
        return;
    bucket_pay(&l->shared->bucket, limits->rate, now_ns(l), bytes);
    bucket_pay(&c->peer->bytes, count_read(&c->peer->rate), now_ns(l), bytes);
    if (m != NULL)
        bucket_pay(&m->bucket, count_read(&m->rate), now_ns(l), bytes);
}

bool rates_request_allowed(const struct loop *l, const struct conn *c)
{
    unsigned most = l->snapshot->settings->limits.address_requests;
    return most == 0 || c->peer == NULL ||
           bucket_credit(&c->peer->requests, now_ns(l), BURST) >= bucket_cost(1, most);
}

void rates_request_take(const struct loop *l, struct conn *c)
{
    unsigned most = l->snapshot->settings->limits.address_requests;
    if (most != 0 && c->peer != NULL)
        bucket_take(&c->peer->requests, now_ns(l), BURST, bucket_cost(1, most));
}
