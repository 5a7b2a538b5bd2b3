/* Writing an archive of one member: 7z with our own writer, zip (deflate) with libarchive. */
#include "codec/archive.h"

#include "base/file.h"
#include "codec/sevenzip_write.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>

struct archive_writer {
    struct sevenzip_writer *sevenzip; /* this, or else libarchive's */
    struct archive *archive;
    archive_sink_fn *sink;
    archive_progress_fn *progress; /* may be NULL */
    void *arg, *progress_arg;
    uint64_t size, left; /* bytes of the member; of these, still to come */
    bool finished;
    int sink_status; /* of the sink, when it failed */
    struct pb_error sink_error;
};

static la_ssize_t on_write(struct archive *a, void *data, const void *p, size_t n)
{
    struct archive_writer *w = data;
    (void)a;
    /* After a failure the rest is swallowed; writer_status tells of it. */
    if (w->sink_status == PB_OK)
        w->sink_status = w->sink(w->arg, p, n, &w->sink_error);
    return (la_ssize_t)n;
}

static int writer_fault(struct archive_writer *w, struct pb_error *err)
{
    if (w->sink_status < 0) {
        *err = w->sink_error;
        return w->sink_status;
    }
    const char *why = archive_error_string(w->archive);
    return archive_errno(w->archive) == ENOMEM
               ? error_memory(err)
               : error_set(err, PB_FAILED, "compress: %s", why != NULL ? why : "failed");
}

static int zip_options(struct archive *a, int level)
{
    char text[64] = "compression=store";
    int rc = archive_write_set_format_zip(a);
    if (rc != ARCHIVE_OK)
        return rc;
    if (level > 0)
        snprintf(text, sizeof text, "compression=deflate,compression-level=%d", level);
    return archive_write_set_options(a, text);
}

static int zip_header(struct archive_writer *w, const char *member)
{
    struct archive_entry *e = archive_entry_new();
    if (e == NULL)
        return ARCHIVE_FATAL;
    archive_entry_set_pathname_utf8(e, member);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    archive_entry_set_size(e, (la_int64_t)w->size);
    int rc = archive_write_header(w->archive, e);
    archive_entry_free(e);
    return rc;
}

static int zip_open(struct archive_writer *w, int level, const char *member, struct pb_error *err)
{
    w->archive = archive_write_new();
    if (w->archive == NULL)
        return error_memory(err);
    if (zip_options(w->archive, level) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(w->archive, 0) != ARCHIVE_OK ||
        archive_write_open2(w->archive, w, NULL, on_write, NULL, NULL) != ARCHIVE_OK ||
        zip_header(w, member) != ARCHIVE_OK)
        return writer_fault(w, err);
    return PB_OK;
}

int archive_writer_open(enum archive_format format, int level, const char *member, uint64_t size, int spool,
                        archive_sink_fn *sink, void *arg, struct archive_writer **out, struct pb_error *err)
{
    struct archive_writer *w = calloc(1, sizeof *w);
    if (w == NULL || format != ARCHIVE_7Z)
        fd_close(&spool);
    if (w == NULL)
        return error_memory(err);
    w->sink = sink;
    w->arg = arg;
    w->size = w->left = size;
    int rc = format == ARCHIVE_7Z
                 ? sevenzip_writer_open(level, member, size, spool, sink, arg, &w->sevenzip, err)
                 : zip_open(w, level, member, err);
    if (rc < 0) {
        archive_writer_free(w);
        return rc;
    }
    *out = w;
    return PB_OK;
}

void archive_writer_watch(struct archive_writer *w, archive_progress_fn *progress, void *arg)
{
    w->progress = progress;
    w->progress_arg = arg;
    if (w->sevenzip != NULL)
        sevenzip_writer_watch(w->sevenzip, progress, arg);
}

static int zip_add(struct archive_writer *w, const char *at, size_t n, struct pb_error *err)
{
    while (n > 0) {
        la_ssize_t done = archive_write_data(w->archive, at, n);
        if (done <= 0)
            return writer_fault(w, err);
        at += done;
        n -= (size_t)done;
    }
    if (w->sink_status < 0)
        return writer_fault(w, err);
    return w->progress != NULL ? w->progress(w->progress_arg, w->size - w->left, err) : PB_OK;
}

int archive_writer_add(struct archive_writer *w, const void *p, size_t n, struct pb_error *err)
{
    if (n > w->left)
        return error_set(err, PB_INVALID, "compress: more bytes than announced");
    w->left -= n;
    return w->sevenzip != NULL ? sevenzip_writer_add(w->sevenzip, p, n, err) : zip_add(w, p, n, err);
}

int archive_writer_finish(struct archive_writer *w, struct pb_error *err)
{
    if (w->left > 0)
        return error_set(err, PB_INVALID, "compress: fewer bytes than announced");
    if (w->sevenzip != NULL)
        return sevenzip_writer_finish(w->sevenzip, err);
    if (archive_write_finish_entry(w->archive) != ARCHIVE_OK ||
        archive_write_close(w->archive) != ARCHIVE_OK || w->sink_status < 0)
        return writer_fault(w, err);
    w->finished = true;
    return PB_OK;
}

/* Closing would first fill the member up with zeros, 4 GiB of them perhaps. archive_write_fail does not;
 * libarchive then forgets about 32 bytes of its own, the smaller evil (docs/dependencies.md). */
void archive_writer_free(struct archive_writer *w)
{
    if (w == NULL)
        return;
    if (w->sink_status == PB_OK)
        w->sink_status = PB_CANCELLED; /* nothing more reaches the sink */
    if (w->archive != NULL && !w->finished)
        archive_write_fail(w->archive);
    archive_write_free(w->archive);
    sevenzip_writer_free(w->sevenzip);
    free(w);
}
