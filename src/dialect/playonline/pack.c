/*
 * Packing many files with all cores. Each thread takes the next block, of whichever file it is, packs it, and
 * leaves it to be stored: by itself, unless another thread is storing blocks of that file and takes it along.
 * So all cores have work until the last block, be it of one large file or of many small ones.
 */
#include "dialect/playonline/pack.h"

#include "base/file.h"
#include "base/parallel.h"
#include "base/tree.h"

#include <pthread.h>

/* Blocks of a file that are packed, or being packed, and not stored: a few for each thread. */
enum { WINDOW_EACH = 2, WINDOW_MAX = WINDOW_EACH * PARALLEL_MAX };

/* A file under way: not all of its blocks are stored. */
struct open_file {
    struct open_file *next;
    struct pack_file file;
    size_t taken, stored;                 /* blocks */
    bool storing;                         /* a thread is at it */
    struct pack_block window[WINDOW_MAX]; /* block i is at i % WINDOW_MAX */
};

struct packer {
    const struct depot *depot;
    struct po_packing *const *files;
    size_t n;
    size_t window;
    po_stop_fn *stop;
    void *arg;
    pthread_mutex_t mutex; /* of all that follows, and of open files but for their pack_file */
    pthread_cond_t stored; /* the window of a file has moved, or there is an error */
    struct tree tree;
    struct open_file *open; /* the one whose blocks are taken is the first */
    size_t begun, done;     /* files */
    int status;
    struct pb_error *err;
};

/* All that follows is called with the mutex held, which is released for the work itself. */

static void failed(struct packer *p, const char *path, int rc, const struct pb_error *err)
{
    if (p->status == PB_OK) {
        p->status = rc;
        *p->err = *err;
        if (path != NULL)
            error_context(p->err, "%s", path);
    }
    pthread_cond_broadcast(&p->stored);
}

static void stop_ask(struct packer *p)
{
    struct pb_error err;
    if (p->status == PB_OK && p->stop(p->arg, p->done))
        failed(p, NULL, error_set(&err, PB_CANCELLED, "cancelled"), &err);
}

static void file_close(struct packer *p, struct open_file *f)
{
    struct open_file **at = &p->open;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    pack_file_close(&f->file);
    for (size_t i = 0; i < WINDOW_MAX; i++)
        pack_block_free(&f->window[i]);
    free(f);
}

static int file_open(struct packer *p, struct po_packing *to, struct pb_error *err)
{
    int fd = -1;
    uint64_t size;
    struct open_file *f = calloc(1, sizeof *f);
    if (f == NULL)
        return error_memory(err);
    int rc = tree_open(&p->tree, to->path, &fd, &size, err);
    if (rc == PB_OK)
        rc = pack_file_open(p->depot, fd, size, to, &f->file, err);
    if (rc < 0) {
        free(f);
        return rc;
    }
    f->next = p->open;
    p->open = f;
    return PB_OK;
}

/* Takes the next block. False: there is none left, or something has failed. */
static bool block_take(struct packer *p, struct open_file **file, size_t *i)
{
    struct pb_error err;
    for (;;) {
        struct open_file *f = p->open;
        if (p->status < 0)
            return false;
        if (f != NULL && f->taken < f->file.blocks && f->taken - f->stored == p->window) {
            pthread_cond_wait(&p->stored, &p->mutex);
            continue;
        }
        if (f != NULL && f->taken < f->file.blocks) {
            *file = f;
            *i = f->taken++;
            return true;
        }
        if (p->begun == p->n)
            return false;
        struct po_packing *to = p->files[p->begun++];
        int rc = file_open(p, to, &err);
        if (rc < 0)
            failed(p, to->path, rc, &err);
    }
}

/* Stores what is ready of the file, in order. */
static void blocks_store(struct packer *p, struct open_file *f)
{
    struct pb_error err;
    if (f->storing)
        return;
    f->storing = true;
    while (p->status == PB_OK && f->window[f->stored % WINDOW_MAX].bytes != NULL) {
        struct pack_block b = f->window[f->stored % WINDOW_MAX];
        f->window[f->stored % WINDOW_MAX] = (struct pack_block){0};
        pthread_mutex_unlock(&p->mutex);
        int rc = pack_file_store(&f->file, f->stored, &b, &err);
        pack_block_free(&b);
        pthread_mutex_lock(&p->mutex);
        f->stored++;
        if (rc < 0)
            failed(p, f->file.to->path, rc, &err);
        pthread_cond_broadcast(&p->stored);
    }
    f->storing = false;
    if (f->stored == f->file.blocks && p->status == PB_OK) {
        p->done++;
        file_close(p, f);
    }
    stop_ask(p);
}

/* A parallel_fn: one thread. */
static int blocks_work(void *arg, size_t thread, struct pb_error *unused)
{
    struct packer *p = arg;
    struct open_file *f;
    struct pack_block b;
    struct pb_error err;
    size_t i;
    (void)thread, (void)unused;
    pthread_mutex_lock(&p->mutex);
    while (block_take(p, &f, &i)) {
        pthread_mutex_unlock(&p->mutex);
        int rc = pack_file_block(&f->file, i, &b, &err);
        pthread_mutex_lock(&p->mutex);
        if (rc < 0) {
            failed(p, f->file.to->path, rc, &err);
            continue;
        }
        f->window[i % WINDOW_MAX] = b;
        blocks_store(p, f);
    }
    pthread_mutex_unlock(&p->mutex);
    return PB_OK;
}

int po_pack(const struct depot *d, int folder, struct po_packing *const *files, size_t n, po_stop_fn *stop,
            void *arg, struct pb_error *err)
{
    struct packer p = {.depot = d,
                       .files = files,
                       .n = n,
                       .window = WINDOW_EACH * parallel_threads(),
                       .stop = stop,
                       .arg = arg,
                       .mutex = PTHREAD_MUTEX_INITIALIZER,
                       .stored = PTHREAD_COND_INITIALIZER,
                       .err = err};
    tree_start(&p.tree, folder);
    int rc = parallel_run(parallel_threads(), blocks_work, &p, err);
    while (p.open != NULL)
        file_close(&p, p.open);
    tree_end(&p.tree);
    pthread_cond_destroy(&p.stored);
    pthread_mutex_destroy(&p.mutex);
    return rc < 0 ? rc : p.status;
}
