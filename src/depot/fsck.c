/* Checking a depot: every object against its name, its MD5 and its size, and the catalog against itself. */
#include "base/file.h"
#include "depot/catalog.h"
#include "depot/lock.h"
#include "depot/object.h"
#include "depot/release.h"
#include "depot/sweep.h"

#include <sqlite3.h>
#include <stdio.h>

struct fsck {
    struct depot *depot;
    pb_problem_fn *fn;
    pb_progress_fn *progress;
    void *arg;
    struct pb_fsck_report *report;
    struct sqlite3_stmt *hurt; /* the titles that use an object */
    uint64_t total;
};

static int problem(struct fsck *f, const char *what, const char *titles, struct pb_error *err)
{
    f->report->problems++;
    if (f->fn != NULL && f->fn(f->arg, what, titles) != 0)
        return error_set(err, PB_CANCELLED, "cancelled");
    return PB_OK;
}

static int object_problem(struct fsck *f, int64_t id, const char *what, struct pb_error *err)
{
    enum { TITLES_MAX = 16 * 1024 };
    _cleanup_buffer_ struct buffer titles;
    buffer_init(&titles, TITLES_MAX);
    buffer_text(&titles, "");
    sqlite3_bind_int64(f->hurt, 1, id);
    int rc;
    while ((rc = sql_step(f->hurt, err)) == 1)
        buffer_format(&titles, "%s%s", titles.n > 0 ? ", " : "",
                      (const char *)sqlite3_column_text(f->hurt, 0));
    sqlite3_reset(f->hurt);
    if (rc < 0)
        return rc;
    return problem(f, what, titles.p != NULL ? titles.p : "", err);
}

/* Compares one object with what the catalog says; what is wrong goes into `fault`, which stays empty
 * otherwise. */
static int object_check(struct fsck *f, const struct object *o, struct pb_error *fault, struct pb_error *err)
{
    char path[OBJECT_PATH];
    struct digest_result r;
    _cleanup_fd_ int fd = -1;
    object_path(&o->name, path);
    if (object_open(f->depot->objects, &o->name, o->size, &fd, fault) < 0)
        return PB_OK;
    if (digest_file(DIGEST_MD5 | DIGEST_SHA256, fd, &r, fault) < 0) {
        error_context(fault, "object %s", path);
        return PB_OK;
    }
    f->report->bytes += r.size;
    if (memcmp(&r.sha256, &o->name, sizeof r.sha256) != 0)
        error_set(fault, PB_DAMAGED, "object %s: its bytes are not those of its name (SHA-256)", path);
    else if (!md5_equal(&r.md5, &o->md5))
        error_set(fault, PB_DAMAGED, "object %s: the catalog has another MD5 for it", path);
    struct pb_progress p = {"verifying", f->report->bytes, f->total, NULL};
    if (f->progress != NULL && f->progress(f->arg, &p) != 0)
        return error_set(err, PB_CANCELLED, "cancelled");
    return PB_OK;
}

static int objects_check(struct fsck *f, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(f->depot->db, "SELECT id, sha256, md5, size FROM object ORDER BY id", &st, err);
    while (rc >= 0 && (rc = sql_step(st, err)) == 1) {
        struct object o;
        struct pb_error fault = {0};
        f->report->objects++;
        rc = sql_object(st, 1, &o, &fault) == PB_OK ? object_check(f, &o, &fault, err) : PB_OK;
        if (rc == PB_OK && fault.status != 0)
            rc = object_problem(f, sqlite3_column_int64(st, 0), fault.text, err);
    }
    return rc;
}

/* `text` gives one row of text for each fault; "ok" is none. */
static int rows_check(struct fsck *f, const char *text, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(f->depot->db, text, &st, err);
    while (rc >= 0 && (rc = sql_step(st, err)) == 1) {
        const char *row = (const char *)sqlite3_column_text(st, 0);
        char what[512];
        if (row == NULL || strcmp(row, "ok") == 0)
            continue;
        snprintf(what, sizeof what, "catalog: %s", row);
        rc = problem(f, what, "", err);
    }
    return rc;
}

/* What must be true of the catalog: each gives one row of text for each fault. Names of entries are the
 * dialects' own; here they are only names at all. The schema itself allows a title one live release. */
static const char *const catalog_faults[] = {
    "PRAGMA integrity_check",
    "SELECT 'a row of ' || \"table\" || ' refers to a missing row of ' || parent"
    " FROM pragma_foreign_key_check",
    "SELECT 'the live release of ' || t.dialect || '/' || t.name || ' is another title''s'"
    " FROM title t JOIN release r ON r.id = t.live WHERE r.title <> t.id",
    "SELECT 'title ' || id || ' has no valid name' FROM title WHERE typeof(dialect) <> 'text'"
    " OR typeof(name) <> 'text' OR dialect = '' OR name = '' OR instr(dialect, '/') > 0"
    " OR instr(dialect || name, char(0)) > 0",
    "SELECT 'an entry of release ' || release || ' has no valid name, kind or place (' || position || ')'"
    " FROM entry WHERE typeof(name) <> 'text' OR name = '' OR length(CAST(name AS BLOB)) > 65535"
    " OR instr(name, char(0)) > 0 OR typeof(kind) <> 'integer' OR kind NOT BETWEEN 0 AND 255"
    " OR typeof(position) <> 'integer' OR position < 0",
    "SELECT 'release ' || id || ' has no valid version' FROM release WHERE typeof(version) <> 'text'"
    " OR version = ''",
};

/* Files that the catalog does not name, and objects that no release does. */
static int garbage_count(struct fsck *f, struct pb_error *err)
{
    struct pb_gc_report garbage = {0};
    int64_t unused = 0;
    int rc = sql_int(f->depot->db,
                     "SELECT count(*) FROM object WHERE NOT EXISTS"
                     " (SELECT 1 FROM entry WHERE object = object.id)",
                     &unused, err);
    if (rc == PB_OK)
        rc = depot_sweep(f->depot, false, &garbage, err);
    f->report->garbage = garbage.objects + (uint64_t)unused;
    return rc;
}

static int fsck_run(struct fsck *f, struct pb_error *err)
{
    int64_t total = 0;
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < sizeof catalog_faults / sizeof catalog_faults[0]; i++)
        rc = rows_check(f, catalog_faults[i], err);
    if (rc == PB_OK)
        rc = sql_int(f->depot->db, "SELECT ifnull(sum(size), 0) FROM object", &total, err);
    f->total = (uint64_t)total;
    if (rc == PB_OK)
        rc = objects_check(f, err);
    return rc < 0 ? rc : garbage_count(f, err);
}

int depot_fsck(struct depot *d, pb_problem_fn *fn, pb_progress_fn *progress, void *arg,
               struct pb_fsck_report *report, struct pb_error *err)
{
    struct fsck f = {.depot = d, .fn = fn, .progress = progress, .arg = arg, .report = report};
    *report = (struct pb_fsck_report){0};
    /* Shared, as publishing holds it: gc must not remove an object between our reading of its row and of its
     * bytes. */
    int rc = depot_lock(d, err);
    if (rc < 0)
        return rc;
    rc = sql_prepare(d->db,
                     "SELECT DISTINCT t.dialect || '/' || t.name || ' ' || r.version ||"
                     "  CASE WHEN t.live IS r.id THEN ' (live)' ELSE '' END"
                     " FROM entry e JOIN release r ON r.id = e.release JOIN title t ON t.id = r.title"
                     " WHERE e.object = ? ORDER BY 1",
                     &f.hurt, err);
    if (rc == PB_OK)
        rc = fsck_run(&f, err);
    sql_finish(&f.hurt);
    depot_unlock(d);
    return rc;
}
