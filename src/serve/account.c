/* Accounts and caps. */
#include "serve/account.h"

#include "base/clock.h"

enum { SAVE_MS = 5000, DAY_SECONDS = 86400 };

static int64_t day_now(void)
{
    return clock_unix() / DAY_SECONDS;
}

void account_start(struct watcher *w)
{
    w->day = day_now();
    w->saved_at = clock_monotonic_ms();
}

/* Puts what is new into the record, and learns what other servers did. */
static int use_save(struct watcher *w, const char *scope, struct day_use *d, uint64_t counter,
                    struct pb_error *err)
{
    if (w->state == NULL)
        return PB_OK; /* it is all in the counter, then */
    int rc = state_use_add(w->state, scope, w->day, counter - d->saved, &d->recorded, err);
    if (rc == PB_OK)
        d->saved = counter;
    return rc;
}

static int titles_save(struct watcher *w, bool all, struct pb_error *err)
{
    int rc = PB_OK;
    for (struct meter *m = w->shared->meters.first; m != NULL && rc == PB_OK; m = m->next) {
        uint64_t counter = count_read(&m->counts.bytes);
        if (all || counter != m->day.saved)
            rc = use_save(w, m->title, &m->day, counter, err);
        day_use_look(&m->day, counter);
    }
    return rc;
}

static void save(struct watcher *w, bool all)
{
    struct pb_error err;
    uint64_t total = shared_bytes(w->shared);
    w->saved_at = clock_monotonic_ms();
    int rc = w->state != NULL ? state_begin(w->state, &err) : PB_OK;
    if (rc == PB_OK)
        rc = use_save(w, "", &w->shared->day, total, &err);
    if (rc == PB_OK)
        rc = titles_save(w, all, &err);
    if (w->state != NULL) {
        struct pb_error end;
        int ended = state_end(w->state, &end); /* what was added is counted as saved, so it must be */
        if (rc == PB_OK && ended < 0)
            rc = ended, err = end;
    }
    if (rc < 0 && w->report != NULL)
        w->report(w->report_arg, err.text);
}

void account_save(struct watcher *w)
{
    save(w, false);
}

void account_limits(struct watcher *w, const struct snapshot *s)
{
    const struct limits *l = &s->settings->limits;
    size_t n = 0;
    w->shared->day.caps = l->caps;
    for (struct meter *m = w->shared->meters.first; m != NULL; m = m->next, n++) {
        m->day.caps = (struct day_caps){title_value_of(&l->soft_caps, m->title),
                                        title_value_of(&l->hard_caps, m->title)};
        __atomic_store_n(&m->rate, title_value_of(&l->title_rates, m->title), __ATOMIC_RELAXED);
    }
    if (n > w->metered || w->snapshot == NULL)
        save(w, true);
    w->metered = n;
    account_look(w);
}

/* A new day: what is not in the record yet belongs to the one before. */
static void day_begin(struct watcher *w)
{
    save(w, false);
    w->day = day_now();
    w->shared->day.recorded = 0;
    w->shared->day.saved = shared_bytes(w->shared);
    for (struct meter *m = w->shared->meters.first; m != NULL; m = m->next) {
        m->day.recorded = 0;
        m->day.saved = count_read(&m->counts.bytes);
    }
}

void account_look(struct watcher *w)
{
    if (day_now() != w->day)
        day_begin(w);
    day_use_look(&w->shared->day, shared_bytes(w->shared));
    for (struct meter *m = w->shared->meters.first; m != NULL; m = m->next)
        day_use_look(&m->day, count_read(&m->counts.bytes));
    if (clock_monotonic_ms() - w->saved_at >= SAVE_MS)
        save(w, false);
}
