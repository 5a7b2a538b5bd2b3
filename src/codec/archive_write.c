/* Writing a 7z (LZMA2) or zip (deflate) archive of one member with libarchive. */
#include "codec/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>

struct archive_writer {
    struct archive *archive;
    archive_sink_fn *sink;
    void *arg;
    uint64_t left; /* bytes of the member still to come */
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
    const char *why = archive_error_string(w->archive), *tmp = getenv("TMPDIR");
    tmp = tmp != NULL ? tmp : "/tmp";
    int number = archive_errno(w->archive);
    if (number > 0) /* our own sink has told of its errors: this is the temporary file */
        return error_errno(err, number, "compress (in %s; TMPDIR chooses another folder): %s", tmp,
                           why != NULL ? why : "failed");
    return error_set(err, PB_FAILED, "compress: %s", why != NULL ? why : "failed");
}

static int writer_options(struct archive *a, enum archive_format format, int level)
{
    char text[64];
    int rc = format == ARCHIVE_7Z ? archive_write_set_format_7zip(a) : archive_write_set_format_zip(a);
    if (rc != ARCHIVE_OK)
        return rc;
    snprintf(text, sizeof text, "compression=%s,compression-level=%d",
             format == ARCHIVE_7Z ? "lzma2" : "deflate", level);
    if (format == ARCHIVE_ZIP && level == 0)
        snprintf(text, sizeof text, "compression=store");
    return archive_write_set_options(a, text);
}

static int writer_header(struct archive_writer *w, const char *member, uint64_t size)
{
    struct archive_entry *e = archive_entry_new();
    if (e == NULL)
        return ARCHIVE_FATAL;
    archive_entry_set_pathname_utf8(e, member);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    archive_entry_set_size(e, (la_int64_t)size);
    int rc = archive_write_header(w->archive, e);
    archive_entry_free(e);
    return rc;
}

int archive_writer_open(enum archive_format format, int level, const char *member, uint64_t size,
                        archive_sink_fn *sink, void *arg, struct archive_writer **out, struct pb_error *err)
{
    struct archive_writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return error_memory(err);
    w->archive = archive_write_new();
    w->sink = sink;
    w->arg = arg;
    w->left = size;
    if (w->archive == NULL || writer_options(w->archive, format, level) != ARCHIVE_OK ||
        archive_write_set_bytes_per_block(w->archive, 0) != ARCHIVE_OK ||
        archive_write_open2(w->archive, w, NULL, on_write, NULL, NULL) != ARCHIVE_OK ||
        writer_header(w, member, size) != ARCHIVE_OK) {
        int rc = w->archive == NULL ? error_memory(err) : writer_fault(w, err);
        archive_writer_free(w);
        return rc;
    }
    *out = w;
    return PB_OK;
}

int archive_writer_add(struct archive_writer *w, const void *p, size_t n, struct pb_error *err)
{
    if (n > w->left)
        return error_set(err, PB_INVALID, "compress: more bytes than announced");
    for (const char *at = p; n > 0;) {
        la_ssize_t done = archive_write_data(w->archive, at, n);
        if (done <= 0)
            return writer_fault(w, err);
        at += done;
        n -= (size_t)done;
        w->left -= (uint64_t)done;
    }
    return w->sink_status < 0 ? writer_fault(w, err) : PB_OK;
}

int archive_writer_finish(struct archive_writer *w, struct pb_error *err)
{
    if (w->left > 0)
        return error_set(err, PB_INVALID, "compress: fewer bytes than announced");
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
    free(w);
}
