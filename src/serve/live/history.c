/* Sampling counters. */
#include "serve/live/history.h"

#include "base/clock.h"

enum { STEP_MS = HISTORY_STEP * 1000, BUSIEST_MS = 1000 };

struct history *history_new(void)
{
    struct history *h = calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    pthread_mutex_init(&h->mutex, NULL);
    h->at = clock_unix();
    h->due = clock_monotonic_ms() + STEP_MS;
    return h;
}

void history_free(struct history *h)
{
    if (h == NULL)
        return;
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

/* ---- one series ---- */

static struct history_mark mark_of(const struct counts *c)
{
    return (struct history_mark){count_read(&c->requests), count_read(&c->bytes), count_read(&c->opened)};
}

/* What came since `seen`, which becomes `now`. */
static struct history_mark mark_move(struct history_mark *seen, struct history_mark now)
{
    struct history_mark more = {now.requests - seen->requests, now.bytes - seen->bytes,
                                now.opened - seen->opened};
    *seen = now;
    return more;
}

static void series_point(struct history_series *s, size_t at, struct history_point new)
{
    struct history_point *p = &s->points[at];
    s->requests += (uint64_t) new.requests - p->requests;
    s->bytes += new.bytes - p->bytes;
    s->opened += (uint64_t) new.opened - p->opened;
    *p = new;
}

/* `steps` points are due at once when the watcher was held up: what came is spread over them. */
static void series_add(struct history_series *s, uint64_t number, unsigned steps, struct history_mark more)
{
    for (unsigned i = 0; i < steps; i++) {
        uint64_t rest = steps - i;
        struct history_mark part = {more.requests / rest, more.bytes / rest, more.opened / rest};
        series_point(s, (size_t)((number + i) % HISTORY_POINTS),
                     (struct history_point){part.bytes, (uint32_t)part.requests, (uint32_t)part.opened});
        more = (struct history_mark){more.requests - part.requests, more.bytes - part.bytes,
                                     more.opened - part.opened};
    }
}

/* ---- titles ---- */

/* The series that a title without one may have: an unused one, else that of the least bytes in this hour. */
static size_t series_least(const struct history *h)
{
    size_t least = HISTORY_TITLE;
    for (size_t i = HISTORY_TITLE; i < HISTORY_SERIES; i++) {
        if (h->series[i].title == NULL)
            return i;
        if (h->series[i].bytes < h->series[least].bytes)
            least = i;
    }
    return least;
}

/* The title's series. One that has none takes another's over if it has more bytes in this one step than that
 * in the hour; 0 when it has not. */
static size_t series_of(struct history *h, struct meter *m, const struct history_mark *more)
{
    if (m->series != 0)
        return m->series;
    size_t i = series_least(h);
    struct history_series *s = &h->series[i];
    if (s->title != NULL && s->bytes >= more->bytes)
        return 0;
    if (s->meter != NULL)
        s->meter->series = 0;
    memset(s, 0, sizeof *s);
    s->title = m->title;
    s->meter = m;
    m->series = (uint16_t)i;
    return i;
}

static void titles_add(struct history *h, const struct shared *shared, unsigned steps)
{
    for (struct meter *m = shared->admission.meters.first; m != NULL; m = m->next) {
        struct history_mark more = mark_move(&m->seen, mark_of(&m->counts));
        bool some = more.requests != 0 || more.bytes != 0;
        size_t series = some ? series_of(h, m, &more) : m->series;
        if (series != 0)
            series_add(&h->series[series], h->number, steps, more);
    }
}

/* ---- a look ---- */

void history_add(struct history *h, const struct shared *shared, unsigned steps)
{
    struct history_mark total = {0};
    for (size_t i = 0; i < COUNTS_DIALECTS; i++) {
        struct counts sum = shared_counts(shared, i);
        struct history_mark now = mark_of(&sum);
        total.requests += now.requests;
        total.bytes += now.bytes;
        series_add(&h->series[HISTORY_DIALECT + i], h->number, steps,
                   mark_move(&h->seen[HISTORY_DIALECT + i], now));
    }
    for (size_t i = 0; i < shared->loop_count; i++)
        total.opened += count_read(&shared->loops[i]->accepted);
    series_add(&h->series[HISTORY_TOTAL], h->number, steps, mark_move(&h->seen[HISTORY_TOTAL], total));
    titles_add(h, shared, steps);
    h->number += steps;
    h->at = clock_unix();
}

void history_look(struct history *h, const struct shared *shared)
{
    uint64_t now = clock_monotonic_ms();
    if (h == NULL)
        return;
    pthread_mutex_lock(&h->mutex);
    if (now >= h->due) {
        uint64_t steps = (now - h->due) / STEP_MS + 1;
        history_add(h, shared, steps < HISTORY_POINTS ? (unsigned)steps : HISTORY_POINTS);
        h->due += steps * STEP_MS;
    }
    if (h->asked && now >= h->busiest_due) {
        h->busiest_n = peers_busiest(shared->admission.peers, h->busiest, HISTORY_BUSIEST);
        h->busiest_due = now + BUSIEST_MS;
        h->asked = false;
    }
    pthread_mutex_unlock(&h->mutex);
}
