/* gzip through libdeflate and zlib. */
#include "codec/gzip.h"

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

/* What zlib says, in words. */
static int unpack_fault(int code, struct pb_error *err)
{
    if (code == Z_MEM_ERROR)
        return error_memory(err);
    return error_set(err, PB_DAMAGED, "%s",
                     code == Z_BUF_ERROR ? "the gzip file is cut off" : "the gzip file is damaged");
}

static int unpack_step(z_stream *z, gzip_sink_fn *sink, void *arg, int *code, struct pb_error *err)
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

static int unpack_run(z_stream *z, int fd, gzip_sink_fn *sink, void *arg, struct pb_error *err)
{
    unsigned char step[STEP];
    off_t at = 0;
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
            return error_set(err, PB_DAMAGED, "something follows the gzip member");
        at += n;
        z->next_in = step;
        z->avail_in = (unsigned)n;
        int rc = unpack_step(z, sink, arg, &code, err);
        if (rc < 0)
            return rc;
        if (code == Z_STREAM_END && z->avail_in > 0)
            return error_set(err, PB_DAMAGED, "something follows the gzip member");
    }
}

int gzip_unpack(int fd, gzip_sink_fn *sink, void *arg, struct pb_error *err)
{
    enum { GZIP_ONLY = 16 + MAX_WBITS };
    z_stream z = {0};
    if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
        return error_memory(err);
    int rc = unpack_run(&z, fd, sink, arg, err);
    inflateEnd(&z);
    return rc;
}
