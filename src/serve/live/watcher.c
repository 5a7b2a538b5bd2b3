/* Watching the depot. */
#include "serve/live/watcher.h"

#include "base/clock.h"
#include "base/file.h"
#include "depot/catalog.h"
#include "depot/open.h"
#include "dialect/compile.h"
#include "serve/live/account.h"
#include "serve/live/costs.h"
#include "serve/live/history.h"
#include "serve/live/scrub.h"
#include "serve/live/uploads.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- bans ---- */

/* Puts the ban where it belongs among the newest. */
static int ban_show(struct bans *b, const struct state_ban *ban, struct pb_error *err)
{
    if (b->shown == NULL)
        b->shown = arena_zero(&b->arena, BANS_SHOWN * sizeof *b->shown);
    if (b->shown == NULL)
        return error_memory(err);
    size_t at = b->shown_n;
    while (at > 0 && b->shown[at - 1].added < ban->added)
        at--;
    if (at == BANS_SHOWN)
        return PB_OK;
    b->shown_n += b->shown_n < BANS_SHOWN;
    memmove(&b->shown[at + 1], &b->shown[at], (b->shown_n - 1 - at) * sizeof *b->shown);
    struct ban_line *line = &b->shown[at];
    memset(line, 0, sizeof *line);
    snprintf(line->range, sizeof line->range, "%s", ban->range);
    snprintf(line->reason, sizeof line->reason, "%s", ban->reason);
    line->added = ban->added;
    line->expires = ban->expires;
    return PB_OK;
}

static int ban_add(void *arg, const struct state_ban *ban, struct pb_error *err)
{
    struct bans *b = arg;
    struct range range;
    if (range_parse(ban->range, &range, NULL) < 0)
        return PB_OK; /* written by somebody else; it bans nobody */
    b->n++;
    if (ban->expires != 0 && (b->next_end == 0 || ban->expires < b->next_end))
        b->next_end = ban->expires;
    int rc = ban_show(b, ban, err);
    return rc == PB_OK ? range_set_add(&b->set, &b->arena, &range, err) : rc;
}

static int bans_read(struct watcher *w, struct bans **out, int64_t *version, struct pb_error *err)
{
    struct bans *b = bans_new();
    if (b == NULL)
        return error_memory(err);
    int rc = w->state != NULL ? state_version(w->state, version, err) : PB_OK;
    if (rc == PB_OK && w->state != NULL)
        rc = state_bans(w->state, ban_add, b, err);
    if (rc < 0) {
        bans_release(b);
        return rc;
    }
    range_set_sort(&b->set);
    *out = b;
    return PB_OK;
}

/* An address that made too many useless connections goes into the record. */
static void ban_record(struct watcher *w, const struct address *a)
{
    const struct peer_limits *limits = &w->snapshot->settings->limits.peer;
    char range[ADDRESS_TEXT], reason[STATE_REASON_MAX], text[ADDRESS_TEXT + STATE_REASON_MAX + 64];
    struct pb_error err;
    struct range r = {peer_address(a), address_is_v4(a) ? 128 : 64};
    int64_t now = clock_unix();
    range_text(&r, range);
    snprintf(reason, sizeof reason, "more than %u connections without a valid request within %u s",
             limits->ban_connections, limits->ban_window_ms / 1000);
    snprintf(text, sizeof text, "%s is banned for %u s: %s", range, limits->ban_cooldown_ms / 1000, reason);
    watch_report(w, text);
    struct state_ban ban = {range, reason, now, now + 1 + limits->ban_cooldown_ms / 1000};
    if (w->state != NULL && state_ban(w->state, &ban, true, &err) < 0)
        watch_report(w, err.text);
}

/* Those that the loops caught. True: there were some. */
static bool bans_take(struct watcher *w)
{
    struct address caught[BAN_QUEUE_MAX];
    struct pb_error err;
    size_t n = admission_take_banned(&w->shared->admission, caught);
    bool begun =
        n > 0 && w->state != NULL && state_begin(w->state, &err) == PB_OK; /* one transaction for all */
    for (size_t i = 0; i < n; i++)
        ban_record(w, &caught[i]);
    if (begun && state_end(w->state, &err) < 0)
        watch_state_failed(w, &err);
    return n > 0;
}

/* ---- tokens ---- */

/* Reads them anew; what was uploaded with one that is gone goes, too. *changed is left alone when they are
 * the same. */
static int tokens_renew(struct watcher *w, bool *changed, struct pb_error *err)
{
    struct tokens *now = NULL;
    if (w->state == NULL)
        return PB_OK;
    int rc = tokens_record(w->tokens, w->state, err);
    if (rc == PB_OK)
        rc = tokens_read(w->state, &now, err);
    if (rc < 0)
        return rc;
    if (tokens_equal(now, w->tokens)) {
        tokens_release(now);
        return PB_OK;
    }
    tokens_release(w->tokens);
    w->tokens = now;
    uploads_keep(w->shared->uploads, now);
    *changed = true;
    return PB_OK;
}

/* ---- snapshots ---- */

static void maker_failed(void *arg, const struct site_title *title, const struct pb_error *err)
{
    char text[PB_ERROR_TEXT_MAX + 300];
    snprintf(text, sizeof text, "%s/%s is not served: %s", title->dialect, title->name, err->text);
    watch_report(arg, text);
}

static int site_read(struct watcher *w, const struct serve_settings *settings, struct site **out,
                     int64_t *version, struct pb_error *err)
{
    struct site_maker maker = dialects_maker(settings->dialects, settings->dialect_settings, maker_failed, w);
    const struct site *before = w->snapshot != NULL ? w->snapshot->site : NULL;
    int rc = depot_version(w->depot, version, err);
    if (rc == PB_OK)
        rc = site_make(w->depot, before, false, &maker, out, err);
    if (rc == PB_OK && (rc = meters_assign(&w->shared->admission.meters, *out, err)) < 0)
        site_release(*out);
    return rc;
}

/* What the loops see from now on. Takes over all three. */
static int snapshot_publish(struct watcher *w, struct site *site, struct serve_settings *settings,
                            struct bans *bans, struct pb_error *err)
{
    struct snapshot *made = bans != NULL ? snapshot_new(site, settings, bans) : NULL, *old = w->snapshot;
    if (bans == NULL) {
        site_release(site);
        settings_release(settings);
    }
    if (made == NULL)
        return error_memory(err);
    if (old != NULL && old->settings != settings)
        admission_rates_clear(&w->shared->admission);
    damaged_hold(w->damaged);
    made->damaged = w->damaged;
    tokens_hold(w->tokens);
    made->tokens = w->tokens;
    account_limits(w, made);
    pthread_mutex_lock(&w->mutex);
    made->number = w->generation + 1;
    w->snapshot = made;
    __atomic_add_fetch(&w->generation, 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&w->mutex);
    snapshot_release(old);
    return PB_OK;
}

static struct bans *bans_known(struct watcher *w)
{
    if (w->snapshot == NULL)
        return bans_new();
    bans_hold(w->snapshot->bans);
    return w->snapshot->bans;
}

/* Makes and publishes a snapshot. Takes over `settings`. */
static int snapshot_make(struct watcher *w, struct serve_settings *settings, struct pb_error *err)
{
    struct site *site = NULL;
    struct bans *bans = NULL;
    int64_t version, state_version = w->state_seen;
    bool changed = false;
    int rc = site_read(w, settings, &site, &version, err);
    if (rc < 0) {
        settings_release(settings);
        return rc;
    }
    rc = bans_read(w, &bans, &state_version, err);
    if (rc == PB_OK && (rc = tokens_renew(w, &changed, err)) < 0)
        bans_release(bans);
    if (rc < 0) { /* no reason to stand still: those that we know hold on, and watch_record tries again */
        watch_state_failed(w, err);
        bans = bans_known(w);
        state_version = w->state_seen;
    }
    rc = snapshot_publish(w, site, settings, bans, err);
    if (rc == PB_OK) { /* not before: what failed is tried again */
        w->catalog_seen = version;
        w->state_seen = state_version;
    }
    return rc;
}

static bool bans_equal(const struct bans *a, const struct bans *b)
{
    return a->n == b->n && a->next_end == b->next_end && a->set.n == b->set.n &&
           (a->set.n == 0 || memcmp(a->set.list, b->set.list, a->set.n * sizeof *a->set.list) == 0) &&
           a->shown_n == b->shown_n &&
           (a->shown_n == 0 || memcmp(a->shown, b->shown, a->shown_n * sizeof *a->shown) == 0);
}

/* The same site and settings with other bans and tokens; nothing when they are not other. */
static int record_renew(struct watcher *w, struct pb_error *err)
{
    struct bans *bans = NULL;
    bool changed = false;
    int64_t version = w->state_seen;
    int rc = bans_read(w, &bans, &version, err);
    if (rc == PB_OK && (rc = tokens_renew(w, &changed, err)) < 0)
        bans_release(bans);
    if (rc < 0)
        return rc;
    if (!changed && bans_equal(bans, w->snapshot->bans)) {
        bans_release(bans);
    } else {
        peers_pardon(w->shared->admission.peers, &w->snapshot->bans->set, &bans->set);
        site_hold(w->snapshot->site);
        settings_hold(w->snapshot->settings);
        rc = snapshot_publish(w, w->snapshot->site, w->snapshot->settings, bans, err);
    }
    if (rc == PB_OK)
        w->state_seen = version;
    return rc;
}

static struct snapshot *snapshot_take(void *arg, uint64_t *generation)
{
    struct watcher *w = arg;
    pthread_mutex_lock(&w->mutex);
    struct snapshot *snapshot = w->snapshot;
    snapshot_hold(snapshot);
    *generation = w->generation;
    pthread_mutex_unlock(&w->mutex);
    return snapshot;
}

struct snapshot_source watcher_source(struct watcher *w)
{
    return (struct snapshot_source){w, &w->generation, snapshot_take};
}

/* ---- looking ---- */

/* Keeps the settings for the next try, a moment later; says so once. */
static void watch_failed(struct watcher *w, struct serve_settings *settings, const struct pb_error *err)
{
    pthread_mutex_lock(&w->mutex);
    if (w->settings_next == NULL && settings != w->snapshot->settings) {
        settings_hold(settings);
        w->settings_next = settings;
    }
    pthread_mutex_unlock(&w->mutex);
    if (!w->failing)
        watch_report(w, err->text);
    w->failing = true;
}

/* Has the catalog changed, or are there new settings? Then a new snapshot. */
static void watch_catalog(struct watcher *w)
{
    struct pb_error err;
    int64_t version = w->catalog_seen;
    pthread_mutex_lock(&w->mutex);
    struct serve_settings *settings = w->settings_next;
    w->settings_next = NULL;
    pthread_mutex_unlock(&w->mutex);
    int rc = depot_version(w->depot, &version, &err);
    if (rc == PB_OK && version == w->catalog_seen && settings == NULL) {
        w->failing = false;
        __atomic_store_n(&w->shared->failing, false, __ATOMIC_RELAXED);
        return;
    }
    if (settings == NULL) {
        settings = w->snapshot->settings;
        settings_hold(settings);
    }
    settings_hold(settings);
    rc = snapshot_make(w, settings, &err);
    if (rc < 0)
        watch_failed(w, settings, &err);
    else
        w->failing = false;
    __atomic_store_n(&w->shared->failing, w->failing, __ATOMIC_RELAXED);
    settings_release(settings);
}

/* Opens the record where that failed before. True: it is open from now on. */
static bool state_ready(struct watcher *w)
{
    enum { AGAIN_MS = 5000 };
    struct pb_error err;
    uint64_t now = clock_monotonic_ms();
    if (w->state != NULL || (w->state_tried != 0 && now < w->state_tried + AGAIN_MS))
        return false;
    w->state_tried = now;
    if (state_open(w->depot->path, &w->state, &err) < 0) {
        if (!w->state_failing)
            watch_report(w, w->depot->read_only
                                ? "the depot can only be read: bans are not in force, the day's account is "
                                  "not kept, and 'patchbay status' does not find this server:"
                                : "bans are not in force, and the day's account is not kept, until this is "
                                  "mended:");
        watch_state_failed(w, &err);
        return false;
    }
    state_patience(w->state, PATIENCE_MS);
    return true;
}

/* Has the record changed, or does a ban end? */
static void watch_record(struct watcher *w)
{
    struct pb_error err;
    int64_t version = w->state_seen;
    int64_t end = w->snapshot->bans->next_end;
    bool ours = bans_take(w), opened = state_ready(w);
    if (w->state == NULL)
        return;
    int rc = state_version(w->state, &version, &err);
    if (rc == PB_OK && !opened && !ours && version == w->state_seen && (end == 0 || end > clock_unix()))
        return;
    if (rc == PB_OK)
        rc = record_renew(w, &err);
    watch_state_failed(w, rc < 0 ? &err : NULL);
}

static void scrub_report(void *arg, const char *text)
{
    watch_report(arg, text);
}

/* Does the scrubber know of other damage than before? */
static void watch_damage(struct watcher *w)
{
    struct damaged *now;
    struct pb_error err;
    if (w->scrub == NULL)
        return;
    scrub_offer(w->scrub, w->snapshot);
    if (!scrub_take(w->scrub, &now, scrub_report, w))
        return;
    damaged_release(w->damaged);
    w->damaged = now;
    site_hold(w->snapshot->site);
    settings_hold(w->snapshot->settings);
    bans_hold(w->snapshot->bans);
    if (snapshot_publish(w, w->snapshot->site, w->snapshot->settings, w->snapshot->bans, &err) < 0)
        watch_report(w, err.text); /* the next snapshot has it */
}

/* What is left lying goes, and tokens that were used are written down. */
static void watch_uploads(struct watcher *w)
{
    struct pb_error err;
    uploads_expire(w->shared->uploads, clock_monotonic_ms());
    if (w->state != NULL && tokens_record(w->tokens, w->state, &err) < 0)
        watch_state_failed(w, &err);
}

/* Players would find the server dead, and the operator should learn why. */
static void watch_proxies(struct watcher *w)
{
    struct address proxy;
    char address[ADDRESS_TEXT], text[ADDRESS_TEXT + 160];
    if (!shared_headerless_take(w->shared, &proxy))
        return;
    address_text(&proxy, address);
    snprintf(text, sizeof text,
             "the proxy %s sends no PROXY header where proxy_protocol wants one: its connections are closed "
             "(told once)",
             address);
    watch_report(w, text);
}

static void watch_once(struct watcher *w)
{
    watch_proxies(w);
    watch_catalog(w);
    watch_damage(w);
    watch_record(w);
    watch_uploads(w);
    account_look(w);
    costs_look(w);
    history_look(w->shared->history, w->shared);
    w->watched_at = clock_monotonic_ms();
    __atomic_store_n(&w->shared->watcher_seen, w->watched_at, __ATOMIC_RELAXED);
}

static void *watcher_run(void *arg)
{
    struct watcher *w = arg;
    while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
        struct pollfd wake = {.fd = w->wake, .events = POLLIN};
        uint64_t count;
        if (poll(&wake, 1, WATCH_MS) > 0 && read(w->wake, &count, sizeof count) < 0)
            continue;
        watch_once(w);
    }
    return NULL;
}

static void watcher_wake(struct watcher *w)
{
    uint64_t one = 1;
    if (write(w->wake, &one, sizeof one) < 0)
        return;
}

/* ---- the interface ---- */

int watcher_init(struct watcher *w, const char *depot, struct serve_settings *settings, struct shared *shared,
                 server_report_fn *report_fn, void *report_arg, struct pb_error *err)
{
    *w = (struct watcher){.shared = shared, .report = report_fn, .report_arg = report_arg};
    pthread_mutex_init(&w->mutex, NULL);
    w->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int rc = w->wake < 0 ? error_errno(err, errno, "eventfd") : depot_open(depot, &w->depot, err);
    if (rc < 0) {
        settings_release(settings);
        return rc;
    }
    state_ready(w);
    account_start(w);
    rc = snapshot_make(w, settings, err);
    if (rc == PB_OK)
        costs_look(w);
    w->watched_at = clock_monotonic_ms();
    shared->watcher_seen = w->watched_at;
    return rc;
}

int watcher_start(struct watcher *w, const struct damage_listener *listener, struct pb_error *err)
{
    int rc = scrub_start(w->shared, w->depot->objects, listener, &w->scrub, err);
    if (rc == PB_OK)
        scrub_offer(w->scrub, w->snapshot); /* so that what the first requests open is put first, too */
    if (rc == PB_OK)
        rc = thread_start(&w->thread, watcher_run, w, err);
    w->running = rc == PB_OK;
    return rc;
}

void watcher_reload(struct watcher *w, struct serve_settings *settings)
{
    pthread_mutex_lock(&w->mutex);
    settings_release(w->settings_next);
    w->settings_next = settings;
    pthread_mutex_unlock(&w->mutex);
    watcher_wake(w);
}

void watcher_step(struct watcher *w)
{
    if (clock_monotonic_ms() - w->watched_at >= WATCH_MS)
        watch_once(w);
}

void watcher_stop(struct watcher *w)
{
    if (!w->running)
        return;
    __atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
    watcher_wake(w);
    pthread_join(w->thread, NULL);
    w->running = false;
}

void watcher_free(struct watcher *w)
{
    watcher_stop(w);
    scrub_stop(w->scrub);
    damaged_release(w->damaged);
    tokens_release(w->tokens);
    if (w->snapshot != NULL)
        account_save(w);
    snapshot_release(w->snapshot);
    settings_release(w->settings_next);
    state_close(w->state);
    depot_close(w->depot);
    fd_close(&w->wake);
    pthread_mutex_destroy(&w->mutex);
}
