/* The table: what comes, how far it is, and what goes. */
#include "serve/live/uploads_table.h"

#include "base/clock.h"
#include "base/file.h"
#include "patchbay/operate.h"

#include <stdio.h>
#include <sys/statvfs.h>

int uploads_new(int tmp, struct uploads **out, struct pb_error *err)
{
    struct uploads *u = calloc(1, sizeof *u);
    if (u == NULL)
        return error_memory(err);
    u->tmp = tmp;
    pthread_mutex_init(&u->mutex, NULL);
    pthread_cond_init(&u->queue, NULL);
    for (size_t i = 0; i < UPLOADS_KEPT; i++)
        u->list[i].fd = -1;
    *out = u;
    return PB_OK;
}

void upload_close(struct upload *one)
{
    fd_close(&one->fd);
    secret_free(one->options, one->options_n);
    one->options = NULL;
    one->options_n = 0;
}

void upload_clear(struct upload *one)
{
    upload_close(one);
    free(one->result);
    *one = (struct upload){.fd = -1};
}

void uploads_free(struct uploads *u)
{
    if (u == NULL)
        return;
    for (size_t i = 0; i < UPLOADS_KEPT; i++)
        upload_clear(&u->list[i]);
    pthread_cond_destroy(&u->queue);
    pthread_mutex_destroy(&u->mutex);
    free(u);
}

/* ---- the table; with the lock held ---- */

static bool is_unfinished(const struct upload *one)
{
    return one->view.state == UPLOAD_RECEIVING || one->view.state == UPLOAD_WAITING ||
           one->view.state == UPLOAD_PUBLISHING;
}

static struct upload *upload_find(struct uploads *u, const char *owner, const char *id)
{
    for (size_t i = 0; i < UPLOADS_KEPT; i++) {
        struct upload *one = &u->list[i];
        if (one->view.state != UPLOAD_FREE && !one->dropped && strcmp(one->view.id, id) == 0 &&
            strcmp(one->owner, owner) == 0)
            return one;
    }
    return NULL;
}

/* Removes it, or lets those do it who are at it. */
static void upload_drop(struct upload *one)
{
    if (one->writing || one->view.state == UPLOAD_PUBLISHING)
        one->dropped = true;
    else
        upload_clear(one);
}

/* An unfinished one that is the same file. */
static struct upload *upload_same(struct uploads *u, const struct upload_wanted *w)
{
    for (size_t i = 0; w->has_digest && i < UPLOADS_KEPT; i++) {
        struct upload *one = &u->list[i];
        if (is_unfinished(one) && !one->dropped && one->has_digest && one->view.size == w->size &&
            memcmp(&one->digest, &w->digest, sizeof w->digest) == 0 && strcmp(one->owner, w->owner) == 0 &&
            strcmp(one->view.name, w->name) == 0)
            return one;
    }
    return NULL;
}

/* A free slot, or that of what ended first. NULL: there are too many, of all or of the owner. */
static struct upload *slot_find(struct uploads *u, const char *owner)
{
    size_t all = 0, of_owner = 0;
    struct upload *slot = NULL;
    for (size_t i = 0; i < UPLOADS_KEPT; i++) {
        struct upload *one = &u->list[i];
        if (is_unfinished(one)) {
            all++;
            of_owner += strcmp(one->owner, owner) == 0;
        } else if (slot == NULL || one->touched < slot->touched) { /* a free one was never touched */
            slot = one;
        }
    }
    return all < UPLOADS_MAX && of_owner < UPLOADS_OF_OWNER ? slot : NULL;
}

/* The file itself, what publishing stores beside it (the same again), and the same for those that are under
 * way. */
static bool has_room(const struct uploads *u, uint64_t size)
{
    struct statvfs disk;
    uint64_t needed = 2 * size;
    for (size_t i = 0; i < UPLOADS_KEPT; i++) {
        if (is_unfinished(&u->list[i]))
            needed += 2 * u->list[i].view.size - u->list[i].view.offset;
    }
    return fstatvfs(u->tmp, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= needed;
}

static enum upload_end upload_make(struct uploads *u, const struct upload_wanted *w, struct upload *one)
{
    uint8_t random[UPLOAD_ID / 2];
    upload_clear(one);
    if (bytes_random(random, sizeof random, NULL) < 0)
        return UPLOAD_BROKEN;
    hex_encode(random, sizeof random, one->view.id);
    int rc = file_nameless(u->tmp, &one->fd, NULL);
    if (rc < 0)
        return rc == PB_NO_SPACE ? UPLOAD_NO_ROOM : UPLOAD_BROKEN;
    snprintf(one->view.name, sizeof one->view.name, "%s", w->name);
    snprintf(one->owner, sizeof one->owner, "%s", w->owner);
    one->view.state = UPLOAD_RECEIVING;
    one->view.size = w->size;
    one->has_digest = w->has_digest;
    one->digest = w->digest;
    return UPLOAD_OK;
}

/* ---- the interface ---- */

enum upload_end uploads_begin(struct uploads *u, const struct upload_wanted *w, struct upload_view *out,
                              bool *again)
{
    enum upload_end end = UPLOAD_OK;
    pthread_mutex_lock(&u->mutex);
    struct upload *one = upload_same(u, w);
    *again = one != NULL;
    if (one == NULL) {
        one = slot_find(u, w->owner);
        end = one == NULL ? UPLOAD_MANY : has_room(u, w->size) ? upload_make(u, w, one) : UPLOAD_NO_ROOM;
    }
    if (end == UPLOAD_OK) {
        one->touched = clock_monotonic_ms();
        *out = one->view;
    }
    pthread_mutex_unlock(&u->mutex);
    return end;
}

enum upload_end uploads_look(struct uploads *u, const char *owner, const char *id, struct upload_view *out)
{
    pthread_mutex_lock(&u->mutex);
    struct upload *one = upload_find(u, owner, id);
    if (one != NULL)
        *out = one->view;
    pthread_mutex_unlock(&u->mutex);
    return one != NULL ? UPLOAD_OK : UPLOAD_UNKNOWN;
}

void uploads_each(struct uploads *u, const char *owner, void (*fn)(void *arg, const struct upload_view *view),
                  void *arg)
{
    pthread_mutex_lock(&u->mutex);
    for (size_t i = 0; i < UPLOADS_KEPT; i++) {
        const struct upload *one = &u->list[i];
        if (one->view.state != UPLOAD_FREE && !one->dropped && strcmp(one->owner, owner) == 0)
            fn(arg, &one->view);
    }
    pthread_mutex_unlock(&u->mutex);
}

enum upload_end uploads_result(struct uploads *u, const char *owner, const char *id, struct buffer *out)
{
    pthread_mutex_lock(&u->mutex);
    struct upload *one = upload_find(u, owner, id);
    if (one != NULL && one->result != NULL)
        buffer_text(out, one->result);
    pthread_mutex_unlock(&u->mutex);
    return one != NULL ? UPLOAD_OK : UPLOAD_UNKNOWN;
}

enum upload_end uploads_write_begin(struct uploads *u, const char *owner, const char *id, uint64_t offset,
                                    uint64_t *writer)
{
    pthread_mutex_lock(&u->mutex);
    struct upload *one = upload_find(u, owner, id);
    enum upload_end end = one == NULL ? UPLOAD_UNKNOWN
                          : one->view.state != UPLOAD_RECEIVING || one->view.offset != offset
                              ? UPLOAD_ELSEWHERE
                              : UPLOAD_OK;
    if (end == UPLOAD_OK)
        *writer = one->writer = ++u->counter;
    pthread_mutex_unlock(&u->mutex);
    return end;
}

/* The one that this writer may write n bytes to. With the lock held. */
static enum upload_end upload_written(struct uploads *u, const char *id, uint64_t writer, size_t n,
                                      struct upload **out)
{
    for (size_t i = 0; i < UPLOADS_KEPT; i++) {
        struct upload *one = &u->list[i];
        if (one->view.state != UPLOAD_RECEIVING || one->dropped || strcmp(one->view.id, id) != 0)
            continue;
        *out = one;
        return one->writer == writer && n <= one->view.size - one->view.offset ? UPLOAD_OK : UPLOAD_ELSEWHERE;
    }
    return UPLOAD_UNKNOWN;
}

enum upload_end uploads_write(struct uploads *u, const char *id, uint64_t writer, const char *p, size_t n)
{
    struct pb_error err;
    pthread_mutex_lock(&u->mutex);
    struct upload *one = NULL;
    enum upload_end end = upload_written(u, id, writer, n, &one);
    if (end != UPLOAD_OK) {
        pthread_mutex_unlock(&u->mutex);
        return end;
    }
    one->writing = true; /* the slot stays, so the disk may be slow without the lock */
    pthread_mutex_unlock(&u->mutex);
    int rc = file_write(one->fd, p, n, &err);
    pthread_mutex_lock(&u->mutex);
    one->writing = false;
    one->view.offset += n;
    one->touched = clock_monotonic_ms();
    end = rc == PB_OK         ? one->dropped ? UPLOAD_UNKNOWN : UPLOAD_OK
          : rc == PB_NO_SPACE ? UPLOAD_NO_ROOM
                              : UPLOAD_BROKEN;
    if (end != UPLOAD_OK) /* how much of it was written is not known; and the room is wanted back */
        upload_clear(one);
    pthread_mutex_unlock(&u->mutex);
    return end;
}

static enum upload_end upload_queue(struct uploads *u, struct upload *one, struct slice options)
{
    if (one->view.state != UPLOAD_RECEIVING) /* it was said before, and the answer was lost */
        return UPLOAD_OK;
    if (one->view.offset != one->view.size || one->writing)
        return UPLOAD_ELSEWHERE;
    one->options = malloc(options.n + 1);
    if (one->options == NULL)
        return UPLOAD_BROKEN;
    if (options.n > 0)
        memcpy(one->options, options.p, options.n);
    one->options_n = options.n;
    one->view.state = UPLOAD_WAITING;
    one->queued = ++u->counter;
    one->touched = clock_monotonic_ms();
    pthread_cond_signal(&u->queue);
    return UPLOAD_OK;
}

enum upload_end uploads_publish(struct uploads *u, const char *owner, const char *id, struct slice options)
{
    pthread_mutex_lock(&u->mutex);
    struct upload *one = upload_find(u, owner, id);
    enum upload_end end = one != NULL ? upload_queue(u, one, options) : UPLOAD_UNKNOWN;
    pthread_mutex_unlock(&u->mutex);
    return end;
}

enum upload_end uploads_remove(struct uploads *u, const char *owner, const char *id)
{
    pthread_mutex_lock(&u->mutex);
    struct upload *one = upload_find(u, owner, id);
    if (one != NULL)
        upload_drop(one);
    pthread_mutex_unlock(&u->mutex);
    return one != NULL ? UPLOAD_OK : UPLOAD_UNKNOWN;
}

/* ---- what goes by itself ---- */

/* The owner "" has the token of the server's own file. */
void uploads_keep(struct uploads *u, struct tokens *tokens)
{
    if (u == NULL)
        return;
    pthread_mutex_lock(&u->mutex);
    for (size_t i = 0; i < UPLOADS_KEPT; i++) {
        struct upload *one = &u->list[i];
        if (one->view.state != UPLOAD_FREE && one->owner[0] != '\0' &&
            tokens_with(tokens, one->owner, PB_TOKEN_PUBLISH, clock_unix()) == NULL)
            upload_drop(one);
    }
    pthread_mutex_unlock(&u->mutex);
}

void uploads_expire(struct uploads *u, uint64_t now)
{
    if (u == NULL)
        return;
    pthread_mutex_lock(&u->mutex);
    for (size_t i = 0; i < UPLOADS_KEPT; i++) {
        struct upload *one = &u->list[i];
        bool rests = one->view.state != UPLOAD_FREE && one->view.state != UPLOAD_WAITING &&
                     one->view.state != UPLOAD_PUBLISHING;
        if (rests && one->touched + UPLOAD_IDLE_MS < now)
            upload_drop(one);
    }
    pthread_mutex_unlock(&u->mutex);
}
