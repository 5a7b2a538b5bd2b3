/* Unpacking by mode. */
#include "codec/slc.h"

#include "base/file.h"

#include <errno.h>
#include <unistd.h>

enum { STEP = 64 * 1024 };

static int raw_unpack(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    char step[STEP];
    int rc = PB_OK;
    for (off_t at = 1; rc == PB_OK;) {
        ssize_t n = pread(fd, step, sizeof step, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? PB_OK : error_errno(err, errno, "read");
        at += n;
        rc = sink(arg, step, (size_t)n, err);
    }
    return rc;
}

/* A stream of bits, the lowest first. */
struct bits {
    int fd;
    off_t at;
    unsigned char step[STEP];
    size_t n, used; /* bytes of step */
    unsigned bit;
};

/* 0, 1, or -1 at the end. */
static int bit_next(struct bits *b)
{
    if (b->used == b->n) {
        ssize_t n = pread(b->fd, b->step, sizeof b->step, b->at);
        if (n <= 0)
            return -1;
        b->at += n;
        b->n = (size_t)n;
        b->used = 0;
    }
    int value = b->step[b->used] >> b->bit & 1;
    b->bit = (b->bit + 1) % 8;
    b->used += b->bit == 0;
    return value;
}

/* One literal: eight bits. -1 at the end. */
static int literal_next(struct bits *b)
{
    int value = 0;
    for (int i = 0; i < 8; i++) {
        int bit = bit_next(b);
        if (bit < 0)
            return -1;
        value |= bit << i;
    }
    return value;
}

static int bits_unpack(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    unsigned char size[4];
    char out[4096];
    size_t n = 0;
    _cleanup_free_ struct bits *b = calloc(1, sizeof *b);
    if (b == NULL)
        return error_memory(err);
    *b = (struct bits){.fd = fd, .at = 1 + sizeof size};
    int rc = file_read_at(fd, size, sizeof size, 1, err);
    for (uint32_t left = rc == PB_OK ? get_le32(size) : 0; rc == PB_OK && left > 0; left--) {
        int flag = bit_next(b);
        int value = flag == 0 ? literal_next(b) : -1;
        if (flag == 1)
            return error_set(
                err, PB_UNSUPPORTED,
                "it is compressed in a way (mode 0, with back references) that nobody has described");
        if (value < 0)
            return error_set(err, PB_DAMAGED, "the compressed data is cut off");
        out[n++] = (char)value;
        if (n == sizeof out || left == 1) {
            rc = sink(arg, out, n, err);
            n = 0;
        }
    }
    return rc;
}

int slc_unpack(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err)
{
    unsigned char mode;
    int rc = file_read_at(fd, &mode, 1, 0, err);
    if (rc < 0)
        return rc;
    switch (mode) {
    case SLC_RAW:
        return raw_unpack(fd, sink, arg, err);
    case SLC_ZLIB:
        return zlib_unpack(fd, 1, sink, arg, err);
    case SLC_BITS:
    case SLC_BITS_TOO:
        return bits_unpack(fd, sink, arg, err);
    default:
        return error_set(err, PB_DAMAGED, "%u is no way of compressing that there is", mode);
    }
}
