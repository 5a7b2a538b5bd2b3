/* The table of peers: a hash table under one lock, which is taken when a connection comes and when it goes.
 */
#include "serve/admission/peers.h"

#include <pthread.h>
#include <sys/random.h>

enum { SLOT_BITS = 14, SLOTS = 1 << SLOT_BITS };

struct peers {
    pthread_mutex_t mutex;
    uint64_t key; /* random: clients must not choose who shares a slot */
    unsigned connections;
    unsigned idle;
    struct peer *newest, *oldest; /* without connections */
    struct peer *slots[SLOTS];
};

struct peers *peers_new(void)
{
    struct peers *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    pthread_mutex_init(&p->mutex, NULL);
    if (getrandom(&p->key, sizeof p->key, GRND_NONBLOCK) != sizeof p->key)
        p->key = (uint64_t)(uintptr_t)p;
    return p;
}

void peers_free(struct peers *p)
{
    if (p == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++) {
        for (struct peer *at = p->slots[i]; at != NULL;) {
            struct peer *next = at->chain;
            free(at);
            at = next;
        }
    }
    pthread_mutex_destroy(&p->mutex);
    free(p);
}

struct address peer_address(const struct address *a)
{
    struct address key = *a;
    if (!address_is_v4(a))
        memset(key.bytes + 8, 0, 8);
    return key;
}

static struct peer **slot_of(struct peers *p, const struct address *a)
{
    uint64_t high, low;
    memcpy(&high, a->bytes, 8);
    memcpy(&low, a->bytes + 8, 8);
    uint64_t h = (high ^ p->key) * 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 29) ^ low) * 0xbf58476d1ce4e5b9u;
    return &p->slots[h >> (64 - SLOT_BITS)]; /* the high bits depend on all of the address */
}

/* ---- those without connections ---- */

static void idle_join(struct peers *p, struct peer *peer)
{
    peer->newer = NULL;
    peer->older = p->newest;
    *(p->newest != NULL ? &p->newest->newer : &p->oldest) = peer;
    p->newest = peer;
    p->idle++;
}

static void idle_leave(struct peers *p, struct peer *peer)
{
    *(peer->newer != NULL ? &peer->newer->older : &p->newest) = peer->older;
    *(peer->older != NULL ? &peer->older->newer : &p->oldest) = peer->newer;
    p->idle--;
}

static void peer_forget(struct peers *p, struct peer *peer)
{
    struct peer **at = slot_of(p, &peer->address);
    while (*at != peer)
        at = &(*at)->chain;
    *at = peer->chain;
    idle_leave(p, peer);
    free(peer);
}

/* Nothing is left to remember: what it took is paid for and a second ago, so every bucket is full. And the
 * operator has had the time to see it among the busiest. */
static bool peer_faded(const struct peer *peer, uint64_t now_ms, unsigned window_ms)
{
    uint64_t then = bucket_time(now_ms) - BUCKET_SECOND;
    uint64_t window_ago = bucket_time(now_ms) - window_ms * 1000000ull;
    return peer->left + PEER_KEPT_MS <= now_ms && peer->bytes.paid <= then && peer->requests.paid <= then &&
           peer->useless.paid <= window_ago && peer->banned_until <= now_ms;
}

/* A few at each arrival, so that the table follows the crowd and no arrival waits long. */
static void peers_fade(struct peers *p, uint64_t now_ms, unsigned window_ms)
{
    enum { LOOK_AT = 4 };
    for (int i = 0; i < LOOK_AT && p->oldest != NULL; i++) {
        if (p->idle <= PEERS_IDLE_MAX && !peer_faded(p->oldest, now_ms, window_ms))
            return;
        peer_forget(p, p->oldest);
    }
}

/* ---- coming and going ---- */

static struct peer *peer_take(struct peers *p, const struct address *a)
{
    struct address key = peer_address(a);
    struct peer **slot = slot_of(p, &key), *peer = *slot;
    while (peer != NULL && memcmp(&peer->address, &key, sizeof key) != 0)
        peer = peer->chain;
    if (peer != NULL) {
        if (peer->connections == 0)
            idle_leave(p, peer);
        return peer;
    }
    peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    peer->address = key;
    peer->chain = *slot;
    *slot = peer;
    return peer;
}

/* What counts against the limit of the address. */
static unsigned peer_counted(const struct peer *peer)
{
    unsigned busy = __atomic_load_n(&peer->busy, __ATOMIC_RELAXED), finished = peer->connections - busy;
    return busy + (finished > PEER_FINISHED_MAX ? finished - PEER_FINISHED_MAX : 0);
}

/* Under the lock. PEER_WELCOME: *out has a connection more. */
static enum peer_entry peer_join(struct peers *p, const struct address *a, const struct peer_limits *limits,
                                 struct peer **out)
{
    struct peer *peer = peer_take(p, a);
    if (peer == NULL)
        return PEER_NO_MEMORY;
    if (limits->connections != 0 && peer_counted(peer) >= limits->connections) {
        if (peer->connections == 0)
            idle_join(p, peer);
        return PEER_TOO_MANY;
    }
    peer->connections++;
    __atomic_fetch_add(&peer->busy, 1, __ATOMIC_RELAXED);
    *out = peer;
    return PEER_WELCOME;
}

enum peer_entry peers_enter(struct peers *p, const struct address *a, uint64_t now_ms,
                            const struct peer_limits *limits, struct peer **out)
{
    pthread_mutex_lock(&p->mutex);
    peers_fade(p, now_ms, limits->ban_window_ms);
    enum peer_entry entry = p->connections < limits->total ? peer_join(p, a, limits, out) : PEER_TOTAL;
    p->connections += entry == PEER_WELCOME;
    pthread_mutex_unlock(&p->mutex);
    return entry;
}

/* Under the lock. */
static void peer_part(struct peers *p, struct peer *peer, uint64_t now_ms)
{
    peer->left = now_ms;
    if (--peer->connections == 0)
        idle_join(p, peer);
}

enum peer_entry peers_exchange(struct peers *p, struct peer **held, const struct address *a, uint64_t now_ms,
                               const struct peer_limits *limits)
{
    struct peer *before = *held;
    pthread_mutex_lock(&p->mutex);
    peers_fade(p, now_ms, limits->ban_window_ms);
    enum peer_entry entry = peer_join(p, a, limits, held);
    if (entry == PEER_WELCOME) {
        peer_finished(before);
        peer_part(p, before, now_ms);
    }
    pthread_mutex_unlock(&p->mutex);
    return entry;
}

void peer_finished(struct peer *peer)
{
    __atomic_fetch_sub(&peer->busy, 1, __ATOMIC_RELAXED);
}

void peers_leave(struct peers *p, struct peer *peer, uint64_t now_ms)
{
    pthread_mutex_lock(&p->mutex);
    p->connections--;
    peer_part(p, peer, now_ms);
    pthread_mutex_unlock(&p->mutex);
}

/* Into the list of `n`, which is in order and has room for `most`. Returns how many there are then. */
static size_t use_insert(struct peer_use *list, size_t n, size_t most, const struct peer_use *use)
{
    size_t at = n;
    while (at > 0 && list[at - 1].sent < use->sent)
        at--;
    if (at == most)
        return n;
    size_t kept = n < most ? n : most - 1;
    memmove(&list[at + 1], &list[at], (kept - at) * sizeof *list);
    list[at] = *use;
    return kept + 1;
}

size_t peers_busiest(struct peers *p, struct peer_use *out, size_t most)
{
    size_t n = 0;
    pthread_mutex_lock(&p->mutex);
    for (size_t i = 0; i < SLOTS; i++) {
        for (const struct peer *at = p->slots[i]; at != NULL; at = at->chain) {
            const struct peer_use use = {at->address, at->connections,
                                         __atomic_load_n(&at->sent, __ATOMIC_RELAXED),
                                         __atomic_load_n(&at->asked, __ATOMIC_RELAXED)};
            if (use.sent > 0)
                n = use_insert(out, n, most, &use);
        }
    }
    pthread_mutex_unlock(&p->mutex);
    return n;
}

unsigned peers_idle(struct peers *p)
{
    pthread_mutex_lock(&p->mutex);
    unsigned n = p->idle;
    pthread_mutex_unlock(&p->mutex);
    return n;
}

/* Of several threads that find one too many at the same time just one begins the ban. */
bool peer_useless(struct peer *peer, uint64_t now_ms, const struct peer_limits *limits)
{
    uint64_t until = __atomic_load_n(&peer->banned_until, __ATOMIC_RELAXED);
    if (limits->ban_connections == 0 || until > now_ms)
        return false;
    uint64_t window = limits->ban_window_ms * 1000000ull, now = bucket_time(now_ms);
    uint64_t cost = window / limits->ban_connections;
    if (bucket_take(&peer->useless, now, window, cost) + cost <= now)
        return false;
    bucket_return(&peer->useless, cost);
    return __atomic_compare_exchange_n(&peer->banned_until, &until, now_ms + limits->ban_cooldown_ms, false,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

bool peer_banned(const struct peer *peer, uint64_t now_ms)
{
    return __atomic_load_n(&peer->banned_until, __ATOMIC_RELAXED) > now_ms;
}

void peers_pardon(struct peers *p, const struct range_set *before, const struct range_set *now)
{
    pthread_mutex_lock(&p->mutex);
    for (size_t i = 0; i < SLOTS; i++) {
        for (struct peer *at = p->slots[i]; at != NULL; at = at->chain) {
            if (at->banned_until != 0 && range_set_has(before, &at->address) &&
                !range_set_has(now, &at->address)) {
                __atomic_store_n(&at->banned_until, 0, __ATOMIC_RELAXED);
                bucket_clear(&at->useless); /* or the next useless connection would renew the ban */
            }
        }
    }
    pthread_mutex_unlock(&p->mutex);
}

void peers_rates_clear(struct peers *p)
{
    pthread_mutex_lock(&p->mutex);
    for (size_t i = 0; i < SLOTS; i++) {
        for (struct peer *at = p->slots[i]; at != NULL; at = at->chain) {
            bucket_clear(&at->bytes);
            bucket_clear(&at->requests);
        }
    }
    pthread_mutex_unlock(&p->mutex);
}
