/* The record of files, from a plan and a look at the folder. */
#include "install/files.h"

#include "base/beneath.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/tree.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define RECORDS "records"

enum {
    WRITE_STEP = 64 * 1024,
    LINE_MOST = 2 * PATH_RELATIVE_MAX,
    /* A file that changed so lately may change again without showing it: its times are no finer than the
     * kernel's clock. git calls such an entry racy. */
    RACY_NS = 20 * 1000 * 1000,
};

struct writing {
    int fd;
    struct buffer text;
    struct tree tree;
    const struct fetch_plan *plan;
    bool looks;
    int64_t began; /* Unix nanoseconds */
};

static int text_write(struct writing *w, struct pb_error *err)
{
    int rc = w->text.failed ? error_memory(err) : file_write(w->fd, w->text.p, w->text.n, err);
    w->text.n = 0;
    return rc;
}

static bool is_file(const struct fetch_step *s)
{
    return s->action == FETCH_KEEP || s->action == FETCH_PLACE || s->action == FETCH_MOVE ||
           s->action == FETCH_LINK;
}

static bool is_ours(const struct writing *w, const struct fetch_step *s)
{
    const struct file_records *before = w->plan->before;
    return s->action != FETCH_KEEP || s->generated ||
           (before != NULL && file_records_ours(before, s->path, &s->md5));
}

/* How a file looked when that could be trusted; all 0: it is not known. */
struct looks {
    uint64_t size;
    int64_t modified, changed;
    uint64_t inode;
};

/* A file that stays, and looked as it was recorded when the plan was made: if it does not any more, the next
 * fetch sees it. */
static const struct file_record *record_before(const struct writing *w, const struct fetch_step *s)
{
    const struct file_record *f = s->action == FETCH_KEEP && w->plan->before != NULL
                                      ? file_records_find(w->plan->before, s->path)
                                      : NULL;
    bool same = f != NULL && f->changed != 0 && md5_equal(&f->md5, &s->md5) && s->seen.there &&
                f->size == s->seen.size && f->modified == s->seen.modified;
    return same ? f : NULL;
}

static int file_look(struct writing *w, const struct fetch_step *s, struct looks *out, struct pb_error *err)
{
    struct stat st;
    const struct file_record *before = record_before(w, s);
    *out = (struct looks){.size = s->action == FETCH_MOVE || s->size == 0 ? s->seen.size : s->size};
    if (before != NULL) {
        *out = (struct looks){before->size, before->modified, before->changed, before->inode};
        return PB_OK;
    }
    int there = w->looks ? tree_stat(&w->tree, s->path, &st, err) : 0;
    if (there == 1 && S_ISREG(st.st_mode) && nanoseconds(st.st_mtim) > 0 &&
        nanoseconds(st.st_ctim) < w->began - RACY_NS)
        *out = (struct looks){(uint64_t)st.st_size, nanoseconds(st.st_mtim), nanoseconds(st.st_ctim),
                              (uint64_t)st.st_ino};
    return there < 0 ? there : PB_OK;
}

/* Letters: ours or kept; a link; generated. */
static void flags_put(const struct writing *w, const struct fetch_step *s, bool link, struct buffer *out)
{
    buffer_append(out, is_ours(w, s) ? "o" : "k", 1);
    buffer_append(out, "l", link);
    buffer_append(out, "g", s->generated);
}

/* " N": printf takes half of the time that a record of many files costs. */
static void number_put(struct buffer *out, uint64_t n)
{
    char digits[24], *at = digits + sizeof digits;
    do
        *--at = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    *--at = ' ';
    buffer_append(out, at, (size_t)(digits + sizeof digits - at));
}

static int record_write(struct writing *w, const struct fetch_step *s, struct pb_error *err)
{
    struct looks looks;
    struct md5 md5 = s->md5;
    struct buffer *out = &w->text;
    char hex[MD5_HEX + 1];
    bool link = s->action == FETCH_LINK || (s->action == FETCH_KEEP && s->target != NULL);
    int rc = file_look(w, s, &looks, err);
    if (rc < 0 || strchr(s->path, '\n') != NULL)
        return rc;
    if (link && !md5_bytes(s->target, strlen(s->target), &md5))
        return error_set(err, PB_FAILED, "MD5 is not available in this OpenSSL");
    hex_encode(md5.bytes, sizeof md5.bytes, hex);
    buffer_append(out, hex, MD5_HEX);
    number_put(out, s->crc32);
    buffer_append(out, " ", 1);
    flags_put(w, s, link, out);
    number_put(out, looks.size);
    number_put(out, (uint64_t)looks.modified);
    number_put(out, (uint64_t)looks.changed);
    number_put(out, looks.inode);
    buffer_append(out, " ", 1);
    buffer_text(out, s->path);
    buffer_append(out, "\n", 1);
    return out->n >= WRITE_STEP || out->failed ? text_write(w, err) : PB_OK;
}

static int step_compare(const void *a, const void *b)
{
    return strcmp((*(const struct fetch_step *const *)a)->path, (*(const struct fetch_step *const *)b)->path);
}

/* The steps that are about files, in order of their paths. */
static int steps_sort(const struct fetch_plan *plan, const struct fetch_step ***out, size_t *n,
                      struct pb_error *err)
{
    *n = 0;
    *out = malloc((plan->step_count + 1) * sizeof **out);
    if (*out == NULL)
        return error_memory(err);
    bool sorted = true;
    for (size_t i = 0; i < plan->step_count; i++) {
        if (!is_file(&plan->steps[i]))
            continue;
        (*out)[*n] = &plan->steps[i];
        sorted = sorted && (*n == 0 || strcmp((*out)[*n - 1]->path, plan->steps[i].path) < 0);
        ++*n;
    }
    if (!sorted)
        qsort(*out, *n, sizeof **out, step_compare);
    return PB_OK;
}

static void head_write(struct writing *w)
{
    const struct fetch_plan *plan = w->plan;
    const struct fetch_validators *v = plan->validators;
    buffer_format(&w->text, FILES_MARK "\nsource %s\n", plan->source);
    if (v != NULL && v->etag[0] != '\0')
        buffer_format(&w->text, "etag %s\n", v->etag);
    if (v != NULL && v->modified[0] != '\0')
        buffer_format(&w->text, "modified %s\n", v->modified);
    buffer_text(&w->text, "files\n");
}

static int all_write(struct writing *w, struct pb_error *err)
{
    size_t n;
    _cleanup_free_ const struct fetch_step **steps = NULL;
    int rc = steps_sort(w->plan, &steps, &n, err);
    if (rc == PB_OK)
        head_write(w);
    for (size_t i = 0; rc == PB_OK && i < n; i++)
        rc = record_write(w, steps[i], err);
    return rc == PB_OK ? text_write(w, err) : rc;
}

int files_write(int at, const char *name, const struct workspace *w, const struct fetch_plan *plan,
                bool looks, struct pb_error *err)
{
    _cleanup_fd_ int fd = -1;
    if (beneath_create(at, name, &fd, err) < 0)
        return error_context(err, "record the files");
    struct writing x = {.fd = fd, .plan = plan, .looks = looks, .began = clock_unix_ns()};
    buffer_init(&x.text, WRITE_STEP + LINE_MOST);
    tree_start(&x.tree, w->folder);
    int rc = all_write(&x, err);
    if (rc == PB_OK && looks && fsync(fd) != 0)
        rc = error_errno(err, errno, "sync");
    tree_end(&x.tree);
    buffer_free(&x.text);
    if (rc < 0)
        unlinkat(at, name, 0);
    return rc < 0 ? error_context(err, "record the files") : PB_OK;
}

int files_folder(int home, bool make, int *fd, struct pb_error *err)
{
    return own_folder_open(home, RECORDS, make, fd, err);
}

int files_note(const struct workspace *w, const struct fetch_plan *plan, struct pb_error *err)
{
    char name[STAGE_NAME_SIZE + 8];
    _cleanup_fd_ int records = -1;
    snprintf(name, sizeof name, "%s.new", w->stage_name);
    int rc = files_folder(w->home, true, &records, err);
    if (rc == PB_OK)
        rc = files_write(records, name, w, plan, true, err);
    if (rc == PB_OK && renameat(records, name, records, w->stage_name) != 0)
        rc = error_errno(err, errno, "record the files");
    return rc;
}

int files_open(int home, const char *stage, int *fd, struct pb_error *err)
{
    uint64_t size;
    _cleanup_fd_ int records = -1;
    *fd = -1;
    int rc = files_folder(home, false, &records, err);
    if (rc == PB_OK)
        rc = file_open_regular(records, stage, false, fd, &size, err);
    return rc == PB_NOT_FOUND ? PB_OK : rc;
}

int files_place(int home, int staging, const char *staged, const char *stage, struct pb_error *err)
{
    _cleanup_fd_ int records = -1;
    int rc = files_folder(home, true, &records, err);
    if (rc < 0)
        return rc;
    if (renameat(staging, staged, records, stage) != 0 && errno != ENOENT)
        return error_errno(err, errno, "keep the record");
    return PB_OK;
}

int files_forget(int home, const char *stage, struct pb_error *err)
{
    _cleanup_fd_ int records = -1;
    int rc = files_folder(home, false, &records, err);
    if (rc < 0)
        return rc == PB_NOT_FOUND ? PB_OK : rc;
    return unlinkat(records, stage, 0) == 0 || errno == ENOENT ? PB_OK
                                                               : error_errno(err, errno, "forget the record");
}
