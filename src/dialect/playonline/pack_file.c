/* Packing one file: a zlib stream of blocks, or the bytes as they are where that is not smaller. */
#include "dialect/playonline/pack_file.h"

#include "base/file.h"
#include "codec/slc.h"

#include <errno.h>
#include <unistd.h>

int po_sums_of(int fd, struct po_sums *out, struct pb_error *err)
{
    enum { STEP = 64 * 1024 };
    char step[STEP];
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

void pack_block_free(struct pack_block *b)
{
    free(b->bytes);
    free(b->packed);
    *b = (struct pack_block){0};
}

int pack_file_open(const struct depot *d, int fd, uint64_t size, struct po_packing *to, struct pack_file *f,
                   struct pb_error *err)
{
    *f = (struct pack_file){.depot = d, .to = to, .fd = fd, .size = size, .writer = {.fd = -1}, .sum = 1};
    f->blocks = size == 0 ? 1 : (size_t)((size + PACK_BLOCK - 1) / PACK_BLOCK);
    po_hasher_start(&f->hasher, slice_of(to->name));
    int rc = size > PO_STORED_MAX ? too_large(err) : digest_start(&f->md5, DIGEST_MD5, err);
    if (rc < 0)
        pack_file_close(f);
    return rc;
}

void pack_file_close(struct pack_file *f)
{
    fd_close(&f->fd);
    object_writer_drop(&f->writer);
    po_hasher_free(&f->hasher);
    digest_free(&f->md5);
}

int pack_file_block(const struct pack_file *f, size_t i, struct pack_block *out, struct pb_error *err)
{
    uint64_t at = (uint64_t)i * PACK_BLOCK;
    size_t n = f->size - at < PACK_BLOCK ? (size_t)(f->size - at) : PACK_BLOCK;
    *out = (struct pack_block){.bytes = malloc(n + 1), .n = n};
    if (out->bytes == NULL)
        return error_memory(err);
    int rc = file_read_at(f->fd, out->bytes, n, at, err);
    if (rc == PB_DAMAGED)
        rc = changed(err);
    if (rc == PB_OK && n > 0)
        rc = zlib_block_pack(out->bytes, n, i + 1 == f->blocks, &out->packed, &out->packed_n, err);
    out->a = po_sum_a(0, out->bytes, rc == PB_OK ? n : 0);
    if (rc < 0)
        pack_block_free(out);
    return rc;
}

/* ---- storing ---- */

static int bytes_add(struct pack_file *f, const void *p, size_t n, struct pb_error *err)
{
    int rc = object_writer_add(&f->writer, p, n, err);
    f->packed += n;
    return rc < 0 ? rc : po_hasher_add(&f->hasher, p, n, err);
}

static int head_add(struct pack_file *f, struct pb_error *err)
{
    char head[1 + ZLIB_HEAD] = {SLC_ZLIB};
    zlib_head(head + 1);
    int rc = object_writer_open(f->depot, &f->writer, err);
    return rc < 0 ? rc : bytes_add(f, head, sizeof head, err);
}

/* Stores the bytes as they are, and sees that they still are what they were. */
static int raw_store(struct pack_file *f, struct pb_error *err)
{
    const char mode = SLC_RAW;
    struct digest_result r;
    _cleanup_free_ char *step = malloc(PACK_BLOCK);
    _cleanup_digest_ struct digest md5 = {0};
    object_writer_drop(&f->writer);
    po_hasher_free(&f->hasher);
    po_hasher_start(&f->hasher, slice_of(f->to->name));
    int rc = step == NULL ? error_memory(err) : digest_start(&md5, DIGEST_MD5, err);
    if (rc == PB_OK)
        rc = object_writer_open(f->depot, &f->writer, err);
    if (rc == PB_OK)
        rc = bytes_add(f, &mode, 1, err);
    for (uint64_t at = 0; rc == PB_OK && at < f->size; at += PACK_BLOCK) {
        size_t n = f->size - at < PACK_BLOCK ? (size_t)(f->size - at) : PACK_BLOCK;
        rc = file_read_at(f->fd, step, n, at, err);
        if (rc == PB_DAMAGED)
            return changed(err);
        digest_add(&md5, step, rc == PB_OK ? n : 0);
        if (rc == PB_OK)
            rc = bytes_add(f, step, n, err);
    }
    if (rc < 0)
        return rc;
    digest_finish(&md5, &r);
    return md5_equal(&r.md5, &f->to->sums.md5) ? PB_OK : changed(err);
}

static int stream_end(struct pack_file *f, struct pb_error *err)
{
    char tail[ZLIB_TAIL];
    zlib_tail(f->sum, tail);
    int rc = bytes_add(f, tail, sizeof tail, err);
    if (rc == PB_OK && f->packed - 1 >= f->size)
        rc = raw_store(f, err);
    return rc < 0 ? rc : object_writer_finish(&f->writer, &f->to->object, err);
}

/* A small file: what the depot has already is not written again. */
static int whole_store(struct pack_file *f, const struct pack_block *b, struct pb_error *err)
{
    size_t packed = ZLIB_HEAD + b->packed_n + ZLIB_TAIL;
    bool smaller = b->packed != NULL && packed < b->n;
    size_t n = 1 + (smaller ? packed : b->n);
    _cleanup_free_ char *bytes = malloc(n);
    if (bytes == NULL)
        return error_memory(err);
    bytes[0] = smaller ? SLC_ZLIB : SLC_RAW;
    if (smaller) {
        zlib_head(bytes + 1);
        memcpy(bytes + 1 + ZLIB_HEAD, b->packed, b->packed_n);
        zlib_tail(f->sum, bytes + n - ZLIB_TAIL);
    } else {
        memcpy(bytes + 1, b->bytes, b->n);
    }
    int rc = object_store(f->depot, bytes, n, &f->to->object, err);
    return rc < 0 ? rc : po_hasher_add(&f->hasher, bytes, n, err);
}

static int file_complete(struct pack_file *f, const struct pack_block *last, struct pb_error *err)
{
    struct digest_result r;
    digest_finish(&f->md5, &r);
    f->to->sums = (struct po_sums){f->size, (int32_t)f->a, r.md5};
    int rc = f->blocks == 1 ? whole_store(f, last, err) : stream_end(f, err);
    if (rc == PB_OK && f->to->object.size > PO_STORED_MAX)
        rc = too_large(err);
    return rc < 0 ? rc : po_hasher_finish(&f->hasher, &f->to->hashes, err);
}

int pack_file_store(struct pack_file *f, size_t i, const struct pack_block *b, struct pb_error *err)
{
    int rc = PB_OK;
    digest_add(&f->md5, b->bytes, b->n);
    f->sum = zlib_sum(f->sum, b->bytes, b->n);
    f->a += b->a;
    if (f->blocks > 1 && i == 0)
        rc = head_add(f, err);
    if (rc == PB_OK && f->blocks > 1)
        rc = bytes_add(f, b->packed, b->packed_n, err);
    return rc == PB_OK && i + 1 == f->blocks ? file_complete(f, b, err) : rc;
}
