/* Threads around loops: listening sockets, starting, stopping. watcher.c gives the loops what they serve
 * from. */
#include "serve/server.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/sigpipe.h"
#include "serve/engine/loop.h"
#include "serve/engine/tls.h"
#include "serve/live/history.h"
#include "serve/live/notes.h"
#include "serve/running.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* How long starting and stopping wait for somebody else's transaction: there is no next time. */
enum { NOTE_PATIENCE_MS = 5000 };

struct server {
    struct shared shared;
    struct watcher watcher;
    struct access_log *log;
    struct publisher *publisher; /* NULL: none */
    struct room room;
    struct listen_address addresses[SERVER_ADDRESSES_MAX];
    const struct protocol *protocols[SERVER_ADDRESSES_MAX]; /* spoken there */
    bool secure[SERVER_ADDRESSES_MAX];                      /* with TLS */
    struct tls *tls;                                        /* NULL: no address has it */
    size_t address_count;
    struct loop *loops; /* the last is the operator's, if he has a thread: admin_loop */
    pthread_t *threads;
    size_t loop_count, thread_count;
    bool admin_loop;
    int64_t noted; /* our row among the servers that run; 0: none */
};

/* ---- threads ---- */

static void *loop_run(void *arg)
{
    struct loop *l = arg;
    while (!l->done)
        loop_turn(l, -1);
    return NULL;
}

static void fds_close(int (*fds)[SERVER_ADDRESSES_MAX], size_t loops, size_t addresses)
{
    for (size_t i = 0; i < loops; i++) {
        for (size_t k = 0; k < addresses; k++)
            fd_close(&fds[i][k]);
    }
}

/* One socket for each loop and address; the operator's only for the last loop. fds[loop][address]; -1 where
 * there is none. */
static int sockets_open(struct server *s, const struct server_options *o, size_t loops,
                        int (*fds)[SERVER_ADDRESSES_MAX], struct pb_error *err)
{
    for (size_t i = 0; i < loops; i++) {
        for (size_t k = 0; k < SERVER_ADDRESSES_MAX; k++)
            fds[i][k] = -1;
    }
    for (size_t k = 0; k < o->listen_count; k++) {
        int of_address[SERVER_THREADS_MAX + 1];
        bool for_operator = o->listen[k].protocol->for_operator;
        size_t first = for_operator ? loops - 1 : 0, n = for_operator ? 1 : loops - s->admin_loop;
        s->addresses[k] = o->listen[k].address;
        s->protocols[k] = o->listen[k].protocol;
        s->secure[k] = o->listen[k].tls;
        int rc = listeners_open(&s->addresses[k], of_address, n, err);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i < n; i++)
            fds[first + i][k] = of_address[i];
        s->address_count++;
    }
    return PB_OK;
}

static int loops_init(struct server *s, const struct server_options *o, size_t loops,
                      int (*fds)[SERVER_ADDRESSES_MAX], struct pb_error *err)
{
    struct snapshot_source source = watcher_source(&s->watcher);
    for (size_t i = 0; i < loops; i++) {
        struct loop_listener listeners[LISTENERS_MAX];
        size_t n = 0;
        for (size_t k = 0; k < o->listen_count; k++) {
            if (fds[i][k] >= 0)
                listeners[n++] = (struct loop_listener){.fd = fds[i][k],
                                                        .inherited = o->listen[k].address.inherited > 0,
                                                        .header = o->listen[k].proxy_header,
                                                        .protocol = o->listen[k].protocol,
                                                        .transport = o->listen[k].tls ? &s->tls->transport
                                                                                      : &plain_transport};
        }
        int rc = loop_init(&s->loops[i], &source, &s->shared, &s->room, listeners, n,
                           s->watcher.depot->objects, room_objects(loops), s->log, err);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < o->listen_count; k++)
            fds[i][k] = -1;                  /* the loop's now */
        if (!s->admin_loop || i < loops - 1) /* the operator's has nothing to count, and may be slow */
            s->shared.loops[s->shared.loop_count++] = &s->loops[i].counts;
        s->loop_count++;
    }
    return PB_OK;
}

/* Writes down where the operator is answered, so that `patchbay status` finds it. */
static void admin_note(struct server *s)
{
    char text[STATE_ADMIN_MAX] = "";
    struct pb_error err;
    for (size_t k = 0; k < s->address_count && text[0] == '\0'; k++) {
        size_t n = s->secure[k] ? sizeof RUNNING_TLS - 1 : 0;
        if (!s->protocols[k]->for_operator)
            continue;
        memcpy(text, RUNNING_TLS, n);
        listen_address_text(&s->addresses[k], text + n, sizeof text - n);
    }
    if (text[0] == '\0' || s->watcher.state == NULL)
        return;
    state_patience(s->watcher.state, NOTE_PATIENCE_MS);
    if (running_add(s->watcher.state, text, s->shared.started, &s->noted, &err) < 0)
        watch_report(&s->watcher, err.text);
    state_patience(s->watcher.state, PATIENCE_MS);
}

/* Nobody answers there any more. */
static void admin_forget(struct server *s)
{
    struct pb_error err;
    if (s->noted == 0 || s->watcher.state == NULL)
        return;
    state_patience(s->watcher.state, NOTE_PATIENCE_MS);
    if (state_server_remove(s->watcher.state, s->noted, &err) < 0)
        watch_report(&s->watcher, err.text);
    state_patience(s->watcher.state, PATIENCE_MS);
}

int server_address_check(const struct server_listen *l, const struct serve_settings *settings, bool tokens,
                         struct pb_error *err)
{
    char text[STATE_ADMIN_MAX];
    if (!l->protocol->for_operator || settings->admin.token != NULL || tokens ||
        listen_address_is_loopback(&l->address))
        return PB_OK;
    listen_address_text(&l->address, text, sizeof text);
    return error_set(err, PB_INVALID,
                     "admin: other machines reach %s: set admin_token_file, make a token with 'patchbay token"
                     " add', or listen on 127.0.0.1",
                     text);
}

static int admin_check(const struct server *s, const struct serve_settings *settings, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t k = 0; rc == PB_OK && k < s->address_count; k++)
        rc = server_address_check(&(struct server_listen){s->addresses[k], s->protocols[k]}, settings,
                                  tokens_any(s->watcher.tokens), err);
    return rc;
}

/* Told by TLS. */
static void warn(void *arg, const char *text)
{
    watch_report(arg, text);
}

static int tls_start(struct server *s, const struct server_options *o, const struct serve_settings *settings,
                     struct pb_error *err)
{
    bool wanted = false;
    struct tls_files files = {settings->tls.certificate, settings->tls.key};
    for (size_t k = 0; k < o->listen_count; k++)
        wanted |= o->listen[k].tls;
    return wanted ? tls_new(&files, &s->shared.tls, warn, &s->watcher, &s->tls, err) : PB_OK;
}

static bool has_operator(const struct server *s)
{
    bool has = false;
    for (size_t k = 0; k < s->address_count; k++)
        has |= s->protocols[k]->for_operator;
    return has;
}

static int loops_start(struct server *s, const struct server_options *o, struct pb_error *err)
{
    size_t loops = o->threads == 0 ? 1 : o->threads;
    for (size_t k = 0; o->threads > 0 && k < o->listen_count; k++)
        s->admin_loop |= o->listen[k].protocol->for_operator;
    loops += s->admin_loop;
    _cleanup_free_ int(*fds)[SERVER_ADDRESSES_MAX] = calloc(loops, sizeof *fds);
    s->loops = calloc(loops, sizeof *s->loops);
    s->threads = calloc(loops, sizeof *s->threads);
    if (fds == NULL || s->loops == NULL || s->threads == NULL)
        return error_memory(err);
    int rc = sockets_open(s, o, loops, fds, err);
    if (rc == PB_OK)
        rc = admin_check(s, s->watcher.snapshot->settings, err);
    for (size_t k = 0; k < s->address_count; k++)
        s->shared.exposed |= s->protocols[k]->for_operator && !listen_address_is_loopback(&s->addresses[k]);
    if (rc == PB_OK)
        rc = loops_init(s, o, loops, fds, err);
    fds_close(fds, loops, SERVER_ADDRESSES_MAX);
    if (rc == PB_OK) {
        if (has_operator(s))
            process_open(&s->shared.process);
        room_init(&s->room, loops * room_objects(loops), has_operator(s));
        admin_note(s);
    }
    if (rc < 0 || o->threads == 0)
        return rc;
    rc = watcher_start(&s->watcher, &o->damage, err);
    for (size_t i = 0; rc == PB_OK && i < loops; i++) {
        rc = thread_start(&s->threads[i], loop_run, &s->loops[i], err);
        s->thread_count += rc == PB_OK;
    }
    return rc;
}

/* Where maps may be published from afar. */
static int publisher_make(struct server *s, const struct server_options *o, struct pb_error *err)
{
    if (o->publish == NULL || o->threads == 0)
        return PB_OK;
    if (s->watcher.depot->read_only)
        return error_set(err, PB_INVALID, "publish: the depot can only be read here");
    int rc = uploads_new(s->watcher.depot->tmp, &s->shared.uploads, err);
    if (rc < 0)
        return rc;
    s->shared.publish_calls = o->publish;
    return publisher_start(s->shared.uploads, s->watcher.depot->path, o->publish, &s->publisher, err);
}

/* ---- the interface ---- */

/* What only the operator's page shows is kept only where there is one. */
static int memory_start(struct server *s, const struct server_options *o, struct pb_error *err)
{
    bool for_operator = false;
    for (size_t k = 0; k < o->listen_count; k++)
        for_operator |= o->listen[k].protocol->for_operator;
    if (!for_operator)
        return PB_OK;
    s->shared.history = history_new();
    s->shared.notes = notes_new();
    return s->shared.history != NULL && s->shared.notes != NULL ? PB_OK : error_memory(err);
}

int server_start(const struct server_options *o, struct serve_settings *settings, struct server **out,
                 struct pb_error *err)
{
    struct server *s = calloc(1, sizeof *s);
    if (s == NULL || o->listen_count > SERVER_ADDRESSES_MAX || o->threads > SERVER_THREADS_MAX) {
        settings_release(settings);
        free(s);
        return s == NULL ? error_memory(err) : error_set(err, PB_INVALID, "too many threads or addresses");
    }
    s->shared.started = clock_unix();
    process_init(&s->shared.process);
    pthread_mutex_init(&s->shared.asked.mutex, NULL);
    int rc = admission_init(&s->shared.admission, err);
    if (rc == PB_OK)
        rc = memory_start(s, o, err);
    if (rc < 0) {
        settings_release(settings);
        admission_free(&s->shared.admission);
        history_free(s->shared.history);
        notes_free(s->shared.notes);
        free(s);
        return rc;
    }
    rc = watcher_init(&s->watcher, o->depot, settings, &s->shared, o->report, o->report_arg, err);
    if (rc == PB_OK)
        s->shared.depot = s->watcher.depot->path;
    if (rc == PB_OK && o->access_log != NULL)
        rc = access_log_open(o->access_log, &s->log, err);
    if (rc == PB_OK)
        rc = publisher_make(s, o, err);
    if (rc == PB_OK)
        rc = tls_start(s, o, s->watcher.snapshot->settings, err);
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
    struct tls_files files = {settings->tls.certificate, settings->tls.key};
    int rc = admin_check(s, settings, err);
    if (rc == PB_OK && s->tls != NULL)
        rc = tls_reload(s->tls, &files, warn, &s->watcher, err);
    if (rc == PB_OK)
        rc = access_log_reopen(s->log, err);
    if (rc < 0) {
        settings_release(settings);
        return rc;
    }
    watcher_reload(&s->watcher, settings);
    return PB_OK;
}

void server_address(const struct server *s, size_t n, char *out, size_t room)
{
    listen_address_text(&s->addresses[n], out, room);
}

const char *server_protocol(const struct server *s, size_t n)
{
    if (!s->secure[n])
        return s->protocols[n]->name;
    return s->protocols[n]->for_operator ? "admin_https" : "https";
}

unsigned server_room(const struct server *s)
{
    return s->room.most;
}

const char *server_illness(const struct server *s)
{
    return s->thread_count > 0 ? shared_illness(&s->shared) : NULL;
}

void server_stop(struct server *s)
{
    __atomic_store_n(&s->shared.stopping, true, __ATOMIC_RELAXED);
    for (size_t i = 0; i < s->loop_count - s->admin_loop; i++)
        loop_stop(&s->loops[i]);
}

/* The operator's loop goes last: it says how far the others are. */
static void threads_join(struct server *s)
{
    for (size_t i = 0; i < s->thread_count; i++) {
        if (s->admin_loop && i == s->loop_count - 1)
            loop_stop(&s->loops[i]);
        pthread_join(s->threads[i], NULL);
    }
}

void server_free(struct server *s)
{
    if (s == NULL)
        return;
    if (s->loop_count > 0)
        server_stop(s);
    threads_join(s);
    for (size_t i = 0; i < s->loop_count; i++)
        loop_free(&s->loops[i]);
    publisher_stop(s->publisher);
    tls_free(s->tls);
    if (access_log_close(s->log) > 0)
        watch_report(&s->watcher,
                     "the access log is not whole: it could not be written as fast as lines came");
    watcher_stop(&s->watcher);
    admin_forget(s);
    watcher_free(&s->watcher);
    uploads_free(s->shared.uploads);
    admission_free(&s->shared.admission);
    process_close(&s->shared.process);
    history_free(s->shared.history);
    notes_free(s->shared.notes);
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
    watcher_step(&s->watcher);
    loop_turn(&s->loops[0], 0);
    sigpipe_restore(&sigpipe);
    return !s->loops[0].done;
}
