/* The three points. */
#include "serve/admission/admission.h"

#include "serve/admission/rates.h"

int admission_init(struct admission *a, struct pb_error *err)
{
    pthread_mutex_init(&a->mutex, NULL);
    a->peers = peers_new();
    return a->peers != NULL ? PB_OK : error_memory(err);
}

void admission_free(struct admission *a)
{
    peers_free(a->peers);
    meters_free(&a->meters);
    pthread_mutex_destroy(&a->mutex);
}

size_t admission_take_banned(struct admission *a, struct address out[BAN_QUEUE_MAX])
{
    pthread_mutex_lock(&a->mutex);
    size_t n = a->banned_count;
    memcpy(out, a->banned, n * sizeof *out);
    a->banned_count = 0;
    pthread_mutex_unlock(&a->mutex);
    return n;
}

static void ban_queue(struct admission *a, const struct address *address)
{
    pthread_mutex_lock(&a->mutex);
    if (a->banned_count < BAN_QUEUE_MAX)
        a->banned[a->banned_count++] = *address;
    pthread_mutex_unlock(&a->mutex);
}

void admission_rates_clear(struct admission *a)
{
    bucket_clear(&a->bucket);
    peers_rates_clear(a->peers);
    for (struct meter *m = a->meters.first; m != NULL; m = m->next)
        bucket_clear(&m->bucket);
}

/* ---- connections ---- */

static bool is_denied(const struct gate *g, const struct visitor *v, const struct address *address)
{
    if (v->trusted)
        return false;
    return range_set_has(g->rules.deny, address) || range_set_has(g->rules.bans, address) ||
           peer_banned(v->peer, g->now);
}

static void rate_set(const struct gate *g, struct peer *peer)
{
    __atomic_store_n(&peer->rate, limits_address_rate(g->rules.limits, &peer->address), __ATOMIC_RELAXED);
}

/* A proxy has the connections of many clients. */
static struct peer_limits limits_of(const struct gate *g, bool trusted)
{
    struct peer_limits limits = g->rules.limits->peer;
    if (trusted)
        limits.connections = 0;
    return limits;
}

static struct admit entered(enum peer_entry entry)
{
    if (entry == PEER_WELCOME)
        return (struct admit){ADMIT_NOW};
    return (struct admit){ADMIT_NEVER,
                          .reason = entry == PEER_TOO_MANY ? ADMIT_ADDRESS_FULL : ADMIT_SERVER_FULL};
}

struct admit admit_connection(const struct gate *g, struct visitor *v, const struct address *address)
{
    bool trusted = range_set_has(g->rules.trusted, address);
    const struct peer_limits limits = limits_of(g, trusted);
    struct admit may = entered(peers_enter(g->admission->peers, address, g->now, &limits, &v->peer));
    if (may.kind != ADMIT_NOW)
        return may;
    rate_set(g, v->peer);
    v->trusted = trusted;
    v->denied = is_denied(g, v, address);
    return may;
}

/* What its connection, or its request, means for the address. While v still holds its peer. */
static void visitor_settle(const struct gate *g, struct visitor *v, bool excused)
{
    const struct limits *limits = g->rules.limits;
    if (!v->valid && !v->denied && !v->trusted && !excused && peer_useless(v->peer, g->now, &limits->peer))
        ban_queue(g->admission, &v->peer->address);
    if (v->asked && limits->address_requests != 0)
        bucket_return(&v->peer->requests, bucket_cost(1, limits->address_requests));
    v->asked = false;
    v->valid = true; /* it counts once */
}

struct admit visitor_become(const struct gate *g, struct visitor *v, const struct address *address)
{
    bool trusted = range_set_has(g->rules.trusted, address);
    const struct peer_limits limits = limits_of(g, trusted);
    struct peer *peer = v->peer;
    visitor_settle(g, v, false); /* the peer may be forgotten as soon as nobody holds it */
    struct admit may = entered(peers_exchange(g->admission->peers, &peer, address, g->now, &limits));
    if (may.kind != ADMIT_NOW)
        return may;
    rate_set(g, peer);
    *v = (struct visitor){.peer = peer, .trusted = trusted};
    v->denied = is_denied(g, v, address);
    return may;
}

void visitor_judge(const struct gate *g, struct visitor *v, const struct address *address, bool rates)
{
    if (v->peer == NULL)
        return;
    rate_set(g, v->peer);
    if (rates) {
        v->asked = false;
        v->granted = 0;
        v->due = 0;
    }
    v->trusted = range_set_has(g->rules.trusted, address);
    v->denied = is_denied(g, v, address);
}

void visitor_finished(struct visitor *v)
{
    if (v->peer != NULL)
        peer_finished(v->peer);
}

void visitor_leave(const struct gate *g, struct visitor *v, bool excused)
{
    if (v->peer == NULL)
        return;
    visitor_settle(g, v, excused);
    peers_leave(g->admission->peers, v->peer, g->now);
    *v = (struct visitor){0};
}

/* ---- requests ---- */

static enum cap_state cap_read(const struct day_use *d)
{
    return (enum cap_state)__atomic_load_n(&d->state, __ATOMIC_RELAXED);
}

/* Of the server's cap and the title's the stricter one holds. */
static enum admit_reason capped(const struct gate *g, const struct wanted *w)
{
    enum cap_state state = cap_read(&g->admission->day);
    enum cap_state of_title = w->meter != NULL ? cap_read(&w->meter->day) : CAP_NONE;
    if (of_title > state)
        state = of_title;
    if (!w->capped || w->refused || state == CAP_NONE)
        return ADMIT_NO_REASON;
    if (state == CAP_HARD)
        return ADMIT_HARD_CAP;
    return w->starts_download ? ADMIT_SOFT_CAP : ADMIT_NO_REASON;
}

/* Takes the request from the bucket of its address, once. True: it may be answered now. */
static bool request_due(const struct gate *g, struct visitor *v)
{
    unsigned rate = g->rules.limits->address_requests;
    if (rate == 0)
        return true;
    if (!v->asked) {
        v->asked = true;
        v->due = bucket_monotonic_ms(
            bucket_take(&v->peer->requests, bucket_time(g->now), BUCKET_SECOND, bucket_cost(1, rate)));
    }
    return v->due <= g->now;
}

struct admit admit_request(const struct gate *g, struct visitor *v, const struct wanted *w)
{
    if (v->peer == NULL)
        return (struct admit){ADMIT_NOW};
    v->valid |= !w->refused || v->denied;
    if (!request_due(g, v))
        return (struct admit){ADMIT_LATER, .when = v->due};
    v->asked = false;
    count_shared(&v->peer->asked, 1);
    enum admit_reason reason = capped(g, w);
    return (struct admit){reason == ADMIT_NO_REASON ? ADMIT_NOW : ADMIT_NEVER, .reason = reason};
}

/* ---- bytes ---- */

struct admit admit_bytes(const struct gate *g, struct visitor *v, struct meter *m, uint64_t need)
{
    if (!rates_apply(g, v, m))
        return (struct admit){ADMIT_NOW, .bytes = need};
    uint64_t grant = rates_grant(g, v, m, need);
    return grant > 0 ? (struct admit){ADMIT_NOW, .bytes = grant}
                     : (struct admit){ADMIT_LATER, .when = v->due};
}

void visitor_sent(const struct gate *g, struct visitor *v, struct meter *m, uint64_t bytes)
{
    if (v->peer == NULL || bytes == 0)
        return;
    count_shared(&v->peer->sent, bytes);
    if (rates_apply(g, v, m))
        rates_spend(g, v, m, bytes);
}

void visitor_stop(const struct gate *g, struct visitor *v, struct meter *m)
{
    if (v->granted > 0)
        rates_return(g, v, m);
}
