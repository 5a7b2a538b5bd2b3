/*
 * The install step. Order: staged bytes are made durable; the journal is written (from here on the install
 * will be finished, whatever happens); staged files are renamed into place; the installed list is written;
 * the journal goes. Doing any of the later steps twice does no harm, so recovery is simply doing them again.
 */
#include "install/journal.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOURNAL   "journal.json"
#define INSTALLED "installed.json"
#define LOCK      "lock"

enum { DOCUMENT_MAX = 64 * 1024 * 1024 };

static void json_drop(json_t **o)
{
    json_decref(*o);
    *o = NULL;
}
#define _cleanup_json_ __attribute__((cleanup(json_drop)))

/* A document of ours; *out is NULL when the file is not there. */
static int document_read(int at, const char *name, json_t **out, struct pb_error *err)
{
    json_error_t fault;
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, DOCUMENT_MAX);
    *out = NULL;
    int rc = file_read_all(at, name, &text, err);
    if (rc == PB_NOT_FOUND)
        return PB_OK;
    if (rc < 0)
        return rc;
    *out = json_loadb(text.p, text.n, 0, &fault);
    if (*out == NULL || !json_is_object(*out)) {
        json_drop(out);
        return error_set(err, PB_DAMAGED, "%s line %d: %s", name, fault.line, fault.text);
    }
    return PB_OK;
}

static int document_write(int at, const char *name, json_t *o, struct pb_error *err)
{
    _cleanup_free_ char *text = json_dumps(o, JSON_INDENT(2) | JSON_SORT_KEYS);
    if (text == NULL)
        return error_memory(err);
    return file_replace(at, name, text, strlen(text), err);
}

/* ---- the installed list ---- */

static json_t *record_make(const struct fetch_plan *plan, const struct fetch_file *file)
{
    char md5[MD5_HEX + 1], crc[16];
    hex_encode(file->md5.bytes, sizeof file->md5.bytes, md5);
    snprintf(crc, sizeof crc, "%08x", file->crc32);
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:I}", "file", file->path, "size", (json_int_t)file->size,
                     "md5", md5, "crc32", crc, "source", plan->source, "installed", (json_int_t)clock_unix());
}

static int record_save(int home, const char *title, json_t *record, struct pb_error *err)
{
    _cleanup_json_ json_t *list = NULL;
    int rc = document_read(home, INSTALLED, &list, err);
    /* A list that can't be read is a record lost; it must not stand in the way of installing. */
    if (rc == PB_DAMAGED && renameat(home, INSTALLED, home, INSTALLED ".damaged") == 0)
        rc = PB_OK;
    if (rc < 0)
        return rc;
    if (list == NULL)
        list = json_object();
    if (list == NULL || json_object_set(list, title, record) != 0)
        return error_memory(err);
    return document_write(home, INSTALLED, list, err);
}

static const char *text_of(json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "";
}

int installed_each(int home, installed_fn *fn, void *arg, struct pb_error *err)
{
    _cleanup_json_ json_t *list = NULL;
    const char *title;
    json_t *record;
    int rc = document_read(home, INSTALLED, &list, err);
    if (rc < 0)
        return rc;
    json_object_foreach(list, title, record)
    {
        struct installed i = {.title = title,
                              .file = text_of(record, "file"),
                              .source = text_of(record, "source"),
                              .size = (uint64_t)json_integer_value(json_object_get(record, "size")),
                              .crc32 = (uint32_t)strtoul(text_of(record, "crc32"), NULL, 16),
                              .when = json_integer_value(json_object_get(record, "installed"))};
        snprintf(i.md5, sizeof i.md5, "%s", text_of(record, "md5"));
        if (fn(arg, &i) != 0)
            return error_set(err, PB_CANCELLED, "cancelled");
    }
    return PB_OK;
}

/* ---- the journal ---- */

/* Is this a file of `size` bytes? */
static bool file_is(int at, const char *name, uint64_t size)
{
    struct stat st;
    return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == size;
}

/* Puts one staged file in place. One that is no longer staged was put in place before a crash, and is there.
 */
static int place(struct workspace *w, const char *from, const char *to, uint64_t size, struct pb_error *err)
{
    if (!path_name_ok(slice_of(to), NULL) || strncmp(from, "staging/", 8) != 0 || strstr(from, "..") != NULL)
        return error_set(err, PB_DAMAGED, "the journal has a name that is not ours: %s", to);
    if (file_is(w->home, from, size))
        return renameat(w->home, from, w->folder, to) == 0 ? PB_OK
                                                           : error_errno(err, errno, "put %s in place", to);
    if (!file_is(w->folder, to, size))
        return error_set(err, PB_DAMAGED, "%s: neither in staging nor in place", to);
    return PB_OK;
}

/* Does what the journal says, and removes it. */
static int journal_apply(struct workspace *w, json_t *journal, struct pb_error *err)
{
    size_t i;
    json_t *op;
    json_array_foreach(json_object_get(journal, "place"), i, op)
    {
        uint64_t size = (uint64_t)json_integer_value(json_object_get(op, "size"));
        int rc = place(w, text_of(op, "from"), text_of(op, "to"), size, err);
        if (rc < 0)
            return rc;
    }
    json_t *record = json_object_get(journal, "record");
    int rc = json_is_object(record) ? record_save(w->home, text_of(journal, "title"), record, err) : PB_OK;
    if (rc < 0)
        return rc;
    if (fsync(w->folder) != 0 || fsync(w->home) != 0)
        return error_errno(err, errno, "sync");
    if (unlinkat(w->home, JOURNAL, 0) != 0 && errno != ENOENT)
        return error_errno(err, errno, "remove the journal");
    /* Gone for good before anybody stages files of the same names again. */
    return fsync(w->home) != 0 ? error_errno(err, errno, "sync") : PB_OK;
}

/* Finishes what another process left; with the lock held. */
static int journal_finish(struct workspace *w, struct pb_error *err)
{
    _cleanup_json_ json_t *journal = NULL;
    int rc = document_read(w->home, JOURNAL, &journal, err);
    if (rc == PB_OK && journal != NULL)
        rc = journal_apply(w, journal, err);
    return rc < 0 ? error_context(err, "finish the install that was broken off (if all else fails, delete "
                                       ".patchbay: no content is lost)")
                  : PB_OK;
}

int journal_recover(struct workspace *w, struct pb_error *err)
{
    _cleanup_fd_ int lock = -1;
    if (faccessat(w->home, JOURNAL, F_OK, 0) != 0 && errno == ENOENT)
        return PB_OK;
    int rc = lock_take(w->home, LOCK, LOCK_EXCLUSIVE, true, &lock, err);
    return rc < 0 ? rc : journal_finish(w, err);
}

int install_check(const struct workspace *w, const struct fetch_plan *plan, struct pb_error *err)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        struct stat st;
        const struct fetch_file *f = &plan->files[i];
        if (!path_name_ok(slice_of(f->path), NULL))
            return error_set(err, PB_INVALID, "%s is not a plain file name", f->path);
        if (fstatat(w->folder, f->path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
            return error_set(err, PB_INVALID, "%s: there is a folder of that name in the way", f->path);
    }
    return PB_OK;
}

/* Are the files to be placed in staging, as the plan says? */
static int staged_check(const struct workspace *w, const struct fetch_plan *plan, struct pb_error *err)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct fetch_file *f = &plan->files[i];
        if (f->action == FETCH_PLACE && (f->staged == NULL || !file_is(w->staging, f->staged, f->size)))
            return error_set(err, PB_FAILED, "%s: is not in staging", f->path);
    }
    return PB_OK;
}

static json_t *journal_make(const struct workspace *w, const struct fetch_plan *plan)
{
    json_t *places = json_array();
    const struct fetch_file *last = NULL;
    int bad = places == NULL;
    for (size_t i = 0; i < plan->file_count; i++) {
        const struct fetch_file *f = &plan->files[i];
        char from[sizeof w->stage_name + 128];
        last = f;
        if (f->action != FETCH_PLACE)
            continue;
        snprintf(from, sizeof from, "staging/%s/%s", w->stage_name, f->staged);
        bad |= json_array_append_new(
            places, json_pack("{s:s, s:s, s:I}", "from", from, "to", f->path, "size", (json_int_t)f->size));
    }
    json_t *record = last != NULL ? record_make(plan, last) : json_null();
    json_t *journal = json_pack("{s:s, s:o, s:o}", "title", plan->title, "place", places, "record", record);
    if (bad)
        json_drop(&journal);
    return journal;
}

/* Does the list say just this already, but for the time? */
static bool record_known(const struct workspace *w, const char *title, json_t *record)
{
    _cleanup_json_ json_t *list = NULL;
    if (document_read(w->home, INSTALLED, &list, NULL) < 0 || list == NULL)
        return false;
    json_t *known = json_object_get(list, title);
    if (json_object_set(record, "installed", json_object_get(known, "installed")) != 0)
        return false;
    return json_equal(known, record) == 1;
}

int install_commit(struct workspace *w, const struct fetch_plan *plan, struct pb_error *err)
{
    _cleanup_json_ json_t *journal = journal_make(w, plan);
    _cleanup_fd_ int lock = -1;
    if (journal == NULL)
        return error_memory(err);
    int rc = lock_take(w->home, LOCK, LOCK_EXCLUSIVE, true, &lock, err);
    if (rc == PB_OK) /* of a process that crashed while we were downloading */
        rc = journal_finish(w, err);
    if (rc == PB_OK && fetch_plan_nothing_to_place(plan) &&
        record_known(w, plan->title, json_object_get(journal, "record")))
        return PB_OK;
    if (rc == PB_OK)
        rc = install_check(w, plan, err);
    if (rc == PB_OK)
        rc = staged_check(w, plan, err);
    if (rc < 0)
        return rc;
    if (syncfs(w->folder) != 0)
        return error_errno(err, errno, "sync");
    rc = document_write(w->home, JOURNAL, journal, err);
    if (rc == PB_OK && fsync(w->home) != 0)
        rc = error_errno(err, errno, "sync");
    return rc < 0 ? rc : journal_apply(w, journal, err);
}
