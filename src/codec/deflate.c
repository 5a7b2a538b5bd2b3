/* Through libdeflate and zlib. */
#include "codec/deflate.h"

#include <errno.h>
#include <libdeflate.h>
#include <unistd.h>
#include <zlib.h>

enum { LEVEL_BEST = 12, STEP = 64 * 1024 };

typedef size_t pack_fn(struct libdeflate_compressor *c, const void *in, size_t in_n, void *out, size_t room);

static int pack(pack_fn *fn, const void *p, size_t n, char **out, size_t *size, struct pb_error *err)
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
    size_t got = fn(c, p, n, packed, n - 1); /* 0: it does not fit */
    libdeflate_free_compressor(c);
    if (got == 0)
        return PB_OK;
    char *fitting = realloc(packed, got);
    *out = fitting != NULL ? fitting : packed;
    packed = NULL;
    *size = got;
    return PB_OK;
}

int gzip_pack(const void *p, size_t n, char **out, size_t *size, struct pb_error *err)
{
    return pack(libdeflate_gzip_compress, p, n, out, size, err);
}

int zlib_pack(const void *p, size_t n, char **out, size_t *size, struct pb_error *err)
{
    return pack(libdeflate_zlib_compress, p, n, out, size, err);
}

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

static int unpack_run(z_stream *z, int fd, off_t at, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    unsigned char step[STEP];
    int code = Z_OK;
    for (;;) {
        ssize_t n = pread(fd, step, sizeof step, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, errno, "read");
        if (n == 0)
            return code == Z_STREAM_END ? PB_OK : unpack_fault(Z_BUF_ERROR, err);
        if (code == Z_STREAM_END)
            return error_set(err, PB_DAMAGED, "something follows the packed bytes");
        at += n;
        z->next_in = step;
        z->avail_in = (unsigned)n;
        int rc = unpack_step(z, sink, arg, &code, err);
        if (rc < 0)
            return rc;
        if (code == Z_STREAM_END && z->avail_in > 0)
            return error_set(err, PB_DAMAGED, "something follows the packed bytes");
    }
}

static int unpack(int fd, uint64_t offset, int window, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    z_stream z = {0};
    if (inflateInit2(&z, window) != Z_OK)
        return error_memory(err);
    int rc = unpack_run(&z, fd, (off_t)offset, sink, arg, err);
    inflateEnd(&z);
    return rc;
}

int gzip_unpack(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    enum { GZIP_ONLY = 16 + MAX_WBITS };
    return unpack(fd, 0, GZIP_ONLY, sink, arg, err);
}

int zlib_unpack(int fd, uint64_t offset, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    return unpack(fd, offset, MAX_WBITS, sink, arg, err);
}

/* What a step of input comes to. */
static int pack_step(z_stream *z, int flush, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    unsigned char room[STEP];
    int rc = PB_OK;
    do {
        z->next_out = room;
        z->avail_out = sizeof room;
        deflate(z, flush);
        size_t n = sizeof room - z->avail_out;
        rc = n > 0 ? sink(arg, room, n, err) : PB_OK;
    } while (rc == PB_OK && z->avail_out == 0);
    return rc;
}

static int pack_run(z_stream *z, int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    unsigned char step[STEP];
    off_t at = 0;
    for (;;) {
        ssize_t n = pread(fd, step, sizeof step, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, errno, "read");
        at += n;
        z->next_in = step;
        z->avail_in = (unsigned)n;
        int rc = pack_step(z, n == 0 ? Z_FINISH : Z_NO_FLUSH, sink, arg, err);
        if (rc < 0 || n == 0)
            return rc;
    }
}

int zlib_pack_stream(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    z_stream z = {0};
    if (deflateInit(&z, Z_BEST_COMPRESSION) != Z_OK)
        return error_memory(err);
    int rc = pack_run(&z, fd, sink, arg, err);
    deflateEnd(&z);
    return rc;
}
