/* Unpacking blocks: each with a decoder and a dictionary of its own, to its place in the file. */
#include "codec/lzma2_threads.h"

#include "codec/sevenzip_read.h"

#include <errno.h>
#include <lzma.h>
#include <unistd.h>

enum {
    /* Of all blocks under way. One of a larger dictionary waits until it is alone. */
    DICTIONARIES_MAX = 512 << 20,
};

struct work {
    struct lzma2_unpacker *unpacker;
    struct archive_input in;
    size_t block;
    uint64_t read_at; /* in the archive */
    uint64_t packed_end;
    bool open;
    uint64_t at, done; /* in the file: where the block begins; written of it */
    uint64_t dictionary;
    uint8_t *out; /* LZMA2_STEP bytes */
};

/* The dictionary that the next block needs: what it may unpack to. Inside. */
static uint64_t dictionary_for(const struct lzma2_unpacker *u, const struct lzma2_block *b)
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
        const struct lzma2_block *b = u->taken < u->count ? &u->blocks[u->taken] : NULL;
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
    struct lzma2_block *b = &u->blocks[w->block];
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
        return ret == LZMA_MEM_ERROR ? error_memory(err) : lzma2_fault(err);
    if (s->avail_out > 0 && s->avail_in == 0 && w->read_at < w->packed_end)
        return PB_OK; /* the step is not full yet, and there is more */
    int rc = block_write(w, LZMA2_STEP - s->avail_out, err);
    s->next_out = w->out;
    s->avail_out = LZMA2_STEP;
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
    s.avail_out = LZMA2_STEP;
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
    const struct lzma2_block *b = &u->blocks[w->block];
    bool right = b->done == b->end - b->at || u->stop;
    u->dictionaries -= w->dictionary;
    monitor_tell(&u->monitor);
    monitor_leave(&u->monitor);
    return right ? PB_OK : lzma2_fault(err);
}

int lzma2_blocks_work(struct lzma2_unpacker *u, const struct archive_input *in, struct pb_error *err)
{
    struct work w = {.unpacker = u, .in = *in};
    _cleanup_free_ uint8_t *out = malloc(LZMA2_STEP);
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
