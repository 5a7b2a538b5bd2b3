/* The choice between several threads and libarchive. The threads' work counts only when the header, read when
 * all is there, says that it was the right thing. */
#include "codec/archive_unpack.h"

#include "base/file.h"
#include "codec/lzma2_unpack.h"
#include "codec/sevenzip.h"
#include "codec/sevenzip_read.h"

#include <errno.h>
#include <unistd.h>

/* Enough to tell a 7z whose first stream is LZMA2: its first chunk resets the dictionary. LZMA begins with a
 * zero. */
static bool looks_right(const struct archive_input *in, struct pb_error *err)
{
    uint8_t head[SEVENZIP_START + 1];
    for (size_t n = 0; n < sizeof head;) {
        const void *p;
        size_t step = 0;
        if (in->source(in->arg, n, &p, &step, err) < 0)
            return false;
        step = step < sizeof head - n ? step : sizeof head - n;
        memcpy(head + n, p, step);
        n += step;
    }
    unsigned control = head[SEVENZIP_START];
    return memcmp(head, sevenzip_mark, SEVENZIP_MARK) == 0 && (control == 1 || control >= 0xe0);
}

int archive_unpack_feed(struct archive_unpacker *u, const struct archive_unpack *what, uint64_t available,
                        struct pb_error *err)
{
    struct archive_input in;
    if (u->stream != NULL) {
        lzma2_unpack_feed(u->stream, available);
        return PB_OK;
    }
    if (what->format != ARCHIVE_7Z || available <= SEVENZIP_START)
        return PB_OK;
    int rc = what->opener.open(what->opener.arg, &in, err);
    if (rc < 0)
        return rc;
    bool right = looks_right(&in, NULL);
    what->opener.close(what->opener.arg, &in);
    if (!right)
        return PB_OK;
    return lzma2_unpack_begin(&what->opener, SEVENZIP_START, available, what->limit, what->fd, &u->stream,
                              err);
}

/* Where libarchive's bytes go. */
struct plain_sink {
    int fd;
    struct digest digest;
    archive_progress_fn *progress;
    void *arg;
};

static int plain_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct plain_sink *s = arg;
    int rc = file_write(s->fd, p, n, err);
    if (rc < 0)
        return error_context(err, "unpack");
    digest_add(&s->digest, p, n);
    return s->progress != NULL ? s->progress(s->arg, s->digest.size, err) : PB_OK;
}

static int plain_unpack(const struct archive_unpack *what, const struct archive_input *in,
                        archive_progress_fn *progress, void *arg, struct digest_result *result,
                        struct pb_error *err)
{
    struct plain_sink sink = {.fd = what->fd, .progress = progress, .arg = arg};
    if (ftruncate(what->fd, 0) != 0 || lseek(what->fd, 0, SEEK_SET) != 0)
        return error_errno(err, errno, "unpack");
    int rc = digest_start(&sink.digest, DIGEST_MD5 | DIGEST_CRC32, err);
    if (rc == PB_OK)
        rc = archive_extract(what->format, in, what->member, what->limit, plain_add, &sink, err);
    if (rc == PB_OK)
        digest_finish(&sink.digest, result);
    digest_free(&sink.digest);
    return rc;
}

/* 1: the threads have unpacked the member. 0: it must be done in another way. */
static int stream_finish(struct archive_unpacker *u, const struct archive_unpack *what,
                         const struct archive_input *in, archive_progress_fn *progress, void *arg,
                         struct digest_result *result, struct pb_error *err)
{
    struct sevenzip header;
    struct lzma2_unpacked got;
    int rc = sevenzip_read(in, what->member, what->limit, &header, err);
    if (rc < 0)
        return rc;
    if (u->stream == NULL || !header.simple || !header.named || header.pack_start != SEVENZIP_START)
        return 0;
    rc = lzma2_unpack_finish(u->stream, progress, arg, &got, err);
    if (rc == PB_DAMAGED || rc == PB_NO_MEMORY)
        return 0; /* libarchive has the last word on what is damaged, and needs memory for one thread only */
    *result = got.digest;
    return rc < 0 ? rc
                  : got.end == header.pack_start + header.pack_size && got.digest.size == header.size &&
                        (!header.has_crc || header.crc32 == got.digest.crc32);
}

int archive_unpack_finish(struct archive_unpacker *u, const struct archive_unpack *what,
                          archive_progress_fn *progress, void *arg, struct digest_result *result,
                          struct pb_error *err)
{
    struct archive_input in;
    int rc = what->opener.open(what->opener.arg, &in, err);
    if (rc < 0)
        return rc;
    rc = archive_unpack_feed(u, what, in.size, err);
    if (rc == PB_OK && what->format == ARCHIVE_7Z)
        rc = stream_finish(u, what, &in, progress, arg, result, err);
    archive_unpacker_end(u);
    if (rc == 0)
        rc = plain_unpack(what, &in, progress, arg, result, err);
    what->opener.close(what->opener.arg, &in);
    return rc < 0 ? rc : PB_OK;
}

void archive_unpacker_end(struct archive_unpacker *u)
{
    lzma2_unpack_free(u->stream);
    u->stream = NULL;
}
