/* One thread, so that publishing takes memory and processors once, however many uploads there are. */
#include "serve/live/publisher.h"

#include "base/clock.h"
#include "base/thread.h"
#include "serve/live/uploads_table.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { RESULT_MAX = 16 * 1024, NICE = 10 };

struct publisher {
    struct uploads *uploads;
    const char *depot;
    const struct publish_calls *calls;
    pthread_t thread;
};

/* One upload being published. */
struct work {
    struct uploads *uploads;
    struct upload *one;
};

/* With the lock held. NULL: nothing waits. */
static struct upload *queue_first(struct uploads *u)
{
    struct upload *first = NULL;
    for (size_t i = 0; i < UPLOADS_KEPT; i++) {
        struct upload *one = &u->list[i];
        if (one->view.state == UPLOAD_WAITING && (first == NULL || one->queued < first->queued))
            first = one;
    }
    return first;
}

/* A pb_progress_fn. */
static int progress_note(void *arg, const struct pb_progress *p)
{
    struct work *w = arg;
    pthread_mutex_lock(&w->uploads->mutex);
    snprintf(w->one->view.stage, sizeof w->one->view.stage, "%s", p->stage);
    w->one->view.done = p->done;
    w->one->view.total = p->total;
    int stop = w->uploads->stop || w->one->dropped;
    pthread_mutex_unlock(&w->uploads->mutex);
    return stop;
}

/* Are the bytes those that were announced? The client has read the file, the network and our disk have had it
 * since. */
static int digest_check(const struct upload *one, struct pb_error *err)
{
    struct digest_result found;
    if (!one->has_digest)
        return PB_OK;
    int rc = digest_file(DIGEST_SHA256, one->fd, &found, err);
    if (rc < 0)
        return rc;
    return memcmp(&found.sha256, &one->digest, sizeof one->digest) == 0
               ? PB_OK
               : error_set(err, PB_DAMAGED, "%s: what arrived has another SHA-256 than was announced",
                           one->view.name);
}

/* Without the lock: nobody else touches what it uses of an upload that is being published. */
static int upload_publish(const struct publisher *p, struct upload *one, struct buffer *result,
                          struct pb_error *err)
{
    struct work work = {p->uploads, one};
    struct publish_order order = {one->view.name, one->fd, {one->options, one->options_n}};
    int rc = progress_note(&work, &(struct pb_progress){"verifying", 0, one->view.size, NULL}) == 0
                 ? digest_check(one, err)
                 : error_set(err, PB_CANCELLED, "cancelled");
    if (rc == PB_OK)
        rc = p->calls->publish(p->depot, &order, progress_note, &work, result, err);
    return rc == PB_OK && result->failed ? error_memory(err) : rc;
}

/* With the lock held. */
static void upload_end(struct upload *one, int rc, struct buffer *result, const struct pb_error *err)
{
    if (one->dropped) {
        upload_clear(one);
        return;
    }
    upload_close(one);
    one->view.state = rc < 0 ? UPLOAD_FAILED : UPLOAD_DONE;
    one->view.status = rc;
    one->touched = clock_monotonic_ms();
    if (rc < 0) {
        snprintf(one->view.text, sizeof one->view.text, "%s", err->text);
        return;
    }
    one->result = result->p;
    result->p = NULL;
}

static void *publisher_run(void *arg)
{
    struct publisher *p = arg;
    struct uploads *u = p->uploads;
    /* Players come first. */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), NICE);
    pthread_mutex_lock(&u->mutex);
    while (!u->stop) {
        struct upload *one = queue_first(u);
        if (one == NULL) {
            pthread_cond_wait(&u->queue, &u->mutex);
            continue;
        }
        struct pb_error err = {0};
        _cleanup_buffer_ struct buffer result;
        buffer_init(&result, RESULT_MAX);
        one->view.state = UPLOAD_PUBLISHING;
        pthread_mutex_unlock(&u->mutex);
        int rc = upload_publish(p, one, &result, &err);
        pthread_mutex_lock(&u->mutex);
        upload_end(one, rc, &result, &err);
    }
    pthread_mutex_unlock(&u->mutex);
    return NULL;
}

int publisher_start(struct uploads *u, const char *depot, const struct publish_calls *calls,
                    struct publisher **out, struct pb_error *err)
{
    struct publisher *p = calloc(1, sizeof *p);
    if (p == NULL)
        return error_memory(err);
    *p = (struct publisher){.uploads = u, .depot = depot, .calls = calls};
    int rc = thread_start(&p->thread, publisher_run, p, err);
    if (rc < 0) {
        free(p);
        return rc;
    }
    *out = p;
    return PB_OK;
}

void publisher_stop(struct publisher *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->uploads->mutex);
    p->uploads->stop = true;
    pthread_cond_signal(&p->uploads->queue);
    pthread_mutex_unlock(&p->uploads->mutex);
    pthread_join(p->thread, NULL);
    free(p);
}
