/* Accounts and caps. */
#include "serve/live/account.h"

#include "base/clock.h"

enum { SAVE_MS = 5000, DAY_SECONDS = 86400 };

static int64_t day_now(void)
{
    return clock_unix() / DAY_SECONDS;
}

void account_start(struct watcher *w)
{
    w->day = day_now();
    w->unread = true; /* of the whole server's, though there be no title */
}

/* Puts what is new into the record, and learns what other servers did; all in one transaction. */
static int use_save(struct watcher *w, const char *scope, struct day_use *d, uint64_t counter,
                    struct pb_error *err)
{
    int rc = state_use_add(w->state, scope, w->day, counter - d->saved, &d->recorded_next, err);
    d->saved_next = counter;
    d->pending = rc == PB_OK;
    return rc;
}

static void use_saved(struct day_use *d, bool good)
{
    if (d->pending && good) {
        d->recorded = d->recorded_next;
        d->saved = d->saved_next;
    }
    d->pending = false;
}

static int titles_save(struct watcher *w, bool all, struct pb_error *err)
{
    int rc = PB_OK;
    for (struct meter *m = w->shared->admission.meters.first; m != NULL && rc == PB_OK; m = m->next) {
        uint64_t counter = count_read(&m->counts.bytes);
        bool capped = m->day.caps.soft != 0 || m->day.caps.hard != 0; /* others may have served it */
        if (all || capped || counter != m->day.saved)
            rc = use_save(w, m->title, &m->day, counter, err);
    }
    return rc;
}

void account_save(struct watcher *w)
{
    struct pb_error err;
    w->saved_at = clock_monotonic_ms();
    if (w->state == NULL) /* it is all in the counters, then */
        return;
    int rc = state_begin(w->state, &err);
    bool begun = rc == PB_OK;
    if (rc == PB_OK)
        rc = use_save(w, "", &w->shared->admission.day, shared_bytes(w->shared), &err);
    if (rc == PB_OK)
        rc = titles_save(w, w->unread, &err);
    if (rc == PB_OK)
        rc = state_end(w->state, &err);
    else if (begun)
        state_abandon(w->state);
    use_saved(&w->shared->admission.day, rc == PB_OK);
    for (struct meter *m = w->shared->admission.meters.first; m != NULL; m = m->next)
        use_saved(&m->day, rc == PB_OK);
    if (rc == PB_OK)
        w->unread = false;
    watch_state_failed(w, rc < 0 ? &err : NULL);
}

void account_limits(struct watcher *w, const struct snapshot *s)
{
    const struct limits *l = &s->settings->limits;
    size_t n = 0;
    w->shared->admission.day.caps = l->caps;
    for (struct meter *m = w->shared->admission.meters.first; m != NULL; m = m->next, n++) {
        m->day.caps = (struct day_caps){title_value_of(&l->soft_caps, m->title),
                                        title_value_of(&l->hard_caps, m->title)};
        __atomic_store_n(&m->rate, title_value_of(&l->title_rates, m->title), __ATOMIC_RELAXED);
    }
    if (n > w->metered) {
        w->unread = true;
        account_save(w);
    }
    w->metered = n;
    account_look(w);
}

/* A new day: what is not in the record yet belongs to the one before. */
static void day_begin(struct watcher *w)
{
    account_save(w);
    w->day = day_now();
    w->shared->admission.day.recorded = 0;
    w->shared->admission.day.saved = shared_bytes(w->shared);
    for (struct meter *m = w->shared->admission.meters.first; m != NULL; m = m->next) {
        m->day.recorded = 0;
        m->day.saved = count_read(&m->counts.bytes);
    }
}

void account_look(struct watcher *w)
{
    if (day_now() != w->day)
        day_begin(w);
    day_use_look(&w->shared->admission.day, shared_bytes(w->shared));
    for (struct meter *m = w->shared->admission.meters.first; m != NULL; m = m->next)
        day_use_look(&m->day, count_read(&m->counts.bytes));
    if (clock_monotonic_ms() - w->saved_at >= SAVE_MS)
        account_save(w);
}
