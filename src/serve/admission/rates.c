/* Rates as token buckets, with a burst of at most one second's worth. */
#include "serve/admission/rates.h"

enum {
    SHARES = 100, /* a grant is this part of a second's worth: what one fast tick lasts */
    GRANT_LEAST = 1024,
    GRANT_MOST = 1024 * 1024,
    RATES = 4,
};
#define PACE_BURST (BUCKET_SECOND / SHARES)

struct rated {
    struct bucket *bucket;
    uint64_t rate, burst;
};

/* The buckets that this reply takes from. Returns how many. */
static size_t rates_of(const struct gate *g, struct visitor *v, struct meter *m, struct rated out[RATES])
{
    const struct rated all[RATES] = {
        {&g->admission->bucket, g->rules.limits->rate, BUCKET_SECOND},
        {&v->peer->bytes, count_read(&v->peer->rate), BUCKET_SECOND},
        {m != NULL ? &m->bucket : NULL, m != NULL ? count_read(&m->rate) : 0, BUCKET_SECOND},
        {&v->paced, v->pace, PACE_BURST},
    };
    size_t n = 0;
    for (size_t i = 0; i < RATES; i++) {
        if (all[i].rate != 0)
            out[n++] = all[i];
    }
    return n;
}

bool rates_apply(const struct gate *g, struct visitor *v, struct meter *m)
{
    struct rated rates[RATES];
    return (g->rules.limits->rates || v->pace != 0) && v->peer != NULL && rates_of(g, v, m, rates) > 0;
}

/* Takes a share from each bucket, and sets when it may leave. */
static void share_take(const struct gate *g, struct visitor *v, struct meter *m, uint64_t need)
{
    struct rated rates[RATES];
    size_t n = rates_of(g, v, m, rates);
    uint64_t share = GRANT_MOST, from = 0;
    for (size_t i = 0; i < n; i++)
        share = rates[i].rate / SHARES < share ? rates[i].rate / SHARES : share;
    share = share > GRANT_LEAST ? share : GRANT_LEAST;
    v->granted = (uint32_t)(share < need ? share : need);
    for (size_t i = 0; i < n; i++) {
        uint64_t at = bucket_take(rates[i].bucket, bucket_time(g->now), rates[i].burst,
                                  bucket_cost(v->granted, rates[i].rate));
        from = at > from ? at : from;
    }
    v->due = bucket_monotonic_ms(from);
}

uint64_t rates_grant(const struct gate *g, struct visitor *v, struct meter *m, uint64_t need)
{
    if (v->granted == 0)
        share_take(g, v, m, need);
    return v->due <= g->now ? v->granted : 0;
}

void rates_spend(const struct gate *g, struct visitor *v, struct meter *m, uint64_t bytes)
{
    struct rated rates[RATES];
    uint64_t over = bytes > v->granted ? bytes - v->granted : 0; /* the head's */
    v->granted -= (uint32_t)(bytes - over);
    size_t n = over > 0 ? rates_of(g, v, m, rates) : 0;
    for (size_t i = 0; i < n; i++)
        bucket_take(rates[i].bucket, bucket_time(g->now), rates[i].burst, bucket_cost(over, rates[i].rate));
}

void rates_return(const struct gate *g, struct visitor *v, struct meter *m)
{
    struct rated rates[RATES];
    size_t n = v->granted > 0 ? rates_of(g, v, m, rates) : 0;
    for (size_t i = 0; i < n; i++)
        bucket_return(rates[i].bucket, bucket_cost(v->granted, rates[i].rate));
    v->granted = 0;
}
