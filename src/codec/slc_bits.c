/*
 * Reading and writing the bit stream. Numbers are least significant bit first, in bytes that are filled from
 * their lowest bit:
 *
 *     0 and 8 bits                a byte
 *     1, 16 bits and 8 bits       distance and length: copy so many bytes, one by one
 */
#include "codec/slc_bits.h"

#include "base/file.h"

#include <errno.h>
#include <unistd.h>

enum {
    WINDOW = 65536, /* a distance has 16 bits */
    LITERAL_BITS = 1 + 8,
    MATCH_BITS = 1 + 16 + 8,
};

/* ---- reading ---- */

enum { STEP = 64 * 1024 };

struct reader {
    int fd;
    uint64_t at;   /* of the file: the next byte to read */
    uint64_t bits; /* read ahead, the next one lowest */
    unsigned held; /* how many of them */
    uint64_t left; /* bits of the stream that were not taken yet */
    size_t n, used;
    unsigned char step[STEP];
    /* What was unpacked: the window, then what the sink has not got yet. */
    size_t size, told;
    unsigned char out[2 * WINDOW];
};

static int cut_off(struct pb_error *err)
{
    return error_set(err, PB_DAMAGED, "the compressed data is cut off");
}

static int step_read(struct reader *r, struct pb_error *err)
{
    ssize_t n;
    do
        n = pread(r->fd, r->step, sizeof r->step, (off_t)r->at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_errno(err, errno, "read");
    if (n == 0)
        return cut_off(err);
    r->at += (uint64_t)n;
    r->n = (size_t)n;
    r->used = 0;
    return PB_OK;
}

/* Holds at least `n` bits (at most 32) afterwards. */
static int bits_hold(struct reader *r, unsigned n, struct pb_error *err)
{
    if (r->left < n)
        return cut_off(err);
    while (r->held < n) {
        int rc = r->used == r->n ? step_read(r, err) : PB_OK;
        if (rc < 0)
            return rc;
        r->bits |= (uint64_t)r->step[r->used++] << r->held;
        r->held += 8;
    }
    return PB_OK;
}

static unsigned bits_take(struct reader *r, unsigned n)
{
    unsigned value = (unsigned)(r->bits & ((1u << n) - 1));
    r->bits >>= n;
    r->held -= n;
    r->left -= n;
    return value;
}

/* Tells the sink of what is new, and keeps the window. */
static int out_flush(struct reader *r, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    int rc = r->size > r->told ? sink(arg, r->out + r->told, r->size - r->told, err) : PB_OK;
    if (r->size > WINDOW) {
        memmove(r->out, r->out + r->size - WINDOW, WINDOW);
        r->size = WINDOW;
    }
    r->told = r->size;
    return rc;
}

static int token_read(struct reader *r, struct pb_error *err)
{
    int rc = bits_hold(r, LITERAL_BITS, err);
    if (rc < 0)
        return rc;
    if ((r->bits & 1) == 0) {
        r->out[r->size++] = (unsigned char)(bits_take(r, LITERAL_BITS) >> 1);
        return PB_OK;
    }
    if ((rc = bits_hold(r, MATCH_BITS, err)) < 0)
        return rc;
    unsigned match = bits_take(r, MATCH_BITS) >> 1, distance = match & 0xffff, length = match >> 16;
    if (distance == 0 || distance > r->size)
        return error_set(err, PB_DAMAGED, "the compressed data refers to what is before its beginning");
    for (; length > 0; length--, r->size++)
        r->out[r->size] = r->out[r->size - distance];
    return PB_OK;
}

int slc_bits_unpack(int fd, uint64_t offset, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    unsigned char count[4];
    _cleanup_free_ struct reader *r = malloc(sizeof *r);
    if (r == NULL)
        return error_memory(err);
    r->fd = fd;
    r->at = offset + sizeof count;
    r->bits = 0;
    r->held = 0;
    r->n = r->used = r->size = r->told = 0;
    int rc = file_read_at(fd, count, sizeof count, offset, err);
    r->left = get_le32(count);
    while (rc == PB_OK && r->left > 0) {
        rc = token_read(r, err);
        if (rc == PB_OK && r->size > sizeof r->out - UINT8_MAX)
            rc = out_flush(r, sink, arg, err);
    }
    return rc < 0 ? rc : out_flush(r, sink, arg, err);
}

/* ---- writing ---- */

/*
 * Every match costs the same, and every literal. So in a cheapest stream each match is the longest that there
 * is at its place, and which places have one is found from the end of a block backwards.
 */
enum {
    BLOCK = 256 * 1024,
    HASH_BITS = 16,
    MATCH_LEAST = 3,
    MATCH_MOST = 85, /* as the original encoder */
    CHAIN_MOST = 32, /* earlier places that are tried */
    LONG_ENOUGH = 8, /* a match that leaves a later place this much is hardly beaten there */
};

struct match {
    uint16_t distance; /* 0: none */
    uint8_t length;
};

struct writer {
    const unsigned char *p;
    size_t n;
    /* Places by the hash of their first four bytes, plus one; 0: none. Older ones by `before`. */
    uint32_t last[1 << HASH_BITS];
    uint32_t before[WINDOW];
    uint32_t last3[1 << HASH_BITS]; /* by the hash of three bytes, without older ones */
    struct match matches[BLOCK];
    uint32_t costs[BLOCK + 1]; /* bits from this place of the block to its end */
    uint64_t bits;             /* to be written, the next one lowest */
    unsigned held;
    uint64_t written;
    struct buffer *out;
};

static uint32_t hash_of(const unsigned char *p, unsigned bytes)
{
    uint32_t v = get_le32(p);
    if (bytes == MATCH_LEAST)
        v <<= 8;
    return (v * 2654435761u) >> (32 - HASH_BITS);
}

static void place_add(struct writer *w, size_t at)
{
    if (at + 4 > w->n)
        return;
    uint32_t *last = &w->last[hash_of(w->p + at, 4)];
    w->before[at % WINDOW] = *last;
    *last = (uint32_t)at + 1;
    w->last3[hash_of(w->p + at, MATCH_LEAST)] = (uint32_t)at + 1;
}

static unsigned common_length(const unsigned char *a, const unsigned char *b, unsigned most)
{
    unsigned n = 0;
    for (; n + 8 <= most; n += 8) {
        uint64_t x, y;
        memcpy(&x, a + n, 8);
        memcpy(&y, b + n, 8);
        if (x != y)
            return n + (unsigned)__builtin_ctzll(x ^ y) / 8;
    }
    while (n < most && a[n] == b[n])
        n++;
    return n;
}

/* Takes the match at an earlier place when it is longer. A match must not reach into what it makes. */
static void match_try(const struct writer *w, size_t at, size_t from, unsigned most, struct match *best)
{
    unsigned distance = (unsigned)(at - from), limit = most < distance ? most : distance;
    const unsigned char *here = w->p + at, *there = w->p + from;
    if (limit <= best->length || here[best->length] != there[best->length])
        return;
    unsigned length = common_length(here, there, limit);
    if (length >= MATCH_LEAST && length > best->length)
        *best = (struct match){(uint16_t)distance, (uint8_t)length};
}

/* `known` is what is left here of the match that begins a byte earlier. Where that is long, few places are
 * worth a look. */
static struct match match_find(const struct writer *w, size_t at, struct match known)
{
    struct match best = known;
    int tries = best.length >= LONG_ENOUGH ? CHAIN_MOST / 8 : CHAIN_MOST;
    unsigned most = w->n - at < MATCH_MOST ? (unsigned)(w->n - at) : MATCH_MOST;
    size_t oldest = at < WINDOW ? 0 : at - (WINDOW - 1);
    if (at + 4 > w->n)
        return best;
    uint32_t from = w->last[hash_of(w->p + at, 4)];
    for (int i = 0; i < tries && from > oldest && best.length < most; i++) {
        match_try(w, at, from - 1, most, &best);
        from = w->before[(from - 1) % WINDOW];
    }
    from = best.length == 0 ? w->last3[hash_of(w->p + at, MATCH_LEAST)] : 0;
    if (from > oldest)
        match_try(w, at, from - 1, most, &best);
    return best;
}

static void bits_put(struct writer *w, uint32_t value, unsigned n)
{
    w->bits |= (uint64_t)value << w->held;
    w->held += n;
    w->written += n;
    if (w->held >= 32) {
        char bytes[4];
        put_le32(bytes, (uint32_t)w->bits);
        buffer_append(w->out, bytes, sizeof bytes);
        w->bits >>= 32;
        w->held -= 32;
    }
}

/* The places [from, from + n) become tokens; matches stay within them. */
static void block_put(struct writer *w, size_t from, size_t n)
{
    struct match found = {0};
    for (size_t i = 0; i < n; i++) {
        found.length = found.length > MATCH_LEAST ? found.length - 1 : 0;
        found = w->matches[i] = match_find(w, from + i, found);
        place_add(w, from + i);
    }
    w->costs[n] = 0;
    for (size_t i = n; i-- > 0;) {
        struct match *m = &w->matches[i];
        size_t length = m->length < n - i ? m->length : n - i;
        w->costs[i] = LITERAL_BITS + w->costs[i + 1];
        if (length >= MATCH_LEAST && MATCH_BITS + w->costs[i + length] < w->costs[i]) {
            w->costs[i] = MATCH_BITS + w->costs[i + length];
            m->length = (uint8_t)length;
        } else {
            m->length = 0;
        }
    }
    for (size_t i = 0; i<n; i += w->matches[i].length> 0 ? w->matches[i].length : 1) {
        const struct match *m = &w->matches[i];
        if (m->length > 0)
            bits_put(w, 1 | (uint32_t)m->distance << 1 | (uint32_t)m->length << 17, MATCH_BITS);
        else
            bits_put(w, (uint32_t)w->p[from + i] << 1, LITERAL_BITS);
    }
}

int slc_bits_pack(const void *p, size_t n, struct buffer *out, struct pb_error *err)
{
    char count[4] = {0}, rest[8];
    size_t begin = out->n;
    if (n > SLC_BITS_MAX)
        return error_set(err, PB_INVALID, "more than %d bytes to compress", SLC_BITS_MAX);
    _cleanup_free_ struct writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return error_memory(err);
    w->p = p;
    w->n = n;
    w->out = out;
    buffer_append(out, count, sizeof count);
    for (size_t at = 0; at < n; at += BLOCK)
        block_put(w, at, n - at < BLOCK ? n - at : BLOCK);
    put_le32(rest, (uint32_t)w->bits);
    buffer_append(out, rest, (w->held + 7) / 8);
    if (out->failed)
        return out->starved
                   ? error_memory(err)
                   : error_set(err, PB_INVALID, "the compressed data has more than %zu bytes", out->ceiling);
    put_le32(out->p + begin, (uint32_t)w->written);
    return PB_OK;
}
