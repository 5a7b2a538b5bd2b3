/* Pieces become files: unpacked in staging and verified by both checksums, by threads of their own while
 * others arrive. Each thread has a process that unpacks for it. A thread lives from the first piece to
 * update_end. */
#include "base/beneath.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/thread.h"
#include "dialect/playonline/update.h"

#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

/* ---- one file ---- */

static int sums_check(const struct update *u, size_t i, const struct po_sums *sums, struct pb_error *err)
{
    if (update_sums_match(u, i, sums))
        return PB_OK;
    if (sums->size == u->plan->steps[i].size && sums->a == u->files[i].sum_a)
        return error_set(
            err, PB_DAMAGED,
            "its second checksum is not the file's (--any-checksum takes what such a server says)");
    return error_set(err, PB_DAMAGED, "its size or checksum is not that in " PO_CONFIG);
}

static int file_unpack(const struct update *u, struct unpacker *unpacker, size_t i, int from, int to,
                       struct pb_error *err)
{
    struct unpacked out;
    struct fetch_step *step = &u->plan->steps[i];
    struct unpack_file what = {UNPACK_SLC, u->files[i].direct_size, step->size};
    int rc = unpack_file(unpacker, &what, from, to, &out, err);
    struct po_sums sums = {out.size, (int32_t)out.sum, out.md5};
    step->md5 = out.md5;
    step->crc32 = out.sum;
    return rc == PB_OK ? sums_check(u, i, &sums, err) : rc;
}

/* The piece of step i. One that does not become its file is removed, so that it is downloaded again. */
static int piece_unpack(const struct update *u, struct unpacker *unpacker, size_t i, const char *piece,
                        struct pb_error *err)
{
    uint64_t size;
    struct fetch_step *s = &u->plan->steps[i];
    int staging = u->q->staging;
    _cleanup_fd_ int from = -1, to = -1;
    int rc = beneath_own(staging, piece, O_RDONLY, &from, &size, err);
    if (rc < 0)
        return rc;
    if (beneath_create(staging, s->staged, &to, err) < 0)
        return error_context(err, "staging");
    rc = file_unpack(u, unpacker, i, from, to, err);
    if (rc < 0)
        unlinkat(staging, s->staged, 0);
    if (rc == PB_DAMAGED)
        unlinkat(staging, piece, 0);
    return rc < 0 ? error_context(err, "%s", s->path) : PB_OK;
}

/* ---- the threads ---- */

struct unpacking {
    const struct update *u;
    pthread_t threads[PARALLEL_MAX];
    unsigned thread_count;
    pthread_mutex_t mutex; /* of all that follows */
    pthread_cond_t more, less;
    const char **pieces; /* a queue, as long as the plan's list of pieces */
    size_t n, next, done;
    bool over; /* nothing more is begun */
    int status;
    struct pb_error err;
};

/* Waits for a piece; NULL: it is over. Held: the mutex. */
static const char *piece_take(struct unpacking *p)
{
    while (!p->over && p->next == p->n)
        pthread_cond_wait(&p->more, &p->mutex);
    return p->over ? NULL : p->pieces[p->next++];
}

static void *pieces_unpack(void *arg)
{
    struct unpacking *p = arg;
    const char *piece;
    struct pb_error err;
    struct unpacker unpacker = {CHILD_NONE, po_sum_a};
    pthread_mutex_lock(&p->mutex);
    while ((piece = piece_take(p)) != NULL) {
        pthread_mutex_unlock(&p->mutex);
        int rc = piece_unpack(p->u, &unpacker, update_piece_step(piece), piece, &err);
        pthread_mutex_lock(&p->mutex);
        p->done++;
        if (rc < 0 && p->status == PB_OK) {
            p->status = rc;
            p->err = err;
        }
        p->over |= rc < 0;
        pthread_cond_signal(&p->less);
    }
    pthread_mutex_unlock(&p->mutex);
    unpacker_end(&unpacker);
    return NULL;
}

/* NULL: out of memory or of threads, and the caller does it. */
static struct unpacking *unpacking_start(struct update *u)
{
    struct unpacking *p = calloc(1, sizeof *p);
    if (p == NULL || (p->pieces = malloc(u->plan->piece_count * sizeof *p->pieces)) == NULL) {
        free(p);
        return NULL;
    }
    p->u = u;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->more, NULL);
    pthread_cond_init(&p->less, &monotonic);
    pthread_condattr_destroy(&monotonic);
    while (p->thread_count < parallel_threads() &&
           thread_start(&p->threads[p->thread_count], pieces_unpack, p, NULL) == PB_OK)
        p->thread_count++;
    u->unpacking = p;
    if (p->thread_count == 0)
        update_end(u->plan);
    return u->unpacking;
}

void update_end(struct fetch_plan *plan)
{
    struct update *u = plan->dialect;
    struct unpacking *p = u != NULL ? u->unpacking : NULL;
    if (u != NULL)
        unpacker_end(&u->unpacker);
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->mutex);
    p->over = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->mutex);
    while (p->thread_count > 0)
        pthread_join(p->threads[--p->thread_count], NULL);
    pthread_cond_destroy(&p->more);
    pthread_cond_destroy(&p->less);
    pthread_mutex_destroy(&p->mutex);
    free(p->pieces);
    free(p);
    u->unpacking = NULL;
}

/* ---- as the downloader calls ---- */

/* What came over the network was proven chunk by chunk, and is left to the threads. What an earlier run left
 * may be anything: it is unpacked at once, so that it can be downloaded again. */
int update_accept(const struct fetch_request *q, const struct fetch_plan *plan,
                  const struct fetch_piece *piece, struct pb_error *err)
{
    struct update *u = plan->dialect;
    size_t i = update_piece_step(piece->staged);
    (void)q;
    struct unpacking *p = u->files[i].left_over  ? NULL
                          : u->unpacking != NULL ? u->unpacking
                                                 : unpacking_start(u);
    if (p == NULL)
        return piece_unpack(u, &u->unpacker, i, piece->staged, err);
    pthread_mutex_lock(&p->mutex);
    int rc = p->status;
    if (rc < 0)
        *err = p->err;
    else
        p->pieces[p->n++] = update_piece_name(u, i);
    pthread_cond_signal(&p->more);
    pthread_mutex_unlock(&p->mutex);
    return rc;
}

/* Waits for the threads; about ten times a second it asks whether it is to go on. */
int update_assemble(const struct fetch_request *q, struct fetch_plan *plan, pb_progress_fn *progress,
                    void *arg, struct pb_error *err)
{
    enum { STEP_NS = 100000000, SECOND_NS = 1000000000 };
    struct update *u = plan->dialect;
    struct unpacking *p = u->unpacking;
    int rc = PB_OK;
    (void)q;
    if (p == NULL)
        return PB_OK;
    pthread_mutex_lock(&p->mutex);
    while (rc == PB_OK && p->status == PB_OK && p->done < p->n) {
        struct pb_progress now = {"unpacking", p->done, plan->piece_count, "files"};
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += STEP_NS;
        until.tv_sec += until.tv_nsec / SECOND_NS;
        until.tv_nsec %= SECOND_NS;
        pthread_cond_timedwait(&p->less, &p->mutex, &until);
        pthread_mutex_unlock(&p->mutex);
        if (progress != NULL && progress(arg, &now) != 0)
            rc = error_set(err, PB_CANCELLED, "cancelled");
        pthread_mutex_lock(&p->mutex);
    }
    if (rc == PB_OK && p->status < 0) {
        rc = p->status;
        *err = p->err;
    }
    pthread_mutex_unlock(&p->mutex);
    update_end(plan);
    return rc;
}
