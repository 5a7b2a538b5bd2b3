/* The catalog is copied first, as it is at one moment; the objects that it names never change. */
#include "depot/copy.h"

#include "base/file.h"
#include "base/path.h"
#include "depot/catalog.h"
#include "depot/database_read.h"
#include "depot/lock.h"
#include "depot/object.h"
#include "depot/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct copy {
    struct depot *from;
    struct depot to;         /* without its catalog */
    struct sqlite3 *catalog; /* the copied one, not in place yet */
    pb_progress_fn *progress;
    void *arg;
    struct pb_backup_report *report;
    uint64_t damaged;
    char first_damaged[PB_ERROR_TEXT_MAX / 2];
};

/* ---- the target's folder ---- */

/* A folder_each_fn: does everything in the folder belong to a depot? */
static int name_check(void *arg, int folder, const char *name, struct pb_error *err)
{
    static const char *const names[] = {"objects", "tmp", DEPOT_LOCK, DEPOT_TURN};
    (void)folder;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return PB_OK;
    }
    if (slice_begins(slice_of(name), slice_of(CATALOG_FILE)) ||
        slice_begins(slice_of(name), slice_of(STATE_FILE)))
        return PB_OK;
    return error_set(err, PB_INVALID, "%s: is no depot, and not empty (it has %.100s)", (const char *)arg,
                     name);
}

/* Is the target the depot itself, or in it? */
static int apart_check(const struct copy *c, const char *target, struct pb_error *err)
{
    char from[PATH_MAX], to[PATH_MAX];
    if (realpath(c->from->path, from) == NULL || realpath(target, to) == NULL)
        return error_errno(err, errno, "%s", target);
    size_t n = strlen(from);
    if (strncmp(from, to, n) != 0 || (to[n] != '/' && to[n] != '\0'))
        return PB_OK;
    rmdir(target); /* it may have been made for this */
    return error_set(err, PB_INVALID, "%s: is the depot itself, or in it", target);
}

/* A folder_each_fn. */
static int file_remove(void *arg, int folder, const char *name, struct pb_error *err)
{
    (void)arg;
    return unlinkat(folder, name, 0) == 0 ? PB_OK : error_errno(err, errno, "remove tmp/%s", name);
}

static int target_open(struct copy *c, const char *target, bool fresh, int *lock, struct pb_error *err)
{
    struct stat st;
    int rc = folder_make_all(target, err);
    if (rc == PB_OK)
        rc = apart_check(c, target, err);
    if (rc == PB_OK)
        rc = folder_each(AT_FDCWD, target, name_check, (void *)target, err);
    if (rc == PB_OK)
        rc = folder_open(AT_FDCWD, target, &c->to.folder, err);
    if (rc == PB_OK && fresh && fstatat(c->to.folder, CATALOG_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
        rc = error_set(err, PB_INVALID, "%s: there is a depot already", target);
    if (rc == PB_OK)
        rc = lock_take(c->to.folder, DEPOT_LOCK, LOCK_EXCLUSIVE, false, lock, err);
    if (rc == PB_BUSY)
        return error_set(err, rc, "%s: in use by another program", target);
    static const char *const folders[] = {"objects", "tmp"};
    int *const fds[] = {&c->to.objects, &c->to.tmp};
    for (size_t i = 0; rc == PB_OK && i < 2; i++) {
        rc = folder_make(c->to.folder, folders[i], err);
        if (rc == PB_OK)
            rc = folder_open(c->to.folder, folders[i], fds[i], err);
    }
    return rc < 0 ? rc : folder_each(c->to.folder, "tmp", file_remove, NULL, err);
}

/* ---- databases ---- */

/* Copies a database as it is at one moment; the copy has no files beside it. */
static int database_copy(struct sqlite3 *from, const char *file, struct sqlite3 **out, struct pb_error *err)
{
    unlink(file);
    int rc = sql_connect(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, out, err);
    if (rc < 0)
        return rc;
    sqlite3_backup *b = sqlite3_backup_init(*out, "main", from, "main");
    if (b == NULL)
        return sql_error(*out, err);
    int code = sqlite3_backup_step(b, -1);
    if (sqlite3_backup_finish(b) != SQLITE_OK || code != SQLITE_DONE)
        return sql_error(*out, err);
    return sql_run(*out, "PRAGMA journal_mode=DELETE", err);
}

/* Before a database is replaced, what SQLite keeps beside it goes into it: beside the new one it would be
 * damage. */
static int database_settle(const char *file, struct pb_error *err)
{
    struct stat st;
    struct sqlite3 *db = NULL;
    char log[PATH_MAX + 8];
    int64_t unused;
    if (stat(file, &st) != 0)
        return PB_OK;
    int rc = sql_connect(file, SQLITE_OPEN_READWRITE, &db, err);
    if (rc == PB_OK)
        rc = sql_int(db, "PRAGMA wal_checkpoint(TRUNCATE)", &unused, err);
    catalog_close(db); /* the last one to close removes the files beside it */
    snprintf(log, sizeof log, "%s-wal", file);
    if (rc == PB_OK && stat(log, &st) == 0)
        rc = error_set(err, PB_BUSY, "%s is in use by another program", file);
    return rc;
}

static int database_place(const char *new, const char *file, struct pb_error *err)
{
    int rc = database_settle(file, err);
    return rc == PB_OK && rename(new, file) != 0 ? error_errno(err, errno, "%s", file) : rc;
}

/* ---- objects ---- */

static int object_copy(struct copy *c, const struct object *o, struct pb_error *err)
{
    enum { STEP = 256 * 1024 };
    char path[OBJECT_PATH];
    struct object made = {0};
    _cleanup_fd_ int fd = -1;
    _cleanup_free_ char *step = malloc(STEP);
    _cleanup_object_writer_ struct object_writer w = {.fd = -1};
    int rc = step == NULL ? error_memory(err) : object_open(c->from->objects, &o->name, o->size, &fd, err);
    if (rc == PB_OK)
        rc = object_writer_open(&c->to, &w, err);
    for (uint64_t at = 0; rc == PB_OK && at < o->size;) {
        size_t n = o->size - at < STEP ? (size_t)(o->size - at) : STEP;
        rc = file_read_at(fd, step, n, at, err);
        if (rc == PB_OK)
            rc = object_writer_add(&w, step, n, err);
        at += n;
    }
    if (rc == PB_OK)
        rc = object_writer_finish(&w, &made, err);
    if (rc < 0 || memcmp(&made.name, &o->name, sizeof made.name) == 0)
        return rc;
    object_path(&made.name, path);
    unlinkat(c->to.objects, path, 0);
    object_path(&o->name, path);
    return error_set(err, PB_DAMAGED, "object %s: its bytes are not those of its name", path);
}

/* `before`: the catalog that the target had names it, so it was synced before that catalog was put in place.
 * What another run left that did not end may have its name and its size, and not its bytes, as the power may
 * have failed then. */
static bool object_there(const struct copy *c, const struct object *o, bool before)
{
    struct stat st;
    char path[OBJECT_PATH];
    object_path(&o->name, path);
    return fstatat(c->to.objects, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == o->size && (before || object_sound(c->to.objects, o));
}

/* Damage of one object keeps no other from being copied. */
static int object_take(struct copy *c, const struct object *o, bool before, struct pb_error *err)
{
    c->report->objects++;
    c->report->bytes += o->size;
    if (object_there(c, o, before))
        return PB_OK;
    int rc = object_copy(c, o, err);
    if (rc == PB_NOT_FOUND || rc == PB_DAMAGED) {
        if (c->damaged++ == 0)
            snprintf(c->first_damaged, sizeof c->first_damaged, "%.*s", (int)sizeof c->first_damaged - 1,
                     err->text);
        return PB_OK;
    }
    if (rc == PB_OK) {
        c->report->copied++;
        c->report->copied_bytes += o->size;
    }
    return rc;
}

/* `catalog`: the one that the target has, if any. */
static int catalog_before(struct copy *c, const char *catalog, struct pb_error *err)
{
    struct stat st;
    char *attach = sqlite3_mprintf("ATTACH %Q AS earlier", stat(catalog, &st) == 0 ? catalog : ":memory:");
    int rc = attach == NULL ? error_memory(err) : sql_run(c->catalog, attach, err);
    sqlite3_free(attach);
    return rc == PB_OK
               ? sql_run(c->catalog,
                         "CREATE TABLE IF NOT EXISTS earlier.object (sha256 BLOB UNIQUE, size INTEGER)", err)
               : rc;
}

static int objects_take(struct copy *c, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int64_t total = 0;
    int rc = sql_int(c->catalog, "SELECT ifnull(sum(size), 0) FROM main.object", &total, err);
    if (rc == PB_OK)
        rc = sql_prepare(
            c->catalog,
            "SELECT sha256, md5, size, EXISTS (SELECT 1 FROM earlier.object AS b WHERE b.sha256 = o.sha256)"
            " FROM main.object AS o ORDER BY id",
            &st, err);
    while (rc >= 0 && (rc = sql_step(st, err)) == 1) {
        struct object o;
        rc = sql_object(st, 0, &o, err);
        if (rc == PB_OK)
            rc = object_take(c, &o, sqlite3_column_int(st, 3) != 0, err);
        struct pb_progress p = {"copying", c->report->bytes, (uint64_t)total, NULL};
        if (rc == PB_OK && c->progress != NULL && c->progress(c->arg, &p) != 0)
            rc = error_set(err, PB_CANCELLED, "cancelled");
    }
    if (rc == PB_OK && c->damaged > 0)
        rc = error_set(
            err, PB_DAMAGED,
            "objects that are missing or damaged: %llu (%s); the others were copied, and the copy before "
            "this one "
            "stays. 'patchbay fsck' tells all of them, and publishing the same content again mends them",
            (unsigned long long)c->damaged, c->first_damaged);
    return rc;
}

/* ---- all of it ---- */

/* The operator's record, without where servers are. */
static int state_take(const struct copy *c, const char *new, struct pb_error *err)
{
    char file[PATH_MAX];
    struct sqlite3 *from = NULL, *to = NULL;
    struct stat st;
    if (snprintf(file, sizeof file, "%s/" STATE_FILE, c->from->path) >= (int)sizeof file ||
        stat(file, &st) != 0)
        return PB_OK; /* nothing to take */
    bool copied;
    struct database_stamp stamp;
    int rc = c->from->read_only ? database_read(file, &from, &copied, &stamp, err)
                                : sql_connect(file, SQLITE_OPEN_READWRITE, &from, err);
    if (rc == PB_OK)
        rc = database_copy(from, new, &to, err);
    if (rc == PB_OK)
        rc = sql_run(to, "DROP TABLE IF EXISTS server; DROP TABLE IF EXISTS running",
                     err); /* made anew when it is opened */
    catalog_close(from);
    catalog_close(to);
    return rc;
}

static int everything_copy(struct copy *c, const char *target, struct pb_error *err)
{
    char catalog[PATH_MAX], state[PATH_MAX], new_catalog[PATH_MAX], new_state[PATH_MAX];
    struct stat st;
    if (snprintf(new_catalog, PATH_MAX, "%s/" CATALOG_FILE ".new", target) >= PATH_MAX ||
        snprintf(new_state, PATH_MAX, "%s/" STATE_FILE ".new", target) >= PATH_MAX)
        return error_set(err, PB_INVALID, "%s: the path is too long", target);
    snprintf(catalog, PATH_MAX, "%s/" CATALOG_FILE, target);
    snprintf(state, PATH_MAX, "%s/" STATE_FILE, target);
    unlink(new_state);
    int rc = database_copy(c->from->db, new_catalog, &c->catalog, err);
    if (rc == PB_OK)
        rc = catalog_before(c, catalog, err);
    if (rc == PB_OK)
        rc = objects_take(c, err);
    catalog_close(c->catalog);
    if (rc == PB_OK)
        rc = state_take(c, new_state, err);
    if (rc == PB_OK && syncfs(c->to.folder) != 0)
        rc = error_errno(err, errno, "sync %s", target);
    if (rc == PB_OK && stat(new_state, &st) == 0)
        rc = database_place(new_state, state, err);
    if (rc == PB_OK)
        rc = database_place(new_catalog, catalog, err);
    if (rc == PB_OK && fsync(c->to.folder) != 0)
        rc = error_errno(err, errno, "sync %s", target);
    return rc;
}

int depot_copy(struct depot *d, const char *target, bool fresh, pb_progress_fn *progress, void *arg,
               struct pb_backup_report *report, struct pb_error *err)
{
    struct copy c = {.from = d,
                     .to = {.folder = -1, .objects = -1, .tmp = -1},
                     .progress = progress,
                     .arg = arg,
                     .report = report};
    _cleanup_fd_ int target_lock = -1;
    *report = (struct pb_backup_report){0};
    int rc = depot_lock(d, err);
    if (rc < 0)
        return rc;
    rc = target_open(&c, target, fresh, &target_lock, err);
    if (rc == PB_OK)
        rc = everything_copy(&c, target, err);
    fd_close(&c.to.tmp);
    fd_close(&c.to.objects);
    fd_close(&c.to.folder);
    depot_unlock(d);
    return rc;
}
