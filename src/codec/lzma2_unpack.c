/*
 * The threads that unpack one LZMA2 stream: begun, fed, waited for and ended. Nothing is known of the stream
 * but that it may be hostile: blocks, dictionaries and bytes written have limits of their own.
 */
#include "codec/lzma2_threads.h"

enum { TURN_MS = 100 /* between two calls of progress */ };

int lzma2_fault(struct pb_error *err)
{
    return error_set(err, PB_DAMAGED, "the archive is damaged: its stream is no LZMA2");
}

static void unpacker_fail(struct lzma2_unpacker *u, int status, const struct pb_error *err)
{
    monitor_enter(&u->monitor);
    if (u->status == PB_OK) {
        u->status = status;
        u->error = *err;
    }
    u->stop = true;
    monitor_tell(&u->monitor);
    monitor_leave(&u->monitor);
}

static void thread_work(struct lzma2_unpacker *u,
                        int (*work)(struct lzma2_unpacker *, const struct archive_input *, struct pb_error *))
{
    struct pb_error err = {0};
    struct archive_input in = {0};
    int rc = u->opener.open(u->opener.arg, &in, &err);
    if (rc == PB_OK) {
        rc = work(u, &in, &err);
        u->opener.close(u->opener.arg, &in);
    }
    if (rc < 0)
        unpacker_fail(u, rc, &err);
}

static void *walker_run(void *arg)
{
    thread_work(arg, lzma2_walk_work);
    return NULL;
}

static void *unpack_run(void *arg)
{
    thread_work(arg, lzma2_blocks_work);
    return NULL;
}

int lzma2_unpack_begin(const struct archive_opener *opener, uint64_t start, uint64_t available,
                       uint64_t limit, int fd, struct lzma2_unpacker **out, struct pb_error *err)
{
    struct lzma2_unpacker *u = calloc(1, sizeof *u);
    if (u == NULL)
        return error_memory(err);
    u->opener = *opener;
    u->fd = fd;
    u->limit = limit;
    u->available = available;
    u->walk_at = start;
    int rc = monitor_open(&u->monitor, err);
    if (rc < 0) {
        free(u);
        return rc;
    }
    rc = digest_start(&u->digest, DIGEST_MD5 | DIGEST_CRC32, err);
    unsigned threads = 1 + thread_cores(LZMA2_THREADS_MAX);
    while (rc == PB_OK && u->started < threads) {
        rc = thread_start(&u->threads[u->started], u->started == 0 ? walker_run : unpack_run, u, err);
        u->started += rc == PB_OK;
    }
    if (rc < 0 && u->started > 1) /* fewer will do */
        rc = PB_OK;
    if (rc < 0)
        lzma2_unpack_free(u);
    else
        *out = u;
    return rc;
}

void lzma2_unpack_feed(struct lzma2_unpacker *u, uint64_t available)
{
    monitor_enter(&u->monitor);
    u->available = available;
    monitor_tell(&u->monitor);
    monitor_leave(&u->monitor);
}

int lzma2_unpack_finish(struct lzma2_unpacker *u, archive_progress_fn *progress, void *arg,
                        struct lzma2_unpacked *out, struct pb_error *err)
{
    int rc = PB_OK;
    bool over = false;
    while (rc == PB_OK && !over) {
        monitor_enter(&u->monitor);
        if (!u->whole) {
            u->whole = true;
            monitor_tell(&u->monitor);
        }
        if (!u->ended && u->status == PB_OK)
            monitor_wait_ms(&u->monitor, TURN_MS);
        over = u->ended || u->status < 0;
        uint64_t written = u->written;
        monitor_leave(&u->monitor);
        if (progress != NULL)
            rc = progress(arg, written, err);
    }
    if (rc < 0)
        return rc;
    monitor_enter(&u->monitor);
    *out = u->result;
    if (u->status < 0)
        *err = u->error;
    rc = u->status;
    monitor_leave(&u->monitor);
    return rc;
}

void lzma2_unpack_free(struct lzma2_unpacker *u)
{
    if (u == NULL)
        return;
    monitor_enter(&u->monitor);
    u->stop = true;
    monitor_tell(&u->monitor);
    monitor_leave(&u->monitor);
    while (u->started > 0)
        pthread_join(u->threads[--u->started], NULL);
    digest_free(&u->digest);
    monitor_close(&u->monitor);
    free(u->blocks);
    free(u);
}
