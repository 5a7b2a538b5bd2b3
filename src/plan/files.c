/* Reading the record of files. */
#include "plan/files.h"

#include "base/lines.h"

#include <stdio.h>

enum { FILES_MOST = 1000000 /* more than any list may have */ };

static bool take_number(struct slice *line, uint64_t max, uint64_t *out)
{
    return slice_to_u64(line_word(line), max, out);
}

/* "MD5 SUM FLAGS SIZE MODIFIED CHANGED INODE PATH". The path's bytes are those of the line. */
static bool record_parse(struct slice line, struct file_record *f, struct slice *path)
{
    uint64_t sum, modified, changed;
    struct slice md5 = line_word(&line);
    *f = (struct file_record){0};
    if (!hex_decode(md5, f->md5.bytes, sizeof f->md5.bytes) || !take_number(&line, UINT32_MAX, &sum))
        return false;
    struct slice flags = line_word(&line);
    f->ours = memchr(flags.p, 'o', flags.n) != NULL;
    f->link = memchr(flags.p, 'l', flags.n) != NULL;
    f->generated = memchr(flags.p, 'g', flags.n) != NULL;
    if (flags.n == 0 || !take_number(&line, INT64_MAX, &f->size) ||
        !take_number(&line, INT64_MAX, &modified) || !take_number(&line, INT64_MAX, &changed) ||
        !take_number(&line, UINT64_MAX, &f->inode) || line.n == 0 || memchr(line.p, '\0', line.n) != NULL)
        return false;
    f->sum = (uint32_t)sum;
    f->modified = (int64_t)modified;
    f->changed = (int64_t)changed;
    *path = line;
    return true;
}

static void text_take(struct slice line, const char *key, char *out, size_t room)
{
    struct slice value = line;
    if (slice_equal(line_word(&value), slice_of(key)) && value.n < room) {
        memcpy(out, value.p, value.n);
        out[value.n] = '\0';
    }
}

/* The head ends with a line "files". False: this is no record. */
static bool head_read(struct file_records *r, struct lines *lines)
{
    struct slice line;
    struct pb_error ignored;
    if (lines_next(lines, &line, &ignored) != 1 || !slice_equal(line, slice_of(FILES_MARK)))
        return false;
    while (lines_next(lines, &line, &ignored) == 1) {
        if (slice_equal(line, slice_of("files")))
            return true;
        text_take(line, "source", r->source, sizeof r->source);
        text_take(line, "etag", r->validators.etag, sizeof r->validators.etag);
        text_take(line, "modified", r->validators.modified, sizeof r->validators.modified);
    }
    return false;
}

void file_records_open(struct file_records *r, int fd, bool trusted)
{
    struct stat st;
    _cleanup_lines_ struct lines lines;
    *r = (struct file_records){.fd = fd, .trusted = trusted};
    arena_init(&r->arena, 0);
    lines_start(&lines, fd);
    if (fd >= 0 && (!head_read(r, &lines) || fstat(fd, &st) != 0))
        r->fd = -1;
    else if (fd >= 0)
        r->size = (uint64_t)st.st_size;
    r->head = lines_offset(&lines);
}

void file_records_close(struct file_records *r)
{
    arena_free(&r->arena);
    free(r->list);
    *r = (struct file_records){.fd = -1};
}

int file_records_each(const struct file_records *r, file_record_fn *fn, void *arg, struct pb_error *err)
{
    return file_records_share(r, 0, 1, fn, arg, err);
}

/* A share has the lines that begin in its bytes. */
static int share_start(const struct file_records *r, unsigned i, unsigned n, struct lines *lines,
                       uint64_t *end, struct pb_error *err)
{
    struct slice rest;
    uint64_t bytes = r->size > r->head ? r->size - r->head : 0, from = r->head + bytes * i / n;
    *end = r->head + bytes * (i + 1) / n;
    if (i == 0) {
        lines_start_at(lines, r->fd, from);
        return PB_OK;
    }
    lines_start_at(lines, r->fd, from - 1); /* from the end of the line before */
    int rc = lines_next(lines, &rest, err);
    return rc < 0 ? rc : PB_OK;
}

int file_records_share(const struct file_records *r, unsigned i, unsigned n, file_record_fn *fn, void *arg,
                       struct pb_error *err)
{
    uint64_t end;
    struct slice line, path;
    struct file_record f;
    char text[LINES_MAX];
    _cleanup_lines_ struct lines lines = {.fd = -1};
    if (r->fd < 0)
        return PB_OK;
    int rc = share_start(r, i, n, &lines, &end, err);
    for (size_t k = 0; rc == PB_OK && k < FILES_MOST && lines_offset(&lines) < end; k++) {
        rc = lines_next(&lines, &line, err);
        if (rc != 1)
            return rc;
        rc = PB_OK;
        if (!record_parse(line, &f, &path))
            continue;
        memcpy(text, path.p, path.n);
        text[path.n] = '\0';
        f.path = text;
        rc = fn(arg, &f, err);
    }
    return rc;
}

/* ---- loaded ---- */

static int record_compare(const void *a, const void *b)
{
    return strcmp(((const struct file_record *)a)->path, ((const struct file_record *)b)->path);
}

struct loading {
    struct file_records *records;
    size_t room;
    bool sorted;
};

static int record_add(void *arg, const struct file_record *f, struct pb_error *err)
{
    struct loading *l = arg;
    struct file_records *r = l->records;
    if (r->list == NULL || r->n == l->room) {
        size_t room = l->room == 0 ? 64 : l->room * 2;
        struct file_record *list = realloc(r->list, room * sizeof *list);
        if (list == NULL)
            return error_memory(err);
        r->list = list;
        l->room = room;
    }
    struct file_record *copy = &r->list[r->n];
    *copy = *f;
    copy->path = arena_text(&r->arena, f->path);
    if (copy->path == NULL)
        return error_memory(err);
    l->sorted &= r->n == 0 || record_compare(copy - 1, copy) < 0;
    r->n++;
    return PB_OK;
}

int file_records_load(struct file_records *r, struct pb_error *err)
{
    struct loading l = {.records = r, .sorted = true};
    if (r->fd < 0 || r->list != NULL)
        return PB_OK;
    int rc = file_records_each(r, record_add, &l, err);
    if (!l.sorted && r->n > 0)
        qsort(r->list, r->n, sizeof *r->list, record_compare);
    return rc == PB_NO_MEMORY ? rc : PB_OK;
}

const struct file_record *file_records_find(const struct file_records *r, const char *path)
{
    struct file_record key = {.path = path};
    return r->n > 0 ? bsearch(&key, r->list, r->n, sizeof key, record_compare) : NULL;
}

bool file_records_ours(const struct file_records *r, const char *path, const struct md5 *md5)
{
    const struct file_record *f = file_records_find(r, path);
    return f != NULL && f->ours && md5_equal(&f->md5, md5);
}

bool file_record_same(const struct file_record *f, const struct stat *st)
{
    return f->changed != 0 && S_ISREG(st->st_mode) && f->size == (uint64_t)st->st_size &&
           f->modified == nanoseconds(st->st_mtim) && f->changed == nanoseconds(st->st_ctim) &&
           f->inode == (uint64_t)st->st_ino;
}

const struct file_record *file_records_same(const struct file_records *r, const char *path,
                                            const struct stat *st)
{
    const struct file_record *f = r->trusted ? file_records_find(r, path) : NULL;
    return f != NULL && file_record_same(f, st) ? f : NULL;
}
