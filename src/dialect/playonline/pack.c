/* Packing one file: small ones in memory and with the best compressor, large ones as a stream. */
#include "dialect/playonline/pack.h"

#include "base/file.h"
#include "codec/slc.h"

#include <errno.h>
#include <unistd.h>

enum { STEP = 256 * 1024, WHOLE_MAX = 32 * 1024 * 1024 /* of a file packed in memory, by each thread */ };

static int stopped(const struct po_stop *stop, struct pb_error *err)
{
    return stop != NULL && stop->ask(stop->arg) ? error_set(err, PB_CANCELLED, "cancelled") : PB_OK;
}

int po_sums_of(int fd, const struct po_stop *stop, struct po_sums *out, struct pb_error *err)
{
    enum { SUMS_STEP = 64 * 1024 };
    char step[SUMS_STEP];
    struct digest_result r;
    _cleanup_digest_ struct digest d = {0};
    uint32_t a = 0;
    ssize_t n = 0;
    int rc = digest_start(&d, DIGEST_MD5, err);
    for (off_t at = 0; rc == PB_OK && (n = pread(fd, step, sizeof step, at)) != 0; at += n > 0 ? n : 0) {
        if (n < 0 && errno != EINTR)
            rc = error_errno(err, errno, "read");
        if (n <= 0)
            continue;
        digest_add(&d, step, (size_t)n);
        a = po_sum_a(a, step, (size_t)n);
        rc = stopped(stop, err);
    }
    if (rc < 0)
        return rc;
    digest_finish(&d, &r);
    *out = (struct po_sums){r.size, (int32_t)a, r.md5};
    return PB_OK;
}

static int too_large(struct pb_error *err)
{
    return error_set(err, PB_INVALID, "the file has 4 GiB or more; the protocol's sizes have 32 bits");
}

static int changed(struct pb_error *err)
{
    return error_set(err, PB_INVALID, "the file was changed while it was read");
}

static int whole_pack(const struct depot *d, int fd, const struct po_sums *sums, struct object *out,
                      struct pb_error *err)
{
    struct digest_result r;
    size_t n = (size_t)sums->size, size = 0;
    _cleanup_free_ char *bytes = malloc(n + 1), *packed = NULL;
    if (bytes == NULL)
        return error_memory(err);
    int rc = file_read_at(fd, bytes + 1, n, 0, err);
    if (rc == PB_OK)
        rc = digest_bytes(DIGEST_MD5, bytes + 1, n, &r, err);
    if (rc < 0)
        return rc == PB_DAMAGED ? changed(err) : rc;
    if (!md5_equal(&r.md5, &sums->md5))
        return changed(err);
    rc = zlib_pack(bytes + 1, n, &packed, &size, err);
    if (rc < 0)
        return rc;
    bytes[0] = packed != NULL ? SLC_ZLIB : SLC_RAW;
    if (packed != NULL)
        memcpy(bytes + 1, packed, size);
    return object_store(d, bytes, 1 + (packed != NULL ? size : n), out, err);
}

/* Where a packed stream goes; it gives up once it is not smaller than the file. */
struct stream {
    struct object_writer *writer;
    uint64_t size, most;
    const struct po_stop *stop;
};

static int stream_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct stream *s = arg;
    s->size += n;
    int rc = stopped(s->stop, err);
    if (rc < 0)
        return rc;
    return s->size < s->most ? object_writer_add(s->writer, p, n, err)
                             : error_set(err, PB_UNSUPPORTED, "it would not become smaller");
}

static int raw_add(int fd, struct object_writer *w, const struct po_stop *stop, struct pb_error *err)
{
    ssize_t n = 0;
    int rc = PB_OK;
    _cleanup_free_ char *step = malloc(STEP);
    if (step == NULL)
        return error_memory(err);
    for (off_t at = 0; rc == PB_OK && (n = pread(fd, step, STEP, at)) != 0; at += n > 0 ? n : 0) {
        if (n < 0 && errno != EINTR)
            rc = error_errno(err, errno, "read");
        else if (n > 0)
            rc = object_writer_add(w, step, (size_t)n, err);
        if (rc == PB_OK)
            rc = stopped(stop, err);
    }
    return rc;
}

static int stream_try(const struct depot *d, int fd, const struct po_sums *sums, enum slc_mode mode,
                      const struct po_stop *stop, struct object *out, struct pb_error *err)
{
    char byte = (char)mode;
    _cleanup_object_writer_ struct object_writer w = {.fd = -1};
    struct stream s = {&w, 0, sums->size, stop};
    int rc = object_writer_open(d, &w, err);
    if (rc == PB_OK)
        rc = object_writer_add(&w, &byte, 1, err);
    if (rc == PB_OK)
        rc = mode == SLC_ZLIB ? zlib_pack_stream(fd, stream_add, &s, err) : raw_add(fd, &w, stop, err);
    return rc < 0 ? rc : object_writer_finish(&w, out, err);
}

static int stream_pack(const struct depot *d, int fd, const struct po_sums *sums, const struct po_stop *stop,
                       struct object *out, struct pb_error *err)
{
    struct po_sums again;
    int rc = stream_try(d, fd, sums, SLC_ZLIB, stop, out, err);
    if (rc == PB_UNSUPPORTED)
        rc = stream_try(d, fd, sums, SLC_RAW, stop, out, err);
    if (rc == PB_OK)
        rc = po_sums_of(fd, stop, &again, err);
    if (rc < 0)
        return rc;
    return again.size == sums->size && again.a == sums->a && md5_equal(&again.md5, &sums->md5) ? PB_OK
                                                                                               : changed(err);
}

int po_pack(const struct depot *d, int fd, const struct po_sums *sums, struct slice name,
            const struct po_stop *stop, struct po_packed *out, struct pb_error *err)
{
    *out = (struct po_packed){0};
    if (sums->size > PO_STORED_MAX)
        return too_large(err);
    int rc = sums->size <= WHOLE_MAX ? whole_pack(d, fd, sums, &out->object, err)
                                     : stream_pack(d, fd, sums, stop, &out->object, err);
    if (rc == PB_OK && out->object.size > PO_STORED_MAX)
        rc = too_large(err);
    return rc < 0 ? rc : po_hashes_make(d, &out->object, name, &out->hashes, err);
}
