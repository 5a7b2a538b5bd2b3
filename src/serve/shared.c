/* Adding the loops' counters up. */
#include "serve/shared.h"

#include "base/clock.h"

enum { SILENT_MS = 10000 };

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
    if (count_read(&s->watcher_seen) + SILENT_MS < now)
        return "the catalog is not watched";
    return __atomic_load_n(&s->failing, __ATOMIC_RELAXED) ? "the catalog can't be read" : NULL;
}

void shared_ban(struct shared *s, const struct address *a)
{
    pthread_mutex_lock(&s->mutex);
    if (s->banned_count < BAN_QUEUE_MAX)
        s->banned[s->banned_count++] = *a;
    pthread_mutex_unlock(&s->mutex);
}
