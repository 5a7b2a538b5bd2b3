/* Files that lie beside each other are one thread's: it keeps their folder open. */
#include "dialect/escape/levels_store.h"

#include "base/file.h"
#include "base/parallel.h"
#include "base/tree.h"
#include "dialect/escape/format.h"

#include <pthread.h>

enum { BATCH = 64, SMALL = 64 * 1024 /* bytes of a file that is read once, into memory */ };

struct storing {
    const struct depot *depot;
    int root;
    struct es_found *list;
    size_t n, done;
    pb_progress_fn *progress;
    void *arg;
    pthread_mutex_t mutex; /* of `done` and `progress` */
};

static bool is_index(const char *p, size_t n)
{
    enum { MARK = 4 };
    return n >= MARK && es_is_index(p, MARK);
}

static int large_store(const struct storing *s, int fd, struct es_found *f, struct pb_error *err)
{
    char mark[4];
    int rc = file_read_at(fd, mark, sizeof mark, 0, err);
    if (rc < 0)
        return rc;
    f->kind = is_index(mark, sizeof mark) ? ES_FOUND_INDEX : ES_FOUND_LEVEL;
    return f->kind == ES_FOUND_LEVEL ? object_store_file(s->depot, fd, &f->object, err) : PB_OK;
}

static int file_store(const struct storing *s, struct tree *tree, char *room, struct es_found *f,
                      struct pb_error *err)
{
    uint64_t size;
    _cleanup_fd_ int fd = -1;
    int rc = tree_open(tree, f->path, &fd, &size, err);
    if (rc < 0)
        return rc;
    f->kind = ES_FOUND_EMPTY;
    if (size == 0)
        return PB_OK;
    if (size > ES_LEVEL_MAX)
        return error_set(err, PB_INVALID, "has more than %d bytes: that is no level", ES_LEVEL_MAX);
    if (size > SMALL)
        return large_store(s, fd, f, err);
    if ((rc = file_read_at(fd, room, (size_t)size, 0, err)) < 0)
        return rc;
    f->kind = is_index(room, (size_t)size) ? ES_FOUND_INDEX : ES_FOUND_LEVEL;
    return f->kind == ES_FOUND_LEVEL ? object_store(s->depot, room, (size_t)size, &f->object, err) : PB_OK;
}

static int batch_report(struct storing *s, size_t n, struct pb_error *err)
{
    pthread_mutex_lock(&s->mutex);
    s->done += n;
    struct pb_progress p = {"storing", s->done, s->n, "levels"};
    bool stop = s->progress != NULL && s->progress(s->arg, &p) != 0;
    pthread_mutex_unlock(&s->mutex);
    return stop ? error_set(err, PB_CANCELLED, "cancelled") : PB_OK;
}

/* A parallel_fn. */
static int batch_store(void *arg, size_t batch, struct pb_error *err)
{
    struct storing *s = arg;
    size_t first = batch * BATCH, n = s->n - first < BATCH ? s->n - first : BATCH;
    _cleanup_free_ char *room = malloc(SMALL);
    _cleanup_tree_ struct tree tree;
    tree_start(&tree, s->root);
    int rc = room == NULL ? error_memory(err) : PB_OK;
    for (size_t i = first; rc == PB_OK && i < first + n; i++) {
        rc = file_store(s, &tree, room, &s->list[i], err);
        if (rc < 0)
            error_context(err, "%s", s->list[i].path);
    }
    return rc == PB_OK ? batch_report(s, n, err) : rc;
}

int es_levels_store(const struct depot *d, int root, struct es_found *list, size_t n,
                    pb_progress_fn *progress, void *arg, struct pb_error *err)
{
    struct storing s = {.depot = d, .root = root, .list = list, .n = n, .progress = progress, .arg = arg};
    pthread_mutex_init(&s.mutex, NULL);
    int rc = parallel_run((n + BATCH - 1) / BATCH, batch_store, &s, err);
    pthread_mutex_destroy(&s.mutex);
    return rc;
}
