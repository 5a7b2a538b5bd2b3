/* Threads that live as long as a run: making one costs less than reading a small file. */
#include "base/parallel.h"

#include "base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

struct run {
    parallel_fn *fn;
    void *arg;
    size_t n;
    pthread_mutex_t mutex; /* of all that follows */
    size_t next;
    int status;
    struct pb_error *err;
};

unsigned parallel_threads(void)
{
    cpu_set_t cores;
    int n = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : PARALLEL_MAX;
    return n < 1 ? 1 : n < PARALLEL_MAX ? (unsigned)n : PARALLEL_MAX;
}

/* False: there is no item left, or one has failed. */
static bool item_take(struct run *r, size_t *i)
{
    pthread_mutex_lock(&r->mutex);
    bool more = r->status == PB_OK && r->next < r->n;
    if (more)
        *i = r->next++;
    pthread_mutex_unlock(&r->mutex);
    return more;
}

static void item_failed(struct run *r, int rc, const struct pb_error *err)
{
    pthread_mutex_lock(&r->mutex);
    if (r->status == PB_OK) {
        r->status = rc;
        if (r->err != NULL)
            *r->err = *err;
    }
    pthread_mutex_unlock(&r->mutex);
}

static void *items_do(void *arg)
{
    struct run *r = arg;
    struct pb_error err;
    size_t i;
    while (item_take(r, &i)) {
        int rc = r->fn(r->arg, i, &err);
        if (rc < 0)
            item_failed(r, rc, &err);
    }
    return NULL;
}

int parallel_run(size_t n, parallel_fn *fn, void *arg, struct pb_error *err)
{
    pthread_t threads[PARALLEL_MAX];
    size_t most = parallel_threads(), started = 0;
    struct run r = {.fn = fn, .arg = arg, .n = n, .mutex = PTHREAD_MUTEX_INITIALIZER, .err = err};
    while (started + 1 < (n < most ? n : most) &&
           thread_start(&threads[started], items_do, &r, NULL) == PB_OK)
        started++;
    items_do(&r);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    pthread_mutex_destroy(&r.mutex);
    return r.status;
}
