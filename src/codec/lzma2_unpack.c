/*
 * One thread goes over the chunk headers and makes blocks of them, and follows with the digests whatever is
 * unpacked without a gap before it; the others unpack blocks. Nothing is known of the stream but that it may
 * be hostile: blocks, dictionaries and bytes written have limits of their own.
 */
#include "codec/lzma2_unpack.h"

#include "base/file.h"
#include "codec/sevenzip_read.h"
#include "codec/threads.h"

#include <errno.h>
#include <lzma.h>
#include <unistd.h>

enum {
    THREADS_MAX = 16,
    BLOCK_LEAST = 1 << 20, /* resets closer to one another do not begin a block: 4,096 for 4 GiB */
    /* Of all blocks under way. One of a larger dictionary waits until it is alone. */
    DICTIONARIES_MAX = 512 << 20,
    STEP = 256 << 10,
    WALK_CHUNKS = 64, /* between two looks at what else there is to do */
    TURN_MS = 100,    /* between two calls of progress */
};

/* From the chunk headers; grows while `open`. */
struct block {
    uint64_t packed_at, packed_end; /* in the archive */
    uint64_t at, end;               /* in the file */
    uint64_t done;                  /* written, from `at` on */
    bool open;                      /* further chunks may follow */
};

struct lzma2_unpacker {
    struct archive_opener opener;
    int fd;
    uint64_t limit;
    struct monitor monitor; /* over all that follows */
    uint64_t available;     /* bytes of the archive that can be read */
    bool whole;             /* no more will come */
    bool stop;
    int status; /* of the first thread that failed; all stop then */
    struct pb_error error;
    struct block *blocks;
    size_t count, room, taken; /* blocks before `taken` have a thread, or had one */
    bool walked;               /* all blocks are known */
    bool ended;                /* `result` is set */
    uint64_t dictionaries;     /* of blocks under way */
    uint64_t written;
    struct lzma2_unpacked result;
    /* The walking thread's own. */
    uint64_t walk_at, walk_out;
    struct digest digest;
    uint64_t digested;
    size_t digest_block;
    unsigned started;
    pthread_t threads[1 + THREADS_MAX];
};

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

/* ---- walking over chunk headers ---- */

struct chunk {
    unsigned head;          /* bytes of its header */
    uint64_t packed, plain; /* bytes behind the header; what they unpack to. 0, 0: the end */
    bool reset;             /* of the dictionary */
};

static int stream_fault(struct pb_error *err)
{
    return error_set(err, PB_DAMAGED, "the archive is damaged: its stream is no LZMA2");
}

/* How long is the header of a chunk that begins with this byte? 0: there is no such chunk. */
static unsigned chunk_head(unsigned control)
{
    return control == 0 ? 1 : control < 3 ? 3 : control < 0x80 ? 0 : control < 0xc0 ? 5 : 6;
}

static struct chunk chunk_parse(const uint8_t *h)
{
    struct chunk c = {.head = chunk_head(h[0]), .reset = h[0] == 1 || h[0] >= 0xe0};
    if (h[0] >= 0x80) {
        c.plain = ((uint64_t)(h[0] & 0x1f) << 16 | (uint64_t)h[1] << 8 | h[2]) + 1;
        c.packed = ((uint64_t)h[3] << 8 | h[4]) + 1;
    } else if (h[0] != 0) {
        c.plain = c.packed = ((uint64_t)h[1] << 8 | h[2]) + 1;
    }
    return c;
}

/* Reads the chunk header at `at`. 1: done, 0: not all of the chunk is there yet. */
static int chunk_read(const struct archive_input *in, uint64_t at, uint64_t available, bool whole,
                      struct chunk *out, struct pb_error *err)
{
    uint8_t head[6];
    unsigned n = 0, need = 1;
    while (n < need) {
        const void *p;
        size_t step = 0;
        if (at + n >= available)
            return whole ? stream_fault(err) : 0;
        int rc = in->source(in->arg, at + n, &p, &step, err);
        if (rc < 0)
            return rc;
        step = step < need - n ? step : need - n;
        memcpy(head + n, p, step);
        n += (unsigned)step;
        need = chunk_head(head[0]);
        if (need == 0)
            return stream_fault(err);
    }
    *out = chunk_parse(head);
    if (at + out->head + out->packed > available)
        return whole ? stream_fault(err) : 0;
    return 1;
}

/* The block that the chunk belongs to: the last one, or a new one. Inside. */
static struct block *chunk_block(struct lzma2_unpacker *u, const struct chunk *c, struct pb_error *err)
{
    struct block *last = u->count > 0 ? &u->blocks[u->count - 1] : NULL;
    if (last != NULL && (!c->reset || last->end - last->at < BLOCK_LEAST))
        return last;
    if (u->count == u->room) {
        size_t room = u->room > 0 ? 2 * u->room : 16;
        struct block *more = reallocarray(u->blocks, room, sizeof *more);
        if (more == NULL) {
            error_memory(err);
            return NULL;
        }
        u->blocks = more;
        u->room = room;
        last = u->count > 0 ? &u->blocks[u->count - 1] : NULL;
    }
    if (last != NULL)
        last->open = false;
    u->blocks[u->count] = (struct block){.packed_at = u->walk_at,
                                         .packed_end = u->walk_at,
                                         .at = u->walk_out,
                                         .end = u->walk_out,
                                         .open = true};
    return &u->blocks[u->count++];
}

/* Takes the chunk, of which all is there, into a block. Inside. */
static int chunk_take(struct lzma2_unpacker *u, const struct chunk *c, struct pb_error *err)
{
    if (c->plain > u->limit - u->walk_out)
        return error_set(err, PB_DAMAGED, "the archive unpacks to more than the %llu bytes announced",
                         (unsigned long long)u->limit);
    if (u->count == 0 && c->plain > 0 && !c->reset)
        return stream_fault(err);
    if (c->plain == 0) {
        if (u->count > 0)
            u->blocks[u->count - 1].open = false;
        u->walked = true;
    } else {
        struct block *b = chunk_block(u, c, err);
        if (b == NULL)
            return PB_NO_MEMORY;
        b->packed_end += c->head + c->packed;
        b->end += c->plain;
    }
    u->walk_at += c->head + c->packed;
    u->walk_out += c->plain;
    return PB_OK;
}

/* Walks on a little. 1: it did, 0: there is nothing to walk over now. */
static int walk(struct lzma2_unpacker *u, const struct archive_input *in, struct pb_error *err)
{
    monitor_enter(&u->monitor);
    uint64_t available = u->available;
    bool whole = u->whole;
    monitor_leave(&u->monitor);
    int rc = 1, chunks = 0;
    while (rc == 1 && chunks < WALK_CHUNKS && !u->walked) {
        struct chunk c = {0};
        rc = chunk_read(in, u->walk_at, available, whole, &c, err);
        if (rc != 1)
            break;
        chunks++;
        monitor_enter(&u->monitor);
        int taken = chunk_take(u, &c, err);
        monitor_leave(&u->monitor);
        if (taken < 0)
            rc = taken;
    }
    if (chunks > 0) {
        monitor_enter(&u->monitor);
        monitor_tell(&u->monitor);
        monitor_leave(&u->monitor);
    }
    return rc < 0 ? rc : chunks > 0;
}

/* How far is everything written without a gap? Inside. */
static uint64_t frontier(struct lzma2_unpacker *u)
{
    while (u->digest_block < u->count) {
        const struct block *b = &u->blocks[u->digest_block];
        if (b->open || b->done < b->end - b->at)
            return b->at + b->done;
        u->digest_block++;
    }
    return u->walk_out;
}

/* Digests a step of what is written. 1: it did, 0: there is nothing to digest now. */
static int digest_more(struct lzma2_unpacker *u, uint8_t *step, struct pb_error *err)
{
    monitor_enter(&u->monitor);
    uint64_t to = frontier(u);
    monitor_leave(&u->monitor);
    if (to == u->digested)
        return 0;
    size_t n = to - u->digested < STEP ? (size_t)(to - u->digested) : STEP;
    int rc = file_read_at(u->fd, step, n, u->digested, err);
    if (rc < 0)
        return rc;
    digest_add(&u->digest, step, n);
    u->digested += n;
    return 1;
}

/* Is anything left to do? Waits until there may be. */
static bool walker_wait(struct lzma2_unpacker *u, uint64_t seen)
{
    monitor_enter(&u->monitor);
    bool end = u->walked && u->digested == u->walk_out;
    while (!end && !u->stop && frontier(u) == u->digested &&
           (u->walked || (u->available == seen && !u->whole)))
        monitor_wait(&u->monitor);
    if (end && !u->stop) {
        digest_finish(&u->digest, &u->result.digest);
        u->result.end = u->walk_at;
        u->ended = true;
        monitor_tell(&u->monitor);
    }
    bool go_on = !end && !u->stop;
    monitor_leave(&u->monitor);
    return go_on;
}

static int walker_work(struct lzma2_unpacker *u, const struct archive_input *in, struct pb_error *err)
{
    _cleanup_free_ uint8_t *step = malloc(STEP);
    if (step == NULL)
        return error_memory(err);
    for (;;) {
        monitor_enter(&u->monitor);
        uint64_t seen = u->available;
        bool stop = u->stop;
        monitor_leave(&u->monitor);
        int rc = stop ? 0 : walk(u, in, err);
        if (rc == 0 && !stop)
            rc = digest_more(u, step, err);
        if (rc < 0)
            return rc;
        if (rc == 0 && !walker_wait(u, seen))
            return PB_OK;
    }
}

/* ---- unpacking blocks ---- */

struct work {
    struct lzma2_unpacker *unpacker;
    struct archive_input in;
    size_t block;
    uint64_t read_at; /* in the archive */
    uint64_t packed_end;
    bool open;
    uint64_t at, done; /* in the file: where the block begins; written of it */
    uint64_t dictionary;
    uint8_t *out; /* STEP bytes */
};

/* The dictionary that the next block needs: what it may unpack to. Inside. */
static uint64_t dictionary_for(const struct lzma2_unpacker *u, const struct block *b)
{
    uint64_t n = b->open ? u->limit - b->at : b->end - b->at;
    return n < LZMA_DICT_SIZE_MIN        ? LZMA_DICT_SIZE_MIN
           : n < SEVENZIP_DICTIONARY_MAX ? n
                                         : SEVENZIP_DICTIONARY_MAX;
}

/* Takes the next block, or waits for one. A block whose end is not known yet is taken only while the archive
 * is still arriving: it may need less than it might. False: there is none any more. */
static bool block_take(struct lzma2_unpacker *u, struct work *w)
{
    bool got = false;
    monitor_enter(&u->monitor);
    for (;;) {
        const struct block *b = u->taken < u->count ? &u->blocks[u->taken] : NULL;
        if (u->stop || (b == NULL && u->walked))
            break;
        uint64_t dictionary = b != NULL ? dictionary_for(u, b) : 0;
        if (b != NULL && (!b->open || !u->whole) &&
            (u->dictionaries == 0 || dictionary <= DICTIONARIES_MAX - u->dictionaries)) {
            w->block = u->taken++;
            w->read_at = b->packed_at;
            w->at = b->at;
            w->done = 0;
            w->dictionary = dictionary;
            u->dictionaries += dictionary;
            got = true;
            break;
        }
        monitor_wait(&u->monitor);
    }
    monitor_leave(&u->monitor);
    return got;
}

/* Tells how far the block is, and looks how far it can go; waits where that is nowhere. False: stop. */
static bool block_look(struct work *w)
{
    struct lzma2_unpacker *u = w->unpacker;
    monitor_enter(&u->monitor);
    struct block *b = &u->blocks[w->block];
    if (w->done > b->done) {
        u->written += w->done - b->done;
        b->done = w->done;
        monitor_tell(&u->monitor);
    }
    while (!u->stop && b->open && b->packed_end == w->read_at) {
        monitor_wait(&u->monitor);
        b = &u->blocks[w->block]; /* the list may have moved */
    }
    w->packed_end = b->packed_end;
    w->open = b->open;
    bool go_on = !u->stop;
    monitor_leave(&u->monitor);
    return go_on;
}

static int block_write(struct work *w, size_t n, struct pb_error *err)
{
    const uint8_t *p = w->out;
    while (n > 0) {
        ssize_t written = pwrite(w->unpacker->fd, p, n, (off_t)(w->at + w->done));
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_errno(err, errno, "unpack: write");
        w->done += (uint64_t)written;
        p += written;
        n -= (size_t)written;
    }
    return PB_OK;
}

/* One call of liblzma: in goes what is there, out comes at most a step, which is written. */
static int block_step(struct work *w, lzma_stream *s, struct pb_error *err)
{
    if (s->avail_in == 0 && w->read_at < w->packed_end) {
        const void *p;
        size_t n = 0;
        int rc = w->in.source(w->in.arg, w->read_at, &p, &n, err);
        if (rc < 0)
            return rc;
        s->next_in = p;
        s->avail_in = n < w->packed_end - w->read_at ? n : (size_t)(w->packed_end - w->read_at);
        w->read_at += s->avail_in;
    }
    lzma_ret ret = lzma_code(s, LZMA_RUN);
    if (ret != LZMA_OK && ret != LZMA_BUF_ERROR)
        return ret == LZMA_MEM_ERROR ? error_memory(err) : stream_fault(err);
    if (s->avail_out > 0 && s->avail_in == 0 && w->read_at < w->packed_end)
        return PB_OK; /* the step is not full yet, and there is more */
    int rc = block_write(w, STEP - s->avail_out, err);
    s->next_out = w->out;
    s->avail_out = STEP;
    return rc;
}

static int block_unpack(struct work *w, struct pb_error *err)
{
    lzma_stream s = LZMA_STREAM_INIT;
    lzma_options_lzma options = {.dict_size = (uint32_t)w->dictionary};
    lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    lzma_ret ret = lzma_raw_decoder(&s, filters);
    int rc = ret == LZMA_OK ? PB_OK : error_memory(err);
    s.next_out = w->out;
    s.avail_out = STEP;
    while (rc == PB_OK && block_look(w)) {
        uint64_t before = w->done;
        bool all = !w->open && w->read_at == w->packed_end && s.avail_in == 0;
        rc = block_step(w, &s, err);
        /* What liblzma holds back comes out in further calls; the last of them brings nothing. */
        if (rc == PB_OK && all && w->done == before)
            break;
    }
    lzma_end(&s);
    return rc;
}

/* The block is done: is it what its chunk headers said? */
static int block_leave(struct work *w, struct pb_error *err)
{
    struct lzma2_unpacker *u = w->unpacker;
    monitor_enter(&u->monitor);
    const struct block *b = &u->blocks[w->block];
    bool right = b->done == b->end - b->at || u->stop;
    u->dictionaries -= w->dictionary;
    monitor_tell(&u->monitor);
    monitor_leave(&u->monitor);
    return right ? PB_OK : stream_fault(err);
}

static int unpack_work(struct lzma2_unpacker *u, const struct archive_input *in, struct pb_error *err)
{
    struct work w = {.unpacker = u, .in = *in};
    _cleanup_free_ uint8_t *out = malloc(STEP);
    if (out == NULL)
        return error_memory(err);
    w.out = out;
    int rc = PB_OK;
    while (rc == PB_OK && block_take(u, &w)) {
        rc = block_unpack(&w, err);
        if (rc == PB_OK)
            rc = block_leave(&w, err);
    }
    return rc;
}

/* ---- threads ---- */

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
    thread_work(arg, walker_work);
    return NULL;
}

static void *unpack_run(void *arg)
{
    thread_work(arg, unpack_work);
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
    unsigned threads = 1 + thread_cores(THREADS_MAX);
    while (rc == PB_OK && u->started < threads) {
        rc = thread_begin(&u->threads[u->started], u->started == 0 ? walker_run : unpack_run, u, err);
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
