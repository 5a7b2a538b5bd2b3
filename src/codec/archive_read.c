/* Reading one member of a hostile archive as a stream, with limits. */
#include "codec/archive.h"

#include "base/path.h"
#include "codec/sevenzip_read.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>

struct reader {
    const struct archive_input *input;
    uint64_t at;
    int status; /* of the source, when it failed */
    struct pb_error error;
};

static la_ssize_t on_read(struct archive *a, void *data, const void **p)
{
    struct reader *r = data;
    size_t n = 0;
    if (r->at >= r->input->size)
        return 0;
    r->status = r->input->source(r->input->arg, r->at, p, &n, &r->error);
    if (r->status < 0) {
        archive_set_error(a, EIO, "stopped");
        return -1;
    }
    r->at += n;
    return (la_ssize_t)n;
}

static la_int64_t on_seek(struct archive *a, void *data, la_int64_t offset, int whence)
{
    struct reader *r = data;
    (void)a;
    int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (int64_t)r->at : (int64_t)r->input->size;
    if (offset > INT64_MAX - base || base + offset < 0)
        return ARCHIVE_FATAL;
    int64_t to = base + offset;
    r->at = (uint64_t)to > r->input->size ? r->input->size : (uint64_t)to;
    return (la_int64_t)r->at;
}

static la_int64_t on_skip(struct archive *a, void *data, la_int64_t n)
{
    struct reader *r = data;
    (void)a;
    uint64_t room = r->input->size - r->at;
    uint64_t step = n < 0 ? 0 : (uint64_t)n > room ? room : (uint64_t)n;
    r->at += step;
    return (la_int64_t)step;
}

static int reader_fault(const struct reader *r, struct archive *a, struct pb_error *err)
{
    if (r->status < 0) {
        *err = r->error;
        return r->status;
    }
    const char *why = archive_error_string(a);
    if (archive_errno(a) == ENOMEM)
        return error_memory(err);
    return error_set(err, PB_DAMAGED, "the archive is damaged: %s", why != NULL ? why : "unreadable");
}

static bool member_is(struct archive_entry *e, const char *member)
{
    const char *name = archive_entry_pathname_utf8(e);
    if (name == NULL)
        name = archive_entry_pathname(e);
    return name != NULL && archive_entry_filetype(e) == AE_IFREG &&
           slice_equal_nocase(path_base(slice_of(name)), slice_of(member));
}

static int member_find(struct reader *r, struct archive *a, const char *member, struct archive_entry **e,
                       struct pb_error *err)
{
    uint64_t others = 0;
    for (int i = 0; i < ARCHIVE_MEMBERS_MAX; i++) {
        int rc = archive_read_next_header(a, e);
        if (rc == ARCHIVE_EOF)
            return error_set(err, PB_DAMAGED, "the archive has no member %s", member);
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
            return reader_fault(r, a, err);
        if (member_is(*e, member))
            return PB_OK;
        uint64_t size = archive_entry_size_is_set(*e) ? (uint64_t)archive_entry_size(*e) : ARCHIVE_OTHERS_MAX;
        if (size > ARCHIVE_OTHERS_MAX - others)
            break;
        others += size;
    }
    return error_set(err, PB_DAMAGED, "the archive holds too much before the member %s", member);
}

static int member_copy(struct reader *r, struct archive *a, uint64_t limit, archive_sink_fn *sink, void *arg,
                       struct pb_error *err)
{
    uint64_t total = 0;
    for (;;) {
        const void *p;
        size_t n;
        la_int64_t offset;
        int rc = archive_read_data_block(a, &p, &n, &offset);
        if (rc == ARCHIVE_EOF)
            return PB_OK;
        if (rc != ARCHIVE_OK)
            return reader_fault(r, a, err);
        if (n > limit - total)
            return error_set(err, PB_DAMAGED, "the archive unpacks to more than the %llu bytes announced",
                             (unsigned long long)limit);
        if (offset < 0 || (uint64_t)offset != total)
            return error_set(err, PB_DAMAGED, "the archive's member has holes");
        if (n == 0)
            continue;
        total += n;
        rc = sink(arg, p, n, err);
        if (rc < 0)
            return rc;
    }
}

int archive_extract(enum archive_format format, const struct archive_input *input, const char *member,
                    uint64_t limit, archive_sink_fn *sink, void *arg, struct pb_error *err)
{
    struct reader r = {.input = input};
    struct archive_entry *e = NULL;
    struct sevenzip header = {0};
    int rc = format == ARCHIVE_7Z ? sevenzip_read(input, member, limit, &header, err) : PB_OK;
    if (rc < 0)
        return rc;
    struct archive *a = archive_read_new();
    if (a == NULL)
        return error_memory(err);
    rc = format == ARCHIVE_7Z ? archive_read_support_format_7zip(a)
                              : archive_read_support_format_zip_seekable(a);
    if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN) {
        archive_read_set_callback_data(a, &r);
        archive_read_set_read_callback(a, on_read);
        archive_read_set_seek_callback(a, on_seek);
        archive_read_set_skip_callback(a, on_skip);
        rc = archive_read_open1(a);
    }
    rc = rc == ARCHIVE_OK ? member_find(&r, a, member, &e, err) : reader_fault(&r, a, err);
    if (rc == PB_OK && archive_entry_size_is_set(e) && (uint64_t)archive_entry_size(e) > limit)
        rc = error_set(err, PB_DAMAGED, "the archive's member has %lld bytes, more than the %llu announced",
                       (long long)archive_entry_size(e), (unsigned long long)limit);
    if (rc == PB_OK)
        rc = member_copy(&r, a, limit, sink, arg, err);
    archive_read_free(a);
    return rc;
}
