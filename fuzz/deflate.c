/* gzip and zlib streams: bounded by the reader, alike however they are read, and what is packed comes back.
 */
#include "codec/deflate.h"

#include "fuzz.h"

enum { CEILING = 1 << 20, GZIP = 0x1f, ZLIB = 0x78 /* how streams begin */ };

/* A deflate_sink_fn. */
static int sink(void *arg, const void *p, size_t n, struct pb_error *err)
{
    return buffer_append(arg, p, n) ? PB_OK : error_set(err, PB_INVALID, "too large");
}

static void zlib(int fd, size_t size)
{
    struct buffer plain, known;
    struct pb_error err;
    buffer_init(&plain, CEILING);
    buffer_init(&known, CEILING);
    int rc = zlib_unpack(fd, 0, sink, &plain, &err);
    int same = zlib_unpack_known(fd, 0, size, plain.n, sink, &known, &err);
    CLAIM(rc < 0 || (same == PB_OK && fuzz_same(&plain, &known)));
    buffer_free(&plain);
    buffer_free(&known);
}

/* Packing takes a millisecond: so it is tried with what is no stream itself. */
static void packed(const uint8_t *data, size_t size)
{
    struct buffer again;
    struct pb_error err;
    char *out;
    size_t n;
    CLAIM(gzip_pack(data, size, &out, &n, &err) == PB_OK);
    if (out == NULL)
        return;
    int fd = fuzz_file(out, n);
    buffer_init(&again, CEILING);
    CLAIM(gzip_unpack(fd, sink, &again, &err) == PB_OK && again.n == size &&
          memcmp(again.p, data, size) == 0);
    buffer_free(&again);
    close(fd);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer out;
    struct pb_error err;
    int fd = fuzz_file(data, size);
    buffer_init(&out, CEILING);
    if (gzip_unpack(fd, sink, &out, &err) == PB_OK)
        CLAIM(!out.failed);
    zlib(fd, size);
    if (size > 0 && data[0] != GZIP && data[0] != ZLIB)
        packed(data, size);
    buffer_free(&out);
    close(fd);
    return 0;
}
