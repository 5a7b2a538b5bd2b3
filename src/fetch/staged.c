/* Making files, and the thread that does it. */
#include "fetch/staged.h"

#include "base/beneath.h"
#include "base/file.h"
#include "base/thread.h"

#include <pthread.h>
#include <unistd.h>

int staged_make(int staging, const char *name, int *fd, struct pb_error *err)
{
    return beneath_create(staging, name, fd, err) < 0 ? error_context(err, "staging") : PB_OK;
}

int staged_write(int staging, const char *name, const void *p, size_t n, struct pb_error *err)
{
    _cleanup_fd_ int fd = -1;
    int rc = staged_make(staging, name, &fd, err);
    if (rc == PB_OK)
        rc = file_write(fd, p, n, err);
    if (rc < 0 && fd >= 0)
        unlinkat(staging, name, 0);
    return rc;
}

/* ---- the thread ---- */

enum { WAITING_MAX = 2 * 1024 * 1024 /* bytes */ };

struct written {
    struct written *next;
    size_t n;
    char *name; /* behind the bytes */
    char bytes[];
};

struct writer {
    int staging;
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t more, less;
    struct written *first, **last;
    size_t waiting; /* bytes, those of the structs included */
    bool closing;
    int status;
    struct pb_error err;
};

/* The next file; NULL: there is none, and none will come. */
static struct written *next_take(struct writer *w)
{
    pthread_mutex_lock(&w->mutex);
    while (w->first == NULL && !w->closing)
        pthread_cond_wait(&w->more, &w->mutex);
    struct written *f = w->first;
    if (f != NULL) {
        w->first = f->next;
        w->last = w->first != NULL ? w->last : &w->first;
    }
    pthread_mutex_unlock(&w->mutex);
    return f;
}

static void done_note(struct writer *w, const struct written *f, int rc, const struct pb_error *err)
{
    pthread_mutex_lock(&w->mutex);
    w->waiting -= sizeof *f + f->n;
    if (rc < 0 && w->status == PB_OK) {
        w->status = rc;
        w->err = *err;
    }
    pthread_cond_signal(&w->less);
    pthread_mutex_unlock(&w->mutex);
}

static void *writer_run(void *arg)
{
    struct writer *w = arg;
    struct written *f;
    while ((f = next_take(w)) != NULL) {
        struct pb_error err;
        int rc = staged_write(w->staging, f->name, f->bytes, f->n, &err);
        done_note(w, f, rc, &err);
        free(f);
    }
    return NULL;
}

int writer_open(int staging, struct writer **out, struct pb_error *err)
{
    struct writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return error_memory(err);
    w->staging = staging;
    w->last = &w->first;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->more, NULL);
    pthread_cond_init(&w->less, NULL);
    int rc = thread_start(&w->thread, writer_run, w, err);
    if (rc < 0) {
        free(w);
        return rc;
    }
    *out = w;
    return PB_OK;
}

int writer_put(struct writer *w, const char *name, const void *p, size_t n, struct pb_error *err)
{
    size_t length = strlen(name) + 1;
    struct written *f = malloc(sizeof *f + n + length);
    if (f == NULL)
        return error_memory(err);
    f->next = NULL;
    f->n = n;
    f->name = f->bytes + n;
    if (n > 0)
        memcpy(f->bytes, p, n);
    memcpy(f->name, name, length);
    pthread_mutex_lock(&w->mutex);
    while (w->waiting > WAITING_MAX)
        pthread_cond_wait(&w->less, &w->mutex);
    bool idle = w->first == NULL;
    *w->last = f;
    w->last = &f->next;
    w->waiting += sizeof *f + n;
    int rc = w->status;
    if (rc < 0)
        *err = w->err;
    if (idle)
        pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->mutex);
    return rc;
}

int writer_close(struct writer *w, struct pb_error *err)
{
    if (w == NULL)
        return PB_OK;
    pthread_mutex_lock(&w->mutex);
    w->closing = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->mutex);
    pthread_join(w->thread, NULL);
    int rc = w->status;
    if (rc < 0)
        *err = w->err;
    pthread_mutex_destroy(&w->mutex);
    pthread_cond_destroy(&w->more);
    pthread_cond_destroy(&w->less);
    free(w);
    return rc;
}
