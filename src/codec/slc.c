/* Packing and unpacking by mode. */
#include "codec/slc.h"

#include "base/file.h"
#include "codec/slc_bits.h"

#include <errno.h>
#include <sys/mman.h>
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
    case SLC_LIST:
        return slc_bits_unpack(fd, 1, sink, arg, err);
    default:
        return error_set(err, PB_DAMAGED, "the mode %u is unknown", mode);
    }
}

int slc_unpack_known(int fd, uint64_t packed, uint64_t size, deflate_sink_fn *sink, void *arg,
                     struct pb_error *err)
{
    unsigned char mode;
    int rc = file_read_at(fd, &mode, 1, 0, err);
    if (rc < 0)
        return rc;
    return mode == SLC_ZLIB && packed > 0 ? zlib_unpack_known(fd, 1, packed - 1, size, sink, arg, err)
                                          : slc_unpack(fd, sink, arg, err);
}

static int bytes_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct buffer *out = arg;
    if (buffer_append(out, p, n))
        return PB_OK;
    return out->starved ? error_memory(err)
                        : error_set(err, PB_DAMAGED, "it unpacks to more than %zu bytes", out->ceiling);
}

int slc_unpack_file(int fd, struct buffer *out, struct pb_error *err)
{
    return slc_unpack(fd, bytes_add, out, err);
}

int slc_unpack_bytes(struct slice bytes, struct buffer *out, struct pb_error *err)
{
    _cleanup_fd_ int fd = memfd_create("slc", MFD_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "a memory file");
    int rc = file_write(fd, bytes.p, bytes.n, err);
    return rc < 0 ? rc : slc_unpack_file(fd, out, err);
}

int slc_list_pack(struct slice text, struct buffer *out, struct pb_error *err)
{
    const char mode = SLC_LIST;
    buffer_append(out, &mode, 1);
    return slc_bits_pack(text.p, text.n, out, err);
}
