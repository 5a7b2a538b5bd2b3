/* Removing what no release refers to. Holds the depot's lock alone, so that no publication is under way whose
 * objects the catalog does not name yet. */
#include "base/clock.h"
#include "base/file.h"
#include "depot/catalog.h"
#include "depot/lock.h"
#include "depot/open.h"
#include "depot/release.h"
#include "depot/sweep.h"

#include <sqlite3.h>

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

/* Makes the catalog forget, in a transaction that is left open. */
static int catalog_collect(struct depot *d, int keep, struct pb_gc_report *report, struct pb_error *err)
{
    int rc = sql_begin(d->db, err);
    if (rc == PB_OK && keep >= 0)
        rc = releases_forget(d, keep, report, err);
    if (rc == PB_OK)
        rc = sql_run(
            d->db, "DELETE FROM object WHERE NOT EXISTS (SELECT 1 FROM entry WHERE object = object.id)", err);
    return rc;
}

/* With `commit` false the files are counted as the catalog would have it, and everything stays. */
static int collect(struct depot *d, int keep, bool wait, bool commit, struct pb_gc_report *report,
                   struct pb_error *err)
{
    *report = (struct pb_gc_report){0};
    _cleanup_fd_ int lock = -1;
    int rc = depot_writable(d, err);
    if (rc < 0)
        return rc;
    rc = depot_lock_alone(d, wait, &lock, err);
    if (rc < 0)
        return error_context(err, rc == PB_BUSY ? "gc: a publish or a check is under way" : "gc");
    rc = catalog_collect(d, keep, report, err);
    if (rc == PB_OK && commit)
        rc = sql_commit(d->db, err);
    if (rc == PB_OK)
        rc = depot_sweep(d, commit, report, err);
    sql_rollback(d->db);
    return rc;
}

int depot_gc(struct depot *d, int keep, bool wait, struct pb_gc_report *report, struct pb_error *err)
{
    return collect(d, keep, wait, true, report, err);
}

int depot_gc_preview(struct depot *d, int keep, bool wait, struct pb_gc_report *report, struct pb_error *err)
{
    return collect(d, keep, wait, false, report, err);
}
