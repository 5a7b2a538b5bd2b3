/* Going over the chunk headers of a hostile LZMA2 stream, which makes blocks of it, and following with the
 * digests whatever is unpacked without a gap before it. */
#include "codec/lzma2_threads.h"

#include "base/file.h"

enum {
    BLOCK_LEAST = 1 << 20, /* resets closer to one another do not begin a block: 4,096 for 4 GiB */
    WALK_CHUNKS = 64,      /* between two looks at what else there is to do */
};

struct chunk {
    unsigned head;          /* bytes of its header */
    uint64_t packed, plain; /* bytes behind the header; what they unpack to. 0, 0: the end */
    bool reset;             /* of the dictionary */
};

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
    uint8_t head[6] = {0};
    unsigned n = 0, need = 1;
    while (n < need) {
        const void *p = NULL;
        size_t step = 0;
        if (at + n >= available)
            return whole ? lzma2_fault(err) : 0;
        int rc = in->source(in->arg, at + n, &p, &step, err);
        if (rc < 0)
            return rc;
        step = step < need - n ? step : need - n;
        memcpy(head + n, p, step);
        n += (unsigned)step;
        need = chunk_head(head[0]);
        if (need == 0)
            return lzma2_fault(err);
    }
    *out = chunk_parse(head);
    if (at + out->head + out->packed > available)
        return whole ? lzma2_fault(err) : 0;
    return 1;
}

/* The block that the chunk belongs to: the last one, or a new one. Inside. */
static struct lzma2_block *chunk_block(struct lzma2_unpacker *u, const struct chunk *c, struct pb_error *err)
{
    struct lzma2_block *last = u->count > 0 ? &u->blocks[u->count - 1] : NULL;
    if (last != NULL && (!c->reset || last->end - last->at < BLOCK_LEAST))
        return last;
    if (u->blocks == NULL || u->count == u->room) {
        size_t room = u->room > 0 ? 2 * u->room : 16;
        struct lzma2_block *more = reallocarray(u->blocks, room, sizeof *more);
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
    u->blocks[u->count] = (struct lzma2_block){.packed_at = u->walk_at,
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
        return lzma2_fault(err);
    if (c->plain == 0) {
        if (u->count > 0)
            u->blocks[u->count - 1].open = false;
        u->walked = true;
    } else {
        struct lzma2_block *b = chunk_block(u, c, err);
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
        const struct lzma2_block *b = &u->blocks[u->digest_block];
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
    size_t n = to - u->digested < LZMA2_STEP ? (size_t)(to - u->digested) : LZMA2_STEP;
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

int lzma2_walk_work(struct lzma2_unpacker *u, const struct archive_input *in, struct pb_error *err)
{
    _cleanup_free_ uint8_t *step = malloc(LZMA2_STEP);
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
