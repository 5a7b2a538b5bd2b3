/* Checking the site's objects while they are served. */
#include "serve/live/scrub.h"

#include "base/clock.h"
#include "base/file.h"
#include "depot/object.h"
#include "serve/live/scrub_known.h"
#include "serve/live/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    STEP = 256 * 1024,  /* bytes read and hashed at once */
    LEAST = 4096,       /* bytes that an object counts for at least: opening it costs, too */
    IDLE_MS = 300,      /* between looks when there is nothing to do */
    RECHECK_MS = 1000,  /* between looks at damaged objects' files */
    RECHECK_MOST = 256, /* of them at once */
    LINES = 32,         /* for the operator, until the watcher takes them */
    LINE_MAX_SCRUB = 512,
};

/* How a damaged object's file looked when it was read. */
struct look {
    uint64_t inode, size;
    int64_t changed_s, changed_ns;
};

struct found {
    struct asked_object object;
    struct look look;
};

struct scrub {
    struct shared *shared;
    struct damage_listener listener;
    int objects;
    int wake; /* eventfd; written to stop */
    bool stop;
    pthread_t thread;

    /* Between the watcher and us. The watcher only tries to take the mutex: we may be without a processor
     * while we have it. */
    pthread_mutex_t mutex;
    struct site *next;    /* NULL: the same as before */
    struct site *offered; /* the newest that the watcher brought */
    bool on;
    uint64_t rate; /* bytes a second; 0: as fast as can be */
    struct damaged *set;
    bool set_changed;
    char lines[LINES][LINE_MAX_SCRUB];
    size_t line_count, lines_lost;

    /* Ours alone. */
    struct site *site;
    size_t title, entry; /* the walk: the next to check; titles come first, then those withdrawn */
    struct known known;
    struct found *found;
    size_t found_count, found_room, found_next;
    uint64_t rechecked_at;
    uint64_t due_us; /* when the rate allows more */
    char *step;
};

static bool stopping(const struct scrub *s)
{
    return __atomic_load_n(&s->stop, __ATOMIC_ACQUIRE);
}

static void wait_ms(struct scrub *s, unsigned ms)
{
    struct pollfd wake = {.fd = s->wake, .events = POLLIN};
    if (!stopping(s))
        poll(&wake, 1, (int)ms);
}

static void pace(struct scrub *s, uint64_t bytes)
{
    enum { TOGETHER_US = 20000 }; /* shorter waits are saved up */
    uint64_t rate = __atomic_load_n(&s->rate, __ATOMIC_RELAXED), now = clock_monotonic_ms() * 1000;
    if (rate == 0)
        return;
    s->due_us = (s->due_us > now ? s->due_us : now) + bytes * 1000000 / rate;
    while (s->due_us > now + TOGETHER_US && !stopping(s)) {
        wait_ms(s, (unsigned)((s->due_us - now) / 1000 < 1000 ? (s->due_us - now) / 1000 : 1000));
        now = clock_monotonic_ms() * 1000;
    }
}

/* ---- reading one object ---- */

/* Reads a step. What was not in memory before leaves it again, unless players have asked for it: a walk
 * through the depot must not push out what is served. */
static ssize_t step_read(struct scrub *s, int fd, uint64_t at, bool asked)
{
    struct iovec v = {s->step, STEP};
    ssize_t n = preadv2(fd, &v, 1, (off_t)at, RWF_NOWAIT);
    if (n > 0)
        return n;
    do {
        n = pread(fd, s->step, STEP, (off_t)at);
    } while (n < 0 && errno == EINTR);
    if (n > 0 && !asked)
        posix_fadvise(fd, (off_t)at, n, POSIX_FADV_DONTNEED);
    return n;
}

static struct look look_at(const struct scrub *s, const struct sha256 *name)
{
    char path[OBJECT_PATH];
    struct stat st;
    object_path(name, path);
    if (fstatat(s->objects, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return (struct look){0};
    return (struct look){st.st_ino, (uint64_t)st.st_size, st.st_ctim.tv_sec, st.st_ctim.tv_nsec};
}

/* PB_DAMAGED or PB_NOT_FOUND: the object is not what it should be. Another error: nothing is known of it. */
static int object_verify(struct scrub *s, const struct asked_object *o, bool asked, struct pb_error *err)
{
    char path[OBJECT_PATH];
    struct digest_result r;
    ssize_t n = 0;
    _cleanup_fd_ int fd = -1;
    _cleanup_digest_ struct digest digest = {0};
    int rc = object_open(s->objects, &o->name, o->size, &fd, err);
    if (rc == PB_OK)
        rc = digest_start(&digest, DIGEST_SHA256, err);
    if (rc < 0)
        return rc;
    object_path(&o->name, path);
    posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM); /* no reading ahead, so that step_read can tell */
    for (uint64_t at = 0; at < o->size; at += (uint64_t)n) {
        n = step_read(s, fd, at, asked);
        if (n < 0)
            return error_set(err, PB_DAMAGED, "object %s: it can't be read", path);
        if (n == 0 || stopping(s))
            break;
        digest_add(&digest, s->step, (size_t)n);
        pace(s, (uint64_t)n);
    }
    if (stopping(s))
        return error_set(err, PB_CANCELLED, "stopping");
    digest_finish(&digest, &r);
    if (o->size < LEAST)
        pace(s, LEAST - o->size);
    return memcmp(&r.sha256, &o->name, sizeof o->name) == 0
               ? PB_OK
               : error_set(err, PB_DAMAGED, "object %s: its bytes are not those of its name (SHA-256)", path);
}

/* ---- what was found ---- */

static void tell(struct scrub *s, const char *text)
{
    pthread_mutex_lock(&s->mutex);
    if (s->line_count < LINES)
        snprintf(s->lines[s->line_count++], LINE_MAX_SCRUB, "%s", text);
    else
        s->lines_lost++;
    pthread_mutex_unlock(&s->mutex);
}

/* Makes the set anew. Without memory the one before stays until the next change. */
static void set_make(struct scrub *s)
{
    struct sha256 *names = malloc((s->found_count + 1) * sizeof *names);
    struct damaged *set = NULL;
    if (names == NULL)
        return;
    for (size_t i = 0; i < s->found_count; i++)
        names[i] = s->found[i].object.name;
    if (s->found_count > 0 && (set = damaged_new(names, s->found_count)) == NULL) {
        free(names);
        return;
    }
    free(names);
    pthread_mutex_lock(&s->mutex);
    damaged_release(s->set);
    s->set = set;
    s->set_changed = true;
    pthread_mutex_unlock(&s->mutex);
    __atomic_store_n(&s->shared->objects_damaged, s->found_count, __ATOMIC_RELAXED);
}

/* The entry among these that has the object. NULL: none has. */
static const struct site_entry *entry_of(const struct site_entry *entries, size_t n,
                                         const struct sha256 *object)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&entries[i].object, object, sizeof *object) == 0)
            return &entries[i];
    }
    return NULL;
}

/* Some title that the object belongs to. Live entries come first. NULL: it belongs to none any more. */
static const struct site_title *user_find(const struct scrub *s, const struct sha256 *object,
                                          const struct site_entry **entry)
{
    for (size_t i = 0; s->site != NULL && i < s->site->n; i++) {
        const struct site_title *t = s->site->titles[i];
        if ((*entry = entry_of(t->entries, t->n, object)) != NULL)
            return t;
    }
    for (size_t i = 0; s->site != NULL && i < s->site->n; i++) {
        const struct site_title *t = s->site->titles[i];
        if ((*entry = entry_of(t->older.entries, t->older.n, object)) != NULL)
            return t;
    }
    return NULL;
}

static void found_tell(struct scrub *s, const struct sha256 *object, const char *fault)
{
    char text[LINE_MAX_SCRUB], user[LINE_MAX_SCRUB / 2] = "";
    const struct site_entry *entry = NULL;
    const struct site_title *title = user_find(s, object, &entry);
    if (title != NULL)
        snprintf(user, sizeof user, "; it hurts %s/%s", title->dialect, title->name);
    snprintf(text, sizeof text, "%.200s; it is not served until it is mended%s", fault, user);
    tell(s, text);
    if (title != NULL && s->listener.fn != NULL)
        s->listener.fn(s->listener.arg, title, entry);
}

static void found_add(struct scrub *s, const struct asked_object *o, const struct look *look,
                      const char *fault)
{
    if (s->found_count == s->found_room) {
        size_t room = s->found_room == 0 ? 16 : 2 * s->found_room;
        struct found *more = realloc(s->found, room * sizeof *more);
        if (more == NULL)
            return;
        s->found = more;
        s->found_room = room;
    }
    s->found[s->found_count++] = (struct found){*o, *look};
    set_make(s);
    found_tell(s, &o->name, fault);
}

/* Has the site changed since we took ours? */
static bool site_waits(struct scrub *s)
{
    pthread_mutex_lock(&s->mutex);
    bool waits = s->next != NULL;
    pthread_mutex_unlock(&s->mutex);
    return waits;
}

static void object_check(struct scrub *s, const struct asked_object *o, bool asked)
{
    struct pb_error err;
    if (known_has(&s->known, &o->name))
        return;
    struct look look = look_at(s, &o->name);
    int rc = object_verify(s, o, asked, &err);
    bool damaged = rc == PB_DAMAGED || rc == PB_NOT_FOUND;
    if (rc == PB_NOT_FOUND && (asked || site_waits(s)))
        return; /* gc may have removed it; if it is of the site, the walk comes to it */
    if (rc < 0 && !damaged) {
        wait_ms(s, IDLE_MS); /* descriptors or memory are out; the next site brings it again */
        return;
    }
    known_add(&s->known, &o->name);
    count_own(&s->shared->objects_verified, 1);
    if (damaged)
        found_add(s, o, &look, err.text);
}

/* Have damaged objects been replaced? */
static void found_recheck(struct scrub *s)
{
    uint64_t now = clock_monotonic_ms();
    if (s->found_count == 0 || now < s->rechecked_at + RECHECK_MS)
        return;
    s->rechecked_at = now;
    for (int i = 0; i < RECHECK_MOST && s->found_count > 0; i++) {
        char text[LINE_MAX_SCRUB], path[OBJECT_PATH];
        struct pb_error err;
        s->found_next = (s->found_next + 1) % s->found_count;
        struct found *f = &s->found[s->found_next];
        struct look look = look_at(s, &f->object.name);
        if (memcmp(&look, &f->look, sizeof look) == 0)
            continue;
        f->look = look;
        if (object_verify(s, &f->object, true, &err) < 0)
            continue;
        object_path(&f->object.name, path);
        snprintf(text, sizeof text, "object %s is whole again, and is served", path);
        *f = s->found[--s->found_count];
        s->found_next = 0;
        set_make(s);
        tell(s, text);
    }
}

/* ---- the walk ---- */

static const struct site_title *title_at(const struct site *site, size_t i)
{
    return i < site->n                       ? site->titles[i]
           : i < site->n + site->withdrawn.n ? site->withdrawn.list[i - site->n]
                                             : NULL;
}

static bool walk_next(struct scrub *s, struct asked_object *out)
{
    const struct site_title *t;
    while (s->site != NULL && (t = title_at(s->site, s->title)) != NULL) {
        size_t i = s->entry++;
        const struct site_entry *e = i < t->n                ? &t->entries[i]
                                     : i < t->n + t->older.n ? &t->older.entries[i - t->n]
                                                             : NULL;
        if (e == NULL) {
            s->title++;
            s->entry = 0;
        } else if (!known_has(&s->known, &e->object)) {
            *out = (struct asked_object){e->object, e->size};
            return true;
        }
    }
    return false;
}

static void site_renew(struct scrub *s)
{
    pthread_mutex_lock(&s->mutex);
    struct site *next = s->next;
    s->next = NULL;
    pthread_mutex_unlock(&s->mutex);
    if (next == NULL)
        return;
    site_release(s->site);
    s->site = next;
    s->title = s->entry = 0;
}

static void priority_lower(void)
{
    enum { WHO_THREAD = 1, CLASS_IDLE = 3 << 13 };
    const struct sched_param none = {0};
    sched_setscheduler(0, SCHED_IDLE, &none);
    syscall(SYS_ioprio_set, WHO_THREAD, 0, CLASS_IDLE);
}

static void *scrub_run(void *arg)
{
    struct scrub *s = arg;
    priority_lower();
    while (!stopping(s)) {
        struct asked_object o;
        site_renew(s);
        if (!__atomic_load_n(&s->on, __ATOMIC_RELAXED)) {
            wait_ms(s, IDLE_MS);
            continue;
        }
        if (asked_take(&s->shared->asked, &o))
            object_check(s, &o, true);
        else if (walk_next(s, &o))
            object_check(s, &o, false);
        else
            wait_ms(s, IDLE_MS);
        found_recheck(s);
    }
    return NULL;
}

/* ---- the interface ---- */

static void scrub_free(struct scrub *s)
{
    site_release(s->site);
    site_release(s->next);
    site_release(s->offered);
    damaged_release(s->set);
    known_free(&s->known);
    fd_close(&s->wake);
    pthread_mutex_destroy(&s->mutex);
    free(s->found);
    free(s->step);
    free(s);
}

int scrub_start(struct shared *shared, int objects, const struct damage_listener *listener,
                struct scrub **out, struct pb_error *err)
{
    struct scrub *s = calloc(1, sizeof *s);
    if (s == NULL)
        return error_memory(err);
    s->shared = shared;
    s->listener = *listener;
    s->objects = objects;
    s->step = malloc(STEP);
    s->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&s->mutex, NULL);
    int rc = s->step == NULL ? error_memory(err) : s->wake < 0 ? error_errno(err, errno, "eventfd") : PB_OK;
    if (rc == PB_OK)
        rc = thread_start(&s->thread, scrub_run, s, err);
    if (rc < 0) {
        scrub_free(s);
        return rc;
    }
    *out = s;
    return PB_OK;
}

void scrub_stop(struct scrub *s)
{
    uint64_t one = 1;
    if (s == NULL)
        return;
    __atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
    if (write(s->wake, &one, sizeof one) == sizeof one)
        pthread_join(s->thread, NULL);
    scrub_free(s);
}

void scrub_offer(struct scrub *s, const struct snapshot *snapshot)
{
    if (pthread_mutex_trylock(&s->mutex) != 0)
        return;
    __atomic_store_n(&s->rate, snapshot->settings->verify_rate, __ATOMIC_RELAXED);
    __atomic_store_n(&s->on, snapshot->settings->verify, __ATOMIC_RELAXED);
    __atomic_store_n(&s->shared->asked.wanted, snapshot->settings->verify, __ATOMIC_RELAXED);
    if (s->offered != snapshot->site) {
        site_release(s->next);
        site_hold(snapshot->site);
        site_hold(snapshot->site);
        s->next = snapshot->site;
        site_release(s->offered);
        s->offered = snapshot->site;
    }
    pthread_mutex_unlock(&s->mutex);
}

bool scrub_take(struct scrub *s, struct damaged **out, void (*report)(void *arg, const char *text), void *arg)
{
    char text[LINE_MAX_SCRUB];
    if (pthread_mutex_trylock(&s->mutex) != 0)
        return false;
    bool changed = s->set_changed;
    if (changed) {
        damaged_hold(s->set);
        *out = s->set;
    }
    s->set_changed = false;
    for (size_t i = 0; i < s->line_count; i++)
        report(arg, s->lines[i]);
    if (s->lines_lost > 0) {
        snprintf(text, sizeof text, "%zu more objects: 'patchbay fsck' tells all of them", s->lines_lost);
        report(arg, text);
    }
    s->line_count = s->lines_lost = 0;
    pthread_mutex_unlock(&s->mutex);
    return changed;
}
