/* A body goes through the loop's one buffer: what an intake has not taken is not read. */
#include "serve/engine/take.h"

enum { TAKES_PER_TURN = 16 /* reads of CONN_BATCH bytes */ };

void take_begin(struct loop *l, struct conn *c)
{
    (void)l;
    struct intake *in = c->intake;
    c->taken_left = in->left;
    /* A client that gets no greeting sends the body a little later. */
    if (in->greeting != NULL && in->left > 0 && c->in_n == 0)
        c->channel.transport->send(&c->channel, in->greeting, strlen(in->greeting), NULL, 0, false);
}

/* False: it wants no more. */
static bool feed(struct intake *in, const char *p, size_t n)
{
    in->left -= n;
    return in->take(in, p, n);
}

/* What came with the head; what is left of it belongs to the next request. */
static bool feed_kept(struct conn *c)
{
    size_t n = c->in_n < c->intake->left ? c->in_n : (size_t)c->intake->left;
    if (n == 0)
        return true;
    bool more = feed(c->intake, c->in, n);
    memmove(c->in, c->in + n, c->in_n - n);
    explicit_bzero(c->in + c->in_n - n, n);
    c->in_n = (uint16_t)(c->in_n - n);
    return more;
}

enum take_end take_more(struct loop *l, struct conn *c)
{
    struct intake *in = c->intake;
    if (!feed_kept(c))
        return TAKE_ALL;
    for (int i = 0; i < TAKES_PER_TURN; i++) {
        size_t most = in->left < CONN_BATCH ? (size_t)in->left : CONN_BATCH;
        if (most == 0)
            return TAKE_ALL;
        ssize_t n = c->channel.transport->receive(&c->channel, l->input, most);
        if (n == CHANNEL_WAIT)
            return TAKE_WAITS;
        if (n <= 0)
            return TAKE_GONE;
        bool more = feed(in, l->input, (size_t)n);
        explicit_bzero(l->input, (size_t)n); /* it may be a password */
        if (!more)
            return TAKE_ALL;
    }
    return TAKE_TURN;
}

bool take_measure(const struct loop *l, struct conn *c)
{
    const struct serve_settings *s = l->snapshot->settings;
    uint64_t least = s->limits.least_rate * s->send_ms / 1000, taken = c->taken_left - c->intake->left;
    c->taken_left = c->intake->left;
    return taken >= (least > 0 ? least : 1);
}
