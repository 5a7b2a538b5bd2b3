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
