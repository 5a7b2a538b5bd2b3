/* Adding the loops' counters up. */
#include "serve/live/shared.h"

#include "base/clock.h"

/* A look at a large catalog takes seconds, and waiting for another program's transaction half a minute. */
enum { SILENT_MS = 10000, WATCHER_SILENT_MS = 180000 };

struct counts shared_counts(const struct shared *s, size_t dialect)
{
    struct counts sum = {0};
    for (size_t i = 0; i < s->loop_count; i++) {
        const struct counts *c = &s->loops[i]->dialects[dialect];
        sum.requests += count_read(&c->requests);
        sum.bytes += count_read(&c->bytes);
        sum.errors += count_read(&c->errors);
        sum.completed += count_read(&c->completed);
        sum.broken_off += count_read(&c->broken_off);
        sum.opened += count_read(&c->opened);
        sum.active += count_read(&c->active);
    }
    return sum;
}

uint64_t shared_bytes(const struct shared *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < COUNTS_DIALECTS; i++)
        sum += shared_counts(s, i).bytes;
    return sum;
}

void shared_headerless_note(struct shared *s, const struct address *proxy)
{
    uint8_t none = HEADERLESS_NONE;
    if (!__atomic_compare_exchange_n(&s->headerless_state, &none, HEADERLESS_NOTED, false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED))
        return;
    s->headerless = *proxy;
    __atomic_store_n(&s->headerless_state, HEADERLESS_KNOWN, __ATOMIC_RELEASE);
}

bool shared_headerless_take(struct shared *s, struct address *proxy)
{
    if (__atomic_load_n(&s->headerless_state, __ATOMIC_ACQUIRE) != HEADERLESS_KNOWN)
        return false;
    *proxy = s->headerless;
    __atomic_store_n(&s->headerless_state, HEADERLESS_TOLD, __ATOMIC_RELAXED);
    return true;
}

const char *shared_illness(const struct shared *s)
{
    uint64_t now = clock_monotonic_ms();
    for (size_t i = 0; i < s->loop_count; i++) {
        if (count_read(&s->loops[i]->seen) + SILENT_MS < now)
            return "a thread that serves does not turn";
    }
    return count_read(&s->watcher_seen) + WATCHER_SILENT_MS < now ? "the catalog is not watched" : NULL;
}

const char *shared_unready(const struct shared *s)
{
    if (__atomic_load_n(&s->stopping, __ATOMIC_RELAXED))
        return "stopping";
    const char *illness = shared_illness(s);
    return illness == NULL && __atomic_load_n(&s->failing, __ATOMIC_RELAXED) ? "the catalog can't be read"
                                                                             : illness;
}
