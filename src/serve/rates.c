/* Rates as token buckets, with a burst of at most one second's worth. */
#include "serve/rates.h"

enum {
    BURST = BUCKET_SECOND,
    SHARES = 100, /* a grant is this part of a second's worth: what one quick tick lasts */
    GRANT_LEAST = 1024,
    GRANT_MOST = 1024 * 1024,
    PACE_BURST = BURST / SHARES,
    RATES = 4,
};

struct rated {
    struct bucket *bucket;
    uint64_t rate, burst;
};

/* The buckets that this reply takes from. Returns how many. */
static size_t rates_of(const struct loop *l, struct conn *c, struct meter *m, struct rated out[RATES])
{
    const struct rated all[RATES] = {
        {&l->shared->bucket, l->snapshot->settings->limits.rate, BURST},
        {&c->peer->bytes, count_read(&c->peer->rate), BURST},
        {m != NULL ? &m->bucket : NULL, m != NULL ? count_read(&m->rate) : 0, BURST},
        {&c->paced, c->pace, PACE_BURST},
    };
    size_t n = 0;
    for (size_t i = 0; i < RATES; i++) {
        if (all[i].rate != 0)
            out[n++] = all[i];
    }
    return n;
}

static uint64_t now_ns(const struct loop *l)
{
    return bucket_time(l->now);
}

bool rates_hold(const struct loop *l, struct conn *c, struct meter *m)
{
    struct rated rates[RATES];
    return (l->snapshot->settings->limits.rates || c->pace != 0) && c->peer != NULL &&
           rates_of(l, c, m, rates) > 0;
}

uint64_t rates_grant(const struct loop *l, struct conn *c, struct meter *m, uint64_t need)
{
    struct rated rates[RATES];
    if (c->granted == 0) {
        size_t n = rates_of(l, c, m, rates);
        uint64_t grant = GRANT_MOST, from = 0;
        for (size_t i = 0; i < n; i++)
            grant = rates[i].rate / SHARES < grant ? rates[i].rate / SHARES : grant;
        grant = grant > GRANT_LEAST ? grant : GRANT_LEAST;
        c->granted = (uint32_t)(grant < need ? grant : need);
        for (size_t i = 0; i < n; i++) {
            uint64_t at = bucket_take(rates[i].bucket, now_ns(l), rates[i].burst,
                                      bucket_cost(c->granted, rates[i].rate));
            from = at > from ? at : from;
        }
        c->due = bucket_monotonic_ms(from);
    }
    return c->due <= l->now ? c->granted : 0;
}

void rates_spend(const struct loop *l, struct conn *c, struct meter *m, uint64_t bytes)
{
    struct rated rates[RATES];
    uint64_t over = bytes > c->granted ? bytes - c->granted : 0; /* the head's */
    c->granted -= (uint32_t)(bytes - over);
    size_t n = over > 0 ? rates_of(l, c, m, rates) : 0;
    for (size_t i = 0; i < n; i++)
        bucket_take(rates[i].bucket, now_ns(l), rates[i].burst, bucket_cost(over, rates[i].rate));
}

void rates_give_back(const struct loop *l, struct conn *c, struct meter *m)
{
    struct rated rates[RATES];
    size_t n = c->granted > 0 ? rates_of(l, c, m, rates) : 0;
    for (size_t i = 0; i < n; i++)
        bucket_return(rates[i].bucket, bucket_cost(c->granted, rates[i].rate));
    c->granted = 0;
}

bool rates_request(const struct loop *l, struct conn *c)
{
    unsigned most = l->snapshot->settings->limits.address_requests;
    if (most == 0 || c->peer == NULL)
        return true;
    if (!c->asked) {
        c->asked = true;
        c->due = bucket_monotonic_ms(bucket_take(&c->peer->requests, now_ns(l), BURST, bucket_cost(1, most)));
    }
    return c->due <= l->now;
}

void rates_request_done(struct conn *c)
{
    c->asked = false;
}

void rates_forget(const struct loop *l, struct conn *c)
{
    unsigned most = l->snapshot->settings->limits.address_requests;
    if (c->asked && most != 0)
        bucket_return(&c->peer->requests, bucket_cost(1, most));
    c->asked = false;
    c->granted = 0;
    c->due = 0;
}
