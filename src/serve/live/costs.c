/* Adding up takes a tenth of a second for 100,000 objects, and more for more: so it takes at most a tenth of
 * the watcher's time, however often somebody publishes. */
#include "serve/live/costs.h"

#include "base/clock.h"
#include "depot/usage.h"

#include <stdio.h>

enum { DISK_MS = 2000, REST_FACTOR = 9 };

static void cost_set(uint64_t *to, uint64_t value)
{
    __atomic_store_n(to, value, __ATOMIC_RELAXED);
}

/* Titles that were never live here have no meter. */
static int title_cost(void *arg, const struct pb_title_usage *u)
{
    struct watcher *w = arg;
    struct meter *m = meters_find(&w->shared->admission.meters, u->title);
    if (m != NULL) {
        cost_set(&m->depot.own, u->own_bytes);
        cost_set(&m->depot.shared, u->shared_bytes);
        cost_set(&m->depot.old, u->old_bytes);
    }
    return 0;
}

static void disk_look(struct watcher *w, uint64_t now)
{
    struct pb_usage_report u = {.size = sizeof u};
    struct depot_costs *c = &w->shared->costs;
    if (w->disk_seen != 0 && now < w->disk_seen + DISK_MS)
        return;
    w->disk_seen = now;
    if (depot_disk(w->depot, &u, NULL) == PB_OK) {
        cost_set(&c->free_bytes, u.free_bytes);
        cost_set(&c->disk_bytes, u.disk_bytes);
    }
}

void costs_look(struct watcher *w)
{
    struct pb_usage_report u = {.size = sizeof u};
    struct depot_costs *c = &w->shared->costs;
    uint64_t now = clock_monotonic_ms();
    disk_look(w, now);
    if ((w->costs_next != 0 && w->costs_seen == w->catalog_seen) || now < w->costs_next)
        return;
    /* A title that is gone costs nothing. */
    for (struct meter *m = w->shared->admission.meters.first; m != NULL; m = m->next)
        title_cost(w, &(struct pb_title_usage){.title = m->title});
    if (depot_usage(w->depot, title_cost, w, &u, NULL) == PB_OK) { /* else watch_catalog reports it */
        cost_set(&c->objects, u.objects);
        cost_set(&c->bytes, u.bytes);
        cost_set(&c->live_bytes, u.live_bytes);
        cost_set(&c->old_bytes, u.old_bytes);
        cost_set(&c->unused_bytes, u.unused_bytes);
        cost_set(&c->old_releases, u.old_releases);
        w->costs_seen = w->catalog_seen;
    }
    uint64_t after = clock_monotonic_ms();
    w->costs_next = after + 1 + (after - now) * REST_FACTOR;
}
