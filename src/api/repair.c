/* A queue of damaged objects, and the thread that fetches them. */
#include "api/repair.h"

#include "api/dialects.h"
#include "base/beneath.h"
#include "base/clock.h"
#include "base/file.h"
#include "depot/lock.h"
#include "depot/object.h"
#include "depot/open.h"
#include "fetch/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define STAGING "repair" /* in the depot's tmp/ */

enum {
    DAMAGED_MOST = 10000, /* that are remembered; a disk with more of them needs another remedy */
    URLS_MOST = 64,
    URL_MOST = 8 * 1024,
    AGAIN_MS = 60 * 1000, /* until the second try; each further one waits twice as long */
    AGAIN_MOST_MS = 60 * 60 * 1000,
    ATTEMPTS = 2, /* at each mirror, where the network fails */
};

/* A damaged object. */
struct damage {
    struct damage *next;
    struct sha256 object;
    uint64_t size;
    const char *user_agent; /* static */
    char title[256];
    uint64_t due; /* monotonic ms */
    unsigned tries;
    size_t url_count;
    char *urls[URLS_MOST];
};

struct repair {
    struct depot *depot;
    int staging;
    struct arena arena;
    const char *mirrors[CONFIG_MIRRORS_MAX]; /* in the arena */
    size_t mirror_count;
    server_report_fn *report;
    void *report_arg;
    pthread_t thread;
    bool running;

    pthread_mutex_t mutex; /* of all that follows */
    pthread_cond_t wake;
    bool stop;
    struct damage *first, **last;
    size_t n;
};

static bool stopping(struct repair *r)
{
    pthread_mutex_lock(&r->mutex);
    bool stop = r->stop;
    pthread_mutex_unlock(&r->mutex);
    return stop;
}

static void tell(const struct repair *r, const char *text)
{
    if (r->report != NULL)
        r->report(r->report_arg, text);
}

/* ---- the queue ---- */

static void damage_free(struct damage *d)
{
    for (size_t i = 0; d != NULL && i < d->url_count; i++)
        free(d->urls[i]);
    free(d);
}

static void damage_put(struct repair *r, struct damage *d)
{
    pthread_mutex_lock(&r->mutex);
    bool room = r->n < DAMAGED_MOST;
    if (room) {
        d->next = NULL;
        *r->last = d;
        r->last = &d->next;
        r->n++;
        pthread_cond_signal(&r->wake);
    }
    pthread_mutex_unlock(&r->mutex);
    if (!room)
        damage_free(d);
}

/* Takes the first that is due. NULL: none is; *next says when. Held: the mutex. */
static struct damage *damage_due(struct repair *r, uint64_t now, uint64_t *next)
{
    *next = UINT64_MAX;
    for (struct damage **at = &r->first; *at != NULL; at = &(*at)->next) {
        struct damage *d = *at;
        if (d->due > now) {
            *next = d->due < *next ? d->due : *next;
            continue;
        }
        *at = d->next;
        if (d->next == NULL)
            r->last = at;
        r->n--;
        return d;
    }
    return NULL;
}

/* Waits for one. NULL: it is time to stop. */
static struct damage *damage_take(struct repair *r)
{
    struct damage *d = NULL;
    pthread_mutex_lock(&r->mutex);
    while (!r->stop) {
        uint64_t next;
        d = damage_due(r, clock_monotonic_ms(), &next);
        if (d != NULL)
            break;
        struct timespec until = {(time_t)(next / 1000), (long)(next % 1000) * 1000000};
        if (next == UINT64_MAX)
            pthread_cond_wait(&r->wake, &r->mutex);
        else
            pthread_cond_timedwait(&r->wake, &r->mutex, &until);
    }
    pthread_mutex_unlock(&r->mutex);
    return d;
}

static void urls_add(struct damage *d, const struct dialect *dialect, const struct site_title *title,
                     const struct site_entry *entry, const char *mirror)
{
    for (unsigned n = 0; d->url_count < URLS_MOST; n++) {
        struct buffer url;
        buffer_init(&url, URL_MOST);
        if (!dialect->mirror_url(title, entry, mirror, n, &url) || url.failed) {
            buffer_free(&url);
            return;
        }
        d->urls[d->url_count++] = url.p;
    }
}

void repair_damaged(void *repair, const struct site_title *title, const struct site_entry *entry)
{
    struct repair *r = repair;
    const struct dialect *dialect = dialect_find(title->dialect);
    struct damage *d = dialect != NULL && dialect->mirror_url != NULL ? calloc(1, sizeof *d) : NULL;
    if (d == NULL)
        return;
    d->object = entry->object;
    d->size = entry->size;
    d->user_agent = dialect->fetch->user_agent;
    snprintf(d->title, sizeof d->title, "%s/%s", title->dialect, title->name);
    for (size_t i = 0; i < r->mirror_count; i++)
        urls_add(d, dialect, title, entry, r->mirrors[i]);
    if (d->url_count > 0)
        damage_put(r, d);
    else
        damage_free(d);
}

/* ---- fetching one ---- */

static int on_progress(void *arg, const struct pb_progress *progress)
{
    (void)progress;
    return stopping(arg);
}

struct arrival {
    struct repair *repair;
    const struct damage *damage;
};

/* Is what has arrived the object? */
static int arrived(void *arg, const struct fetch_piece *piece, struct pb_error *err)
{
    const struct arrival *a = arg;
    struct digest_result digest;
    uint64_t size;
    _cleanup_fd_ int fd = -1;
    int rc = beneath_own(a->repair->staging, piece->staged, O_RDONLY, &fd, &size, err);
    if (rc == PB_OK)
        rc = digest_file(DIGEST_SHA256, fd, &digest, err);
    if (rc < 0)
        return rc;
    return memcmp(&digest.sha256, &a->damage->object, sizeof digest.sha256) == 0
               ? PB_OK
               : error_set(err, PB_DAMAGED, "other bytes than those of the object");
}

/* Brings the object into staging, under its name in hexadecimal. */
static int damage_fetch(struct repair *r, const struct damage *d, const char *staged, struct pb_error *err)
{
    struct net_options options = {
        .user_agent = d->user_agent, .attempts = ATTEMPTS, .progress = on_progress, .arg = r};
    struct fetch_piece piece = {.name = d->title,
                                .url = d->urls[0],
                                .mirrors = (const char *const *)d->urls + 1,
                                .mirror_count = d->url_count - 1,
                                .staged = staged,
                                .size = d->size};
    struct fetch_plan plan = {.title = d->title, .piece_count = 1, .pieces = &piece, .download = d->size};
    struct arrival arrival = {r, d};
    struct download download = {.staging = r->staging, .accept = arrived, .accept_arg = &arrival};
    struct download_report report = {0};
    int rc = net_new(&options, &download.net, err);
    if (rc == PB_OK)
        rc = download_pieces(&download, &plan, &report, err);
    net_free(download.net);
    return rc;
}

/* From staging to its place. The depot's lock keeps gc away meanwhile. */
static int object_replace(struct repair *r, const char *staged, struct pb_error *err)
{
    struct object stored;
    uint64_t size;
    _cleanup_fd_ int fd = -1;
    int rc = beneath_own(r->staging, staged, O_RDONLY, &fd, &size, err);
    if (rc == PB_OK)
        rc = depot_lock(r->depot, err);
    if (rc < 0)
        return rc;
    rc = object_store_file(r->depot, fd, &stored, err);
    if (rc == PB_OK && syncfs(r->depot->folder) != 0)
        rc = error_errno(err, errno, "sync the depot");
    depot_unlock(r->depot);
    return rc;
}

static int damage_mend(struct repair *r, const struct damage *d, struct pb_error *err)
{
    char staged[SHA256_HEX + 1];
    hex_encode(d->object.bytes, sizeof d->object.bytes, staged);
    int rc = damage_fetch(r, d, staged, err);
    if (rc == PB_OK)
        rc = object_replace(r, staged, err);
    if (rc == PB_OK)
        unlinkat(r->staging, staged, 0);
    return rc;
}

/* ---- the thread ---- */

/* One try. True: it is to be tried again, later. */
static bool damage_try(struct repair *r, struct damage *d)
{
    char text[PB_ERROR_TEXT_MAX + 512], path[OBJECT_PATH];
    struct pb_error err;
    const struct object object = {.name = d->object, .size = d->size};
    if (object_sound(r->depot->objects, &object)) /* somebody else has mended it */
        return false;
    object_path(&d->object, path);
    int rc = damage_mend(r, d, &err);
    if (rc == PB_OK) {
        snprintf(text, sizeof text, "object %s of %s was fetched again", path, d->title);
        tell(r, text);
        return false;
    }
    if (rc == PB_CANCELLED)
        return false;
    uint64_t wait = (uint64_t)AGAIN_MS << (d->tries < 6 ? d->tries : 6);
    d->due = clock_monotonic_ms() + (wait < AGAIN_MOST_MS ? wait : AGAIN_MOST_MS);
    if (d->tries++ == 0) {
        snprintf(text, sizeof text, "object %s could not be fetched again, and is tried later: %s", path,
                 err.text);
        tell(r, text);
    }
    return true;
}

static void *repair_run(void *arg)
{
    struct repair *r = arg;
    struct damage *d;
    while ((d = damage_take(r)) != NULL) {
        if (damage_try(r, d))
            damage_put(r, d);
        else
            damage_free(d);
    }
    return NULL;
}

/* ---- start and stop ---- */

static int mirrors_copy(struct repair *r, const struct config_start *config, struct pb_error *err)
{
    for (size_t i = 0; i < config->mirror_count; i++) {
        r->mirrors[i] = arena_text(&r->arena, config->mirrors[i]);
        if (r->mirrors[i] == NULL)
            return error_memory(err);
        r->mirror_count++;
    }
    return PB_OK;
}

/* What an earlier server left there is of no use. */
static int staging_open(struct repair *r, struct pb_error *err)
{
    int rc = beneath_clear(r->depot->tmp, STAGING, err);
    if (rc == PB_OK)
        rc = folder_make(r->depot->tmp, STAGING, err);
    return rc == PB_OK ? folder_open(r->depot->tmp, STAGING, &r->staging, err) : rc;
}

static struct repair *repair_new(server_report_fn *report, void *arg)
{
    pthread_condattr_t monotonic;
    struct repair *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    *r = (struct repair){.staging = -1, .report = report, .report_arg = arg};
    r->last = &r->first;
    arena_init(&r->arena, 0);
    pthread_mutex_init(&r->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&r->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return r;
}

int repair_start(const char *depot, const struct config_start *config, server_report_fn *report, void *arg,
                 struct repair **out, struct pb_error *err)
{
    *out = NULL;
    if (config->mirror_count == 0)
        return PB_OK;
    struct repair *r = repair_new(report, arg);
    if (r == NULL)
        return error_memory(err);
    int rc = mirrors_copy(r, config, err);
    if (rc == PB_OK)
        rc = depot_open(depot, &r->depot, err);
    if (rc == PB_OK && r->depot->read_only) {
        tell(r, "the depot can only be read: nothing is repaired");
        repair_stop(r);
        return PB_OK;
    }
    if (rc == PB_OK)
        rc = staging_open(r, err);
    if (rc == PB_OK)
        rc = thread_start(&r->thread, repair_run, r, err);
    r->running = rc == PB_OK;
    if (rc < 0) {
        repair_stop(r);
        return rc;
    }
    *out = r;
    return PB_OK;
}

void repair_stop(struct repair *r)
{
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->mutex);
    r->stop = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->mutex);
    if (r->running)
        pthread_join(r->thread, NULL);
    for (struct damage *d = r->first, *next; d != NULL; d = next) {
        next = d->next;
        damage_free(d);
    }
    fd_close(&r->staging);
    depot_close(r->depot);
    arena_free(&r->arena);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->mutex);
    free(r);
}
