/* Through libdeflate and zlib. */
#include "codec/deflate.h"

#include "base/file.h"

#include <errno.h>
#include <libdeflate.h>
#include <unistd.h>
#include <zlib.h>

enum { LEVEL_BEST = 12, STEP = 64 * 1024 };

int gzip_pack(const void *p, size_t n, char **out, size_t *size, struct pb_error *err)
{
    *out = NULL;
    *size = 0;
    if (n == 0)
        return PB_OK;
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(LEVEL_BEST);
    _cleanup_free_ char *packed = malloc(n);
    if (c == NULL || packed == NULL) {
        libdeflate_free_compressor(c);
        return error_memory(err);
    }
    size_t got = libdeflate_gzip_compress(c, p, n, packed, n - 1); /* 0: it does not fit */
    libdeflate_free_compressor(c);
    if (got == 0)
        return PB_OK;
    char *fitting = realloc(packed, got);
    *out = fitting != NULL ? fitting : packed;
    packed = NULL;
    *size = got;
    return PB_OK;
}

/* ---- blocks of a zlib stream ---- */

/*
 * libdeflate ends what it makes with a deflate block that is marked as the last. Where others follow, the
 * mark is taken away, and an empty stored block fills the last byte up. inflate, stopping at each deflate
 * block, finds where the mark is; so every block is also seen to be readable before it is used.
 */
enum {
    LEVEL_FAST = 6,
    LEVEL_GOOD = 10,
    SAMPLE = 32 * 1024,
    SYNC = 5, /* the most bytes that an empty stored block adds */
};

void zlib_head(char out[ZLIB_HEAD])
{
    out[0] = 0x78; /* deflate, a window of 32 KB */
    out[1] = (char)0xda;
}

void zlib_tail(uint32_t sum, char out[ZLIB_TAIL])
{
    for (int i = 0; i < ZLIB_TAIL; i++)
        out[i] = (char)(sum >> (24 - 8 * i));
}

uint32_t zlib_sum(uint32_t sum, const void *p, size_t n)
{
    return n > 0 ? libdeflate_adler32(sum, p, n) : sum;
}

/* Compressed bytes, as raw deflate. The caller frees *out. */
static int raw_pack(int level, const char *p, size_t n, char **out, size_t *size, struct pb_error *err)
{
    struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
    size_t room = c != NULL ? libdeflate_deflate_compress_bound(c, n) + SYNC : 0;
    *out = c != NULL ? malloc(room) : NULL;
    if (*out != NULL)
        *size = libdeflate_deflate_compress(c, p, n, *out, room);
    libdeflate_free_compressor(c);
    return *out != NULL ? PB_OK : error_memory(err);
}

/* Is there little to gain? A sample of the middle tells: images, music and archives are alike all along. */
static int is_dense(const char *p, size_t n, bool *dense, struct pb_error *err)
{
    size_t sample = n < SAMPLE ? n : SAMPLE, size = 0;
    _cleanup_free_ char *packed = NULL;
    int rc = raw_pack(1, p + (n - sample) / 2, sample, &packed, &size, err);
    *dense = size >= sample - sample / 16;
    return rc;
}

/* Where the last deflate block begins and ends; in bits. */
static int marks_find(const char *p, size_t n, size_t *begin, size_t *end, struct pb_error *err)
{
    unsigned char room[STEP];
    z_stream z = {.next_in = (unsigned char *)p, .avail_in = (unsigned)n};
    int code = inflateInit2(&z, -MAX_WBITS);
    bool last = false;
    *begin = *end = 0;
    while (code == Z_OK && !last) {
        z.next_out = room;
        z.avail_out = sizeof room;
        code = inflate(&z, Z_BLOCK);
        bool at_end = code == Z_OK && z.data_type & 128;
        last = at_end && z.data_type & 64;
        if (at_end)
            *(last ? end : begin) = 8 * (n - z.avail_in) - (size_t)(z.data_type & 7);
    }
    inflateEnd(&z);
    if (code == Z_MEM_ERROR)
        return error_memory(err);
    return last && z.avail_in == 0 ? PB_OK : error_set(err, PB_FAILED, "the compressor made something else");
}

/* Makes of a whole stream one that goes on, at a byte. */
static int last_open(char *p, size_t *n, struct pb_error *err)
{
    static const char empty[4] = {0, 0, (char)0xff, (char)0xff};
    size_t begin = 0, end = 0;
    int rc = marks_find(p, *n, &begin, &end, err);
    if (rc < 0)
        return rc;
    p[begin / 8] = (char)(p[begin / 8] & ~(1 << begin % 8));
    size_t bytes = (end + 3 + 7) / 8; /* three bits: not the last, stored */
    if (bytes > *n)
        p[bytes - 1] = 0;
    memcpy(p + bytes, empty, sizeof empty);
    *n = bytes + sizeof empty;
    return PB_OK;
}

int zlib_block_pack(const void *p, size_t n, bool last, char **out, size_t *size, struct pb_error *err)
{
    bool dense;
    *out = NULL;
    int rc = is_dense(p, n, &dense, err);
    if (rc == PB_OK)
        rc = raw_pack(dense ? LEVEL_FAST : LEVEL_GOOD, p, n, out, size, err);
    if (rc == PB_OK && !last)
        rc = last_open(*out, size, err);
    if (rc < 0) {
        free(*out);
        *out = NULL;
    }
    return rc;
}

/* ---- unpacking ---- */

/* What zlib says, in words. */
static int unpack_fault(int code, struct pb_error *err)
{
    if (code == Z_MEM_ERROR)
        return error_memory(err);
    return error_set(err, PB_DAMAGED, "%s",
                     code == Z_BUF_ERROR ? "the packed file is cut off" : "the packed file is damaged");
}

static int unpack_step(z_stream *z, deflate_sink_fn *sink, void *arg, int *code, struct pb_error *err)
{
    unsigned char room[STEP];
    do {
        z->next_out = room;
        z->avail_out = sizeof room;
        *code = inflate(z, Z_NO_FLUSH);
        if (*code != Z_OK && *code != Z_STREAM_END && *code != Z_BUF_ERROR)
            return unpack_fault(*code, err);
        size_t n = sizeof room - z->avail_out;
        int rc = n > 0 ? sink(arg, room, n, err) : PB_OK;
        if (rc < 0)
            return rc;
    } while (z->avail_out == 0 && *code != Z_STREAM_END);
    return PB_OK;
}

/* *end: the offset of what follows the stream. */
static int unpack_run(z_stream *z, int fd, uint64_t at, deflate_sink_fn *sink, void *arg, uint64_t *end,
                      struct pb_error *err)
{
    unsigned char step[STEP];
    int code = Z_OK, rc = PB_OK;
    while (rc == PB_OK && code != Z_STREAM_END) {
        ssize_t n = pread(fd, step, sizeof step, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? unpack_fault(Z_BUF_ERROR, err) : error_errno(err, errno, "read");
        at += (uint64_t)n;
        z->next_in = step;
        z->avail_in = (unsigned)n;
        rc = unpack_step(z, sink, arg, &code, err);
    }
    *end = at - z->avail_in;
    return rc;
}

static int unpack(int fd, uint64_t at, int window, deflate_sink_fn *sink, void *arg, uint64_t *end,
                  struct pb_error *err)
{
    z_stream z = {0};
    if (inflateInit2(&z, window) != Z_OK)
        return error_memory(err);
    int rc = unpack_run(&z, fd, at, sink, arg, end, err);
    inflateEnd(&z);
    return rc;
}

/* Reads what is from `at` to the end of the file, which must be n bytes. */
static int tail_read(int fd, uint64_t at, char *p, size_t n, struct pb_error *err)
{
    char more;
    int rc = file_read_at(fd, p, n, at, err);
    if (rc == PB_DAMAGED)
        return unpack_fault(Z_BUF_ERROR, err);
    if (rc == PB_OK && file_read_at(fd, &more, 1, at + n, NULL) != PB_DAMAGED)
        return error_set(err, PB_DAMAGED, "something follows the packed bytes");
    return rc;
}

int gzip_unpack(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    enum { GZIP_ONLY = 16 + MAX_WBITS };
    uint64_t end = 0;
    int rc = unpack(fd, 0, GZIP_ONLY, sink, arg, &end, err);
    return rc < 0 ? rc : tail_read(fd, end, NULL, 0, err);
}

/* Sums up what goes to a sink. */
struct summed {
    deflate_sink_fn *sink;
    void *arg;
    uint32_t sum;
};

static int summed_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct summed *s = arg;
    s->sum = zlib_sum(s->sum, p, n);
    return s->sink(s->arg, p, n, err);
}

/* As raw deflate: libdeflate computes the checksum many times faster than zlib. */
int zlib_unpack(int fd, uint64_t offset, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    enum { METHOD = 0x0f, DEFLATE = 8, DICTIONARY = 0x20, MULTIPLE = 31 };
    unsigned char head[ZLIB_HEAD];
    char found[ZLIB_TAIL], right[ZLIB_TAIL];
    uint64_t end = 0;
    struct summed s = {sink, arg, 1};
    int rc = file_read_at(fd, head, sizeof head, offset, err);
    if (rc < 0)
        return rc == PB_DAMAGED ? unpack_fault(Z_BUF_ERROR, err) : rc;
    if ((head[0] & METHOD) != DEFLATE || head[1] & DICTIONARY || (head[0] << 8 | head[1]) % MULTIPLE != 0)
        return unpack_fault(Z_DATA_ERROR, err);
    rc = unpack(fd, offset + ZLIB_HEAD, -MAX_WBITS, summed_add, &s, &end, err);
    if (rc == PB_OK)
        rc = tail_read(fd, end, found, sizeof found, err);
    zlib_tail(s.sum, right);
    return rc == PB_OK && memcmp(found, right, sizeof right) != 0 ? unpack_fault(Z_DATA_ERROR, err) : rc;
}

/* 1: it was unpacked, into `out` of `size` bytes. 0: it is not what was said. */
static int small_unpack(int fd, uint64_t offset, size_t packed, char *out, size_t size, struct pb_error *err)
{
    size_t read = 0;
    _cleanup_free_ char *in = malloc(packed + 1);
    struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
    int rc = in == NULL || d == NULL ? error_memory(err) : file_read_at(fd, in, packed, offset, err);
    if (rc == PB_OK)
        rc = libdeflate_zlib_decompress_ex(d, in, packed, out, size, &read, NULL) == LIBDEFLATE_SUCCESS &&
             read == packed;
    libdeflate_free_decompressor(d);
    return rc;
}

int zlib_unpack_known(int fd, uint64_t offset, uint64_t packed, uint64_t size, deflate_sink_fn *sink,
                      void *arg, struct pb_error *err)
{
    if (packed > ZLIB_SMALL || size > ZLIB_SMALL)
        return zlib_unpack(fd, offset, sink, arg, err);
    _cleanup_free_ char *out = malloc((size_t)size + 1);
    int rc =
        out == NULL ? error_memory(err) : small_unpack(fd, offset, (size_t)packed, out, (size_t)size, err);
    if (rc == 1)
        return size > 0 ? sink(arg, out, (size_t)size, err) : PB_OK;
    return rc == 0 || rc == PB_DAMAGED ? zlib_unpack(fd, offset, sink, arg, err) : rc;
}
