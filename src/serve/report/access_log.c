/* The writer thread of the access log. log_line.c makes the lines. */
#include "serve/report/access_log.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUEUE_MAX = 128 }; /* batches waiting: 4 MiB */

struct access_log {
    char *path;
    int fd;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct log_batch *first, **last;
    unsigned queued;
    uint64_t dropped; /* batches */
    bool stop;
};

/* `make`: O_CREAT, or 0. */
static int log_file_open(const char *path, int make, struct pb_error *err)
{
    if (strcmp(path, "-") == 0) {
        int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        return out < 0 ? error_errno(err, errno, "access log %s", path) : out;
    }
    /* A FIFO that nobody reads would hold us for good; without waiting it is ENXIO. */
    int fd = open(path, O_WRONLY | O_APPEND | make | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
    if (fd < 0 && errno == ENXIO)
        return error_set(err, PB_INVALID, "access log %s: nobody reads this pipe", path);
    if (fd < 0)
        return error_errno(err, errno, "access log %s", path);
    fcntl(fd, F_SETFL, O_APPEND); /* batch_write waits until it takes more */
    return fd;
}

int access_log_check(const char *path, struct pb_error *err)
{
    char folder[PATH_MAX];
    struct stat st;
    if (strcmp(path, "-") == 0 || stat(path, &st) == 0) {
        int fd = log_file_open(path, 0, err);
        if (fd < 0)
            return fd;
        close(fd);
        return PB_OK;
    }
    const char *slash = strrchr(path, '/');
    int n = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    if (n >= (int)sizeof folder)
        return error_set(err, PB_INVALID, "access log %s: the path is too long", path);
    snprintf(folder, sizeof folder, "%.*s", n, slash == NULL ? "." : path);
    if (errno != ENOENT || faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        return error_errno(err, errno, "access log %s", path);
    return PB_OK;
}

/* Writes a batch in steps that a pipe takes whole once it is writable, so that a reader who does not read
 * can't hold us beyond a stop. */
static bool batch_write(struct access_log *log, int fd, const struct log_batch *b)
{
    uint64_t give_up = 0;
    for (size_t at = 0; at < b->n;) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        size_t step = b->n - at < PIPE_BUF ? b->n - at : PIPE_BUF;
        if (poll(&ready, 1, 100) == 1) {
            if (file_write(fd, b->text + at, step, NULL) < 0)
                return false;
            at += step;
        } else if (__atomic_load_n(&log->stop, __ATOMIC_ACQUIRE)) {
            give_up = give_up == 0 ? clock_monotonic_ms() + LOG_CLOSE_MS : give_up;
            if (clock_monotonic_ms() >= give_up)
                return false;
        }
    }
    return true;
}

static void *writer_run(void *arg)
{
    struct access_log *log = arg;
    bool given_up = false;
    pthread_mutex_lock(&log->mutex);
    for (;;) {
        while (log->first == NULL && !log->stop)
            pthread_cond_wait(&log->wake, &log->mutex);
        struct log_batch *b = log->first;
        if (b == NULL)
            break;
        log->first = b->next;
        if (log->first == NULL)
            log->last = &log->first;
        log->queued--;
        int fd = log->fd;
        pthread_mutex_unlock(&log->mutex);
        /* A log that can't be written must not end the service: the batch is lost, and counted. */
        bool lost = given_up || !batch_write(log, fd, b);
        free(b);
        pthread_mutex_lock(&log->mutex);
        log->dropped += lost;
        given_up = lost && log->stop; /* what is left would fare no better */
    }
    pthread_mutex_unlock(&log->mutex);
    return NULL;
}

int access_log_open(const char *path, struct access_log **out, struct pb_error *err)
{
    sigset_t all, before;
    struct access_log *log = calloc(1, sizeof *log);
    if (log == NULL)
        return error_memory(err);
    log->last = &log->first;
    log->path = strdup(path);
    log->fd = log->path != NULL ? log_file_open(path, O_CREAT, err) : error_memory(err);
    if (log->fd < 0) {
        int rc = log->fd;
        free(log->path);
        free(log);
        return rc;
    }
    pthread_mutex_init(&log->mutex, NULL);
    pthread_cond_init(&log->wake, NULL);
    sigfillset(&all); /* signals are the program's, not ours */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int number = pthread_create(&log->thread, NULL, writer_run, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0) {
        fd_close(&log->fd);
        free(log->path);
        free(log);
        return error_errno(err, number, "access log: thread");
    }
    *out = log;
    return PB_OK;
}

int access_log_reopen(struct access_log *log, struct pb_error *err)
{
    if (log == NULL || strcmp(log->path, "-") == 0)
        return PB_OK;
    int fd = log_file_open(log->path, O_CREAT, err);
    if (fd < 0)
        return fd;
    /* dup3 keeps the number, which the writer may be using right now. */
    int rc = dup3(fd, log->fd, O_CLOEXEC) < 0 ? error_errno(err, errno, "access log %s", log->path) : PB_OK;
    close(fd);
    return rc;
}

uint64_t access_log_close(struct access_log *log)
{
    if (log == NULL)
        return 0;
    pthread_mutex_lock(&log->mutex);
    __atomic_store_n(&log->stop, true, __ATOMIC_RELEASE);
    pthread_cond_signal(&log->wake);
    pthread_mutex_unlock(&log->mutex);
    pthread_join(log->thread, NULL);
    fd_close(&log->fd);
    pthread_mutex_destroy(&log->mutex);
    pthread_cond_destroy(&log->wake);
    uint64_t dropped = log->dropped;
    free(log->path);
    free(log);
    return dropped;
}

void access_log_flush(struct access_log *log, struct log_batch **batch)
{
    struct log_batch *b = *batch;
    *batch = NULL;
    if (b == NULL)
        return;
    pthread_mutex_lock(&log->mutex);
    bool full = log->queued >= QUEUE_MAX;
    if (full) {
        log->dropped++;
    } else {
        b->next = NULL;
        *log->last = b;
        log->last = &b->next;
        log->queued++;
        pthread_cond_signal(&log->wake);
    }
    pthread_mutex_unlock(&log->mutex);
    if (full)
        free(b);
}
