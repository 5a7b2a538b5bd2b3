/* Removing what no release refers to. Holds the depot's lock alone, so that no publication is under way whose
 * objects the catalog does not name yet. */
#include "base/clock.h"
#include "base/file.h"
#include "depot/catalog.h"
#include "depot/object.h"
#include "depot/release.h"
#include "depot/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A server may show a release for a moment after it ceased to be live; its objects stay for this long. */
enum { RETIRED_SECONDS = 60 };

static int releases_forget(struct depot *d, int keep, struct pb_gc_report *report, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(d->db,
                         "DELETE FROM release WHERE id IN ("
                         " SELECT id FROM (SELECT r.id, r.retired, row_number() OVER"
                         "   (PARTITION BY r.title ORDER BY r.id DESC) AS place"
                         "   FROM release r JOIN title t ON t.id = r.title WHERE t.live IS NOT r.id)"
                         " WHERE place > ?1 AND ifnull(retired, 0) <= ?2)",
                         &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int(st, 1, keep);
    sqlite3_bind_int64(st, 2, clock_unix() - RETIRED_SECONDS);
    rc = sql_done(st, err);
    report->releases = rc < 0 ? 0 : (uint64_t)sqlite3_changes64(d->db);
    if (rc == PB_OK)
        rc = sql_run(
            d->db, "DELETE FROM title WHERE NOT EXISTS (SELECT 1 FROM release WHERE title = title.id)", err);
    return rc;
}

struct sweep {
    struct sqlite3_stmt *find;
    const char *fan; /* the two digits of the folder */
    struct pb_gc_report *report;
    bool remove;
};

static int file_sweep(void *arg, int folder, const char *name, struct pb_error *err)
{
    struct sweep *s = arg;
    struct stat st;
    if (s->fan != NULL) {
        char hex[SHA256_HEX + 1];
        struct sha256 sha;
        snprintf(hex, sizeof hex, "%.2s%.62s", s->fan, name);
        if (strlen(name) == SHA256_HEX - 2 && hex_decode(slice_of(hex), &sha, sizeof sha)) {
            sqlite3_bind_blob(s->find, 1, &sha, sizeof sha, SQLITE_TRANSIENT);
            int rc = sql_step(s->find, err);
            sqlite3_reset(s->find);
            if (rc != 0)
                return rc < 0 ? rc : PB_OK;
        }
    }
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(st.st_mode))
        return PB_OK;
    if (s->remove && unlinkat(folder, name, 0) != 0)
        return error_errno(err, errno, "remove object %s", name);
    s->report->objects++;
    s->report->bytes += (uint64_t)st.st_size;
    return PB_OK;
}

static int fan_sweep(void *arg, int folder, const char *name, struct pb_error *err)
{
    struct sweep *s = arg;
    struct stat st;
    if (strlen(name) != 2 || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
        return PB_OK;
    s->fan = name;
    return folder_each(folder, name, file_sweep, s, err);
}

int depot_sweep(struct depot *d, bool remove, struct pb_gc_report *report, struct pb_error *err)
{
    struct sweep s = {.report = report, .remove = remove};
    int rc = sql_prepare(d->db, "SELECT 1 FROM object WHERE sha256 = ?", &s.find, err);
    if (rc == PB_OK)
        rc = folder_each(d->folder, "objects", fan_sweep, &s, err);
    s.fan = NULL;
    if (rc == PB_OK)
        rc = folder_each(d->folder, "tmp", file_sweep, &s, err);
    sql_finish(&s.find);
    return rc;
}

int depot_gc(struct depot *d, int keep, bool wait, struct pb_gc_report *report, struct pb_error *err)
{
    *report = (struct pb_gc_report){0};
    _cleanup_fd_ int lock = -1;
    int rc = lock_take(d->folder, DEPOT_LOCK, LOCK_EXCLUSIVE, wait, &lock, err);
    if (rc < 0)
        return error_context(err, "gc: a publish is under way");
    if ((rc = sql_begin(d->db, err)) < 0)
        return rc;
    if (keep >= 0)
        rc = releases_forget(d, keep, report, err);
    if (rc == PB_OK)
        rc = sql_run(
            d->db, "DELETE FROM object WHERE NOT EXISTS (SELECT 1 FROM entry WHERE object = object.id)", err);
    if (rc == PB_OK)
        rc = sql_commit(d->db, err);
    sql_rollback(d->db);
    return rc < 0 ? rc : depot_sweep(d, true, report, err);
}
