/* Threads and snapshots. One thread watches the catalog and makes a new snapshot when it changes; the loops
 * pick it up between events. */
#include "serve/server.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/sigpipe.h"
#include "depot/catalog.h"
#include "dialect/compile.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

enum { WATCH_MS = 200, OBJECTS_OPEN_MAX = 2048 };

struct server {
    struct depot *depot; /* the watcher's; catalog reads only */
    struct access_log *log;
    server_report_fn *report;
    void *report_arg;
    struct listen_address addresses[SERVER_ADDRESSES_MAX];
    const struct protocol *protocols[SERVER_ADDRESSES_MAX]; /* spoken there */
    size_t address_count;

    pthread_mutex_t mutex;                /* snapshot, generation, settings_next */
    struct snapshot *snapshot;            /* the newest */
    uint64_t generation;                  /* atomic; changed under the mutex */
    struct serve_settings *settings_next; /* of a reload; NULL: none */

    int64_t catalog_seen; /* catalog_version of the snapshot */
    uint64_t watched_at;
    int watch_wake;  /* eventfd */
    bool watch_stop; /* atomic */
    bool watching;
    bool failing; /* the last snapshot could not be made, and that was reported */
    pthread_t watcher;
    struct loop *loops;
    pthread_t *threads;
    size_t loop_count, thread_count;
};

/* ---- snapshots ---- */

static void maker_failed(void *arg, const struct site_title *title, const struct pb_error *err)
{
    const struct server *s = arg;
    char text[PB_ERROR_TEXT_MAX + 300];
    snprintf(text, sizeof text, "%s/%s is not served: %s", title->dialect, title->name, err->text);
    if (s->report != NULL)
        s->report(s->report_arg, text);
}

/* Makes and publishes a snapshot. Takes over `settings`. */
static int snapshot_make(struct server *s, struct serve_settings *settings, struct pb_error *err)
{
    struct site *site;
    struct site_maker maker = dialects_maker(settings->dialects, maker_failed, s);
    const struct site *before = s->snapshot != NULL ? s->snapshot->site : NULL;
    int64_t version;
    int rc = catalog_version(s->depot->db, &version, err);
    if (rc == PB_OK)
        rc = site_make(s->depot, before, false, &maker, &site, err);
    if (rc < 0) {
        settings_release(settings);
        return rc;
    }
    struct snapshot *made = snapshot_new(site, settings), *old = s->snapshot;
    if (made == NULL)
        return error_memory(err);
    s->catalog_seen = version; /* not before: what failed is tried again */
    pthread_mutex_lock(&s->mutex);
    s->snapshot = made;
    __atomic_add_fetch(&s->generation, 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&s->mutex);
    snapshot_release(old);
    return PB_OK;
}

static struct snapshot *snapshot_take(void *arg, uint64_t *generation)
{
    struct server *s = arg;
    pthread_mutex_lock(&s->mutex);
    struct snapshot *snapshot = s->snapshot;
    snapshot_hold(snapshot);
    *generation = s->generation;
    pthread_mutex_unlock(&s->mutex);
    return snapshot;
}

/* Keeps the settings for the next try, a moment later; says so once. */
static void watch_failed(struct server *s, struct serve_settings *settings, const struct pb_error *err)
{
    pthread_mutex_lock(&s->mutex);
    if (s->settings_next == NULL && settings != s->snapshot->settings) {
        settings_hold(settings);
        s->settings_next = settings;
    }
    pthread_mutex_unlock(&s->mutex);
    if (s->report != NULL && !s->failing)
        s->report(s->report_arg, err->text);
    s->failing = true;
}

/* Has the catalog changed, or are there new settings? Then a new snapshot. */
static void watch_once(struct server *s)
{
    struct pb_error err;
    int64_t version = s->catalog_seen;
    pthread_mutex_lock(&s->mutex);
    struct serve_settings *settings = s->settings_next;
    s->settings_next = NULL;
    pthread_mutex_unlock(&s->mutex);
    int rc = catalog_version(s->depot->db, &version, &err);
    s->watched_at = clock_monotonic_ms();
    if (rc == PB_OK && version == s->catalog_seen && settings == NULL)
        return;
    if (settings == NULL) {
        settings = s->snapshot->settings;
        settings_hold(settings);
    }
    settings_hold(settings);
    rc = snapshot_make(s, settings, &err);
    if (rc < 0)
        watch_failed(s, settings, &err);
    else
        s->failing = false;
    settings_release(settings);
}

static void *watcher_run(void *arg)
{
    struct server *s = arg;
    while (!__atomic_load_n(&s->watch_stop, __ATOMIC_ACQUIRE)) {
        struct pollfd wake = {.fd = s->watch_wake, .events = POLLIN};
        uint64_t count;
        if (poll(&wake, 1, WATCH_MS) > 0 && read(s->watch_wake, &count, sizeof count) < 0)
            continue;
        watch_once(s);
    }
    return NULL;
}

static void watcher_wake(struct server *s)
{
    uint64_t one = 1;
    if (write(s->watch_wake, &one, sizeof one) < 0)
        return;
}

/* ---- threads ---- */

static void *loop_run(void *arg)
{
    struct loop *l = arg;
    while (!l->done)
        loop_turn(l, -1);
    return NULL;
}

/* Signals are for the program that we live in. */
static int thread_start(pthread_t *thread, void *(*run)(void *), void *arg, struct pb_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number == 0 ? PB_OK : error_errno(err, number, "start a thread");
}

/* How many objects may each loop keep open, with the descriptors that this process is allowed? */
static size_t objects_room(size_t loops)
{
    struct rlimit limit;
    size_t most = OBJECTS_OPEN_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 / loops < most)
        most = (size_t)(limit.rlim_cur / 4 / loops);
    return most < 16 ? 16 : most;
}

static void fds_close(int (*fds)[SERVER_ADDRESSES_MAX], size_t loops, size_t addresses)
{
    for (size_t i = 0; i < loops; i++) {
        for (size_t k = 0; k < addresses; k++)
            fd_close(&fds[i][k]);
    }
}

/* One socket for each loop and address. fds[loop][address]; -1 where there is none. */
static int sockets_open(struct server *s, const struct server_options *o, size_t loops,
                        int (*fds)[SERVER_ADDRESSES_MAX], struct pb_error *err)
{
    for (size_t i = 0; i < loops; i++) {
        for (size_t k = 0; k < SERVER_ADDRESSES_MAX; k++)
            fds[i][k] = -1;
    }
    for (size_t k = 0; k < o->listen_count; k++) {
        int of_address[SERVER_THREADS_MAX];
        s->addresses[k] = o->listen[k].address;
        s->protocols[k] = o->listen[k].protocol;
        int rc = listeners_open(&s->addresses[k], of_address, loops, err);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i < loops; i++)
            fds[i][k] = of_address[i];
        s->address_count++;
    }
    return PB_OK;
}

static int loops_init(struct server *s, const struct server_options *o, size_t loops,
                      int (*fds)[SERVER_ADDRESSES_MAX], struct pb_error *err)
{
    struct snapshot_source source = {s, &s->generation, snapshot_take};
    for (size_t i = 0; i < loops; i++) {
        struct loop_listener listeners[LOOP_LISTENERS_MAX];
        for (size_t k = 0; k < o->listen_count; k++)
            listeners[k] = (struct loop_listener){fds[i][k], o->listen[k].protocol};
        int rc = loop_init(&s->loops[i], &source, listeners, o->listen_count, s->depot->objects,
                           objects_room(loops), s->log, err);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < o->listen_count; k++)
            fds[i][k] = -1; /* the loop's now */
        s->loop_count++;
    }
    return PB_OK;
}

static int loops_start(struct server *s, const struct server_options *o, struct pb_error *err)
{
    size_t loops = o->threads == 0 ? 1 : o->threads;
    _cleanup_free_ int(*fds)[SERVER_ADDRESSES_MAX] = calloc(loops, sizeof *fds);
    s->loops = calloc(loops, sizeof *s->loops);
    s->threads = calloc(loops, sizeof *s->threads);
    if (fds == NULL || s->loops == NULL || s->threads == NULL)
        return error_memory(err);
    int rc = sockets_open(s, o, loops, fds, err);
    if (rc == PB_OK)
        rc = loops_init(s, o, loops, fds, err);
    fds_close(fds, loops, SERVER_ADDRESSES_MAX);
    if (rc < 0 || o->threads == 0)
        return rc;
    rc = thread_start(&s->watcher, watcher_run, s, err);
    s->watching = rc == PB_OK;
    for (size_t i = 0; rc == PB_OK && i < loops; i++) {
        rc = thread_start(&s->threads[i], loop_run, &s->loops[i], err);
        s->thread_count += rc == PB_OK;
    }
    return rc;
}

/* ---- the interface ---- */

int server_start(const struct server_options *o, struct serve_settings *settings, struct server **out,
                 struct pb_error *err)
{
    struct server *s = calloc(1, sizeof *s);
    if (s == NULL || o->listen_count > SERVER_ADDRESSES_MAX || o->threads > SERVER_THREADS_MAX) {
        settings_release(settings);
        free(s);
        return s == NULL ? error_memory(err) : error_set(err, PB_INVALID, "too many threads or addresses");
    }
    s->report = o->report;
    s->report_arg = o->report_arg;
    pthread_mutex_init(&s->mutex, NULL);
    s->watch_wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int rc = s->watch_wake < 0 ? error_errno(err, errno, "eventfd") : depot_open(o->depot, &s->depot, err);
    if (rc < 0)
        settings_release(settings);
    else
        rc = snapshot_make(s, settings, err);
    if (rc == PB_OK && o->access_log != NULL)
        rc = access_log_open(o->access_log, &s->log, err);
    if (rc == PB_OK)
        rc = loops_start(s, o, err);
    if (rc < 0) {
        server_free(s);
        return rc;
    }
    *out = s;
    return PB_OK;
}

int server_reload(struct server *s, struct serve_settings *settings, struct pb_error *err)
{
    int rc = access_log_reopen(s->log, err);
    if (rc < 0) {
        settings_release(settings);
        return rc;
    }
    pthread_mutex_lock(&s->mutex);
    settings_release(s->settings_next);
    s->settings_next = settings;
    pthread_mutex_unlock(&s->mutex);
    watcher_wake(s);
    return PB_OK;
}

void server_address(const struct server *s, size_t n, char *out, size_t room)
{
    listen_address_text(&s->addresses[n], out, room);
}

const char *server_protocol(const struct server *s, size_t n)
{
    return s->protocols[n]->name;
}

void server_stop(struct server *s)
{
    for (size_t i = 0; i < s->loop_count; i++)
        loop_stop(&s->loops[i]);
}

void server_free(struct server *s)
{
    if (s == NULL)
        return;
    server_stop(s);
    for (size_t i = 0; i < s->thread_count; i++)
        pthread_join(s->threads[i], NULL);
    if (s->watching) {
        __atomic_store_n(&s->watch_stop, true, __ATOMIC_RELEASE);
        watcher_wake(s);
        pthread_join(s->watcher, NULL);
    }
    for (size_t i = 0; i < s->loop_count; i++)
        loop_free(&s->loops[i]);
    if (access_log_close(s->log) > 0 && s->report != NULL)
        s->report(s->report_arg,
                  "the access log is not whole: it could not be written as fast as lines came");

    snapshot_release(s->snapshot);
    settings_release(s->settings_next);
    depot_close(s->depot);
    fd_close(&s->watch_wake);
    pthread_mutex_destroy(&s->mutex);
    free(s->loops);
    free(s->threads);
    free(s);
}

int server_fd(const struct server *s)
{
    return s->loops[0].epoll;
}

bool server_step(struct server *s)
{
    struct sigpipe sigpipe; /* we are in the caller's thread */
    sigpipe_block(&sigpipe);
    if (clock_monotonic_ms() - s->watched_at >= WATCH_MS)
        watch_once(s);
    loop_turn(&s->loops[0], 0);
    sigpipe_restore(&sigpipe);
    return !s->loops[0].done;
}
