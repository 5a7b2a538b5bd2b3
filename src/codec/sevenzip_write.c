/* The 7z container around one LZMA2 stream: the least that every reader knows, a plain header included. The
 * archive begins with the place and the CRC of the header at its end, so the packed stream waits in an
 * unlinked file until both are known. */
#include "codec/sevenzip_write.h"

#include "base/digest.h"
#include "base/file.h"
#include "codec/lzma2_pack.h"
#include "codec/sevenzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum {
    HEADER_MAX = 4096, /* bytes; a name takes two for each of its characters */
    COPY_STEP = 256 * 1024,
    FILE_MODE = 0100644,
    ATTRIBUTE_ARCHIVE = 0x20,
    ATTRIBUTE_UNIX = 0x8000, /* the mode is in the upper half */
};

struct sevenzip_writer {
    struct lzma2_packer *packer;
    archive_sink_fn *sink;
    void *arg;
    const char *folder; /* that the spool is in, for errors; NULL: it was given */
    int spool;
    uint64_t size, packed;
    struct digest digest; /* CRC-32 of the member */
    char *member;
};

static int spool_fault(const struct sevenzip_writer *w, struct pb_error *err)
{
    if (w->folder == NULL)
        return error_context(err, "compress");
    return error_context(err, "compress (in %s; TMPDIR chooses another folder)", w->folder);
}

static int spool_open(struct sevenzip_writer *w, struct pb_error *err)
{
    const char *tmp = getenv("TMPDIR");
    char path[4096];
    w->folder = tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp";
    int n = snprintf(path, sizeof path, "%s/patchbay-XXXXXX", w->folder);
    errno = ENAMETOOLONG;
    w->spool = n < (int)sizeof path ? mkostemp(path, O_CLOEXEC) : -1;
    if (w->spool < 0) {
        error_errno(err, errno, "create");
        return spool_fault(w, err);
    }
    unlink(path);
    return PB_OK;
}

/* An archive_sink_fn: what the packer makes. */
static int spool_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct sevenzip_writer *w = arg;
    w->packed += n;
    return file_write(w->spool, p, n, err) < 0 ? spool_fault(w, err) : PB_OK;
}

int sevenzip_writer_open(int level, const char *member, uint64_t size, int spool, archive_sink_fn *sink,
                         void *arg, struct sevenzip_writer **out, struct pb_error *err)
{
    struct sevenzip_writer *w = size > 0 ? calloc(1, sizeof *w) : NULL;
    if (w == NULL) {
        fd_close(&spool);
        return size > 0 ? error_memory(err)
                        : error_set(err, PB_INVALID, "compress: there is nothing to pack");
    }
    w->sink = sink;
    w->arg = arg;
    w->size = size;
    w->spool = spool;
    w->member = strdup(member);
    int rc = w->member == NULL ? error_memory(err) : digest_start(&w->digest, DIGEST_CRC32, err);
    if (rc == PB_OK && w->spool < 0)
        rc = spool_open(w, err);
    if (rc == PB_OK)
        rc = lzma2_packer_open(level, size, spool_add, w, &w->packer, err);
    if (rc < 0) {
        sevenzip_writer_free(w);
        return rc;
    }
    *out = w;
    return PB_OK;
}

void sevenzip_writer_watch(struct sevenzip_writer *w, archive_progress_fn *progress, void *arg)
{
    lzma2_packer_watch(w->packer, progress, arg);
}

int sevenzip_writer_add(struct sevenzip_writer *w, const void *p, size_t n, struct pb_error *err)
{
    digest_add(&w->digest, p, n);
    return lzma2_packer_add(w->packer, p, n, err);
}

/* ---- the header ---- */

static void put_byte(struct buffer *b, unsigned v)
{
    uint8_t byte = (uint8_t)v;
    buffer_append(b, &byte, 1);
}

static void put_32(struct buffer *b, uint32_t v)
{
    uint8_t bytes[4];
    put_le32(bytes, v);
    buffer_append(b, bytes, sizeof bytes);
}

/* A number of the header: the first byte's leading ones tell how many bytes follow; its other bits are the
 * number's highest. */
static void put_number(struct buffer *b, uint64_t v)
{
    uint8_t bytes[9];
    unsigned more = 0;
    while (more < 8 && v >> (7 * more + 7) != 0)
        more++;
    unsigned ones = 0xff00u >> more & 0xff;
    bytes[0] = (uint8_t)(more < 7 ? ones | v >> (8 * more) : ones);
    for (unsigned i = 0; i < more; i++)
        bytes[1 + i] = (uint8_t)(v >> (8 * i));
    buffer_append(b, bytes, 1 + more);
}

/* UTF-8 to UTF-16, little-endian, with a zero at the end. What is no UTF-8 counts as Latin-1: the name is
 * still one name. */
static void put_name(struct buffer *b, const char *name)
{
    const uint8_t *p = (const uint8_t *)name;
    while (*p != 0) {
        unsigned more = *p >= 0xf0 && *p < 0xf8 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc0 ? 1 : 0, i = 0;
        uint32_t c = more > 0 ? *p & (0x3fu >> more) : *p;
        while (i < more && (p[i + 1] & 0xc0) == 0x80)
            c = c << 6 | (p[++i] & 0x3f);
        if (i < more || *p >= 0xf8) {
            c = *p;
            i = 0;
        }
        p += 1 + i;
        if (c >= 0x10000) {
            uint32_t high = 0xd800 + ((c - 0x10000) >> 10);
            put_byte(b, high & 0xff);
            put_byte(b, high >> 8);
            c = 0xdc00 + (c & 0x3ff);
        }
        put_byte(b, c & 0xff);
        put_byte(b, c >> 8);
    }
    put_byte(b, 0);
    put_byte(b, 0);
}

/* One packed stream, and one folder with one coder. */
static void put_streams(struct buffer *b, const struct sevenzip_writer *w, uint32_t crc)
{
    enum { ONE_BYTE_ID_WITH_PROPERTIES = 0x21 };
    put_byte(b, SEVENZIP_MAIN_STREAMS);
    put_byte(b, SEVENZIP_PACK_INFO);
    put_number(b, 0); /* where it begins, behind the signature header */
    put_number(b, 1);
    put_byte(b, SEVENZIP_SIZE);
    put_number(b, w->packed);
    put_byte(b, SEVENZIP_END);
    put_byte(b, SEVENZIP_UNPACK_INFO);
    put_byte(b, SEVENZIP_FOLDER);
    put_number(b, 1);
    put_byte(b, 0); /* the folder follows here */
    put_number(b, 1);
    put_byte(b, ONE_BYTE_ID_WITH_PROPERTIES);
    put_byte(b, SEVENZIP_LZMA2);
    put_number(b, 1);
    put_byte(b, lzma2_packer_property(w->packer));
    put_byte(b, SEVENZIP_UNPACK_SIZE);
    put_number(b, w->size);
    put_byte(b, SEVENZIP_END);
    put_byte(b, SEVENZIP_SUBSTREAMS);
    put_byte(b, SEVENZIP_CRC);
    put_byte(b, 1); /* of all streams */
    put_32(b, crc);
    put_byte(b, SEVENZIP_END);
    put_byte(b, SEVENZIP_END);
}

static void put_files(struct buffer *b, const struct buffer *name)
{
    put_byte(b, SEVENZIP_FILES);
    put_number(b, 1);
    put_byte(b, SEVENZIP_NAMES);
    put_number(b, 1 + name->n);
    put_byte(b, 0); /* the names follow here */
    buffer_append(b, name->p, name->n);
    put_byte(b, SEVENZIP_ATTRIBUTES);
    put_number(b, 6);
    put_byte(b, 1); /* of all files */
    put_byte(b, 0); /* they follow here */
    put_32(b, ATTRIBUTE_ARCHIVE | ATTRIBUTE_UNIX | (uint32_t)FILE_MODE << 16);
    put_byte(b, SEVENZIP_END);
}

static int header_make(const struct sevenzip_writer *w, uint32_t crc, struct buffer *b, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer name;
    buffer_init(&name, HEADER_MAX);
    put_name(&name, w->member);
    put_byte(b, SEVENZIP_HEADER);
    put_streams(b, w, crc);
    put_files(b, &name);
    put_byte(b, SEVENZIP_END);
    if (b->starved || name.starved)
        return error_memory(err);
    return b->failed || name.failed ? error_set(err, PB_INVALID, "compress: the name is too long") : PB_OK;
}

/* The signature header: where the header is, and CRCs of it and of this. */
static void start_make(const struct sevenzip_writer *w, const struct buffer *header,
                       uint8_t out[SEVENZIP_START])
{
    enum { VERSION_MINOR = 7, OWN_CRC = 8, OFFSET = 12, SIZE = 20, CRC = 28 };
    struct digest_result r;
    memset(out, 0, SEVENZIP_START);
    memcpy(out, sevenzip_mark, SEVENZIP_MARK);
    out[VERSION_MINOR] = 3; /* what libarchive writes; 4 is the newest */
    put_le32(out + OFFSET, (uint32_t)w->packed);
    put_le32(out + OFFSET + 4, (uint32_t)(w->packed >> 32));
    put_le32(out + SIZE, (uint32_t)header->n);
    /* A CRC-32 alone needs no memory and can't fail. */
    if (digest_bytes(DIGEST_CRC32, header->p, header->n, &r, NULL) == PB_OK)
        put_le32(out + CRC, r.crc32);
    if (digest_bytes(DIGEST_CRC32, out + OFFSET, SEVENZIP_START - OFFSET, &r, NULL) == PB_OK)
        put_le32(out + OWN_CRC, r.crc32);
}

static int spool_send(struct sevenzip_writer *w, struct pb_error *err)
{
    _cleanup_free_ uint8_t *step = malloc(COPY_STEP);
    if (step == NULL)
        return error_memory(err);
    for (uint64_t at = 0; at < w->packed;) {
        size_t n = w->packed - at < COPY_STEP ? (size_t)(w->packed - at) : COPY_STEP;
        if (file_read_at(w->spool, step, n, at, err) < 0)
            return spool_fault(w, err);
        int rc = w->sink(w->arg, step, n, err);
        if (rc < 0)
            return rc;
        at += n;
    }
    return PB_OK;
}

int sevenzip_writer_finish(struct sevenzip_writer *w, struct pb_error *err)
{
    uint8_t start[SEVENZIP_START];
    struct digest_result member;
    _cleanup_buffer_ struct buffer header;
    buffer_init(&header, HEADER_MAX);
    int rc = lzma2_packer_finish(w->packer, err);
    if (rc < 0)
        return rc;
    digest_finish(&w->digest, &member);
    if ((rc = header_make(w, member.crc32, &header, err)) < 0)
        return rc;
    start_make(w, &header, start);
    rc = w->sink(w->arg, start, sizeof start, err);
    if (rc == PB_OK)
        rc = spool_send(w, err);
    return rc == PB_OK ? w->sink(w->arg, header.p, header.n, err) : rc;
}

void sevenzip_writer_free(struct sevenzip_writer *w)
{
    if (w == NULL)
        return;
    lzma2_packer_free(w->packer); /* first: its threads end */
    digest_free(&w->digest);
    fd_close(&w->spool);
    free(w->member);
    free(w);
}
