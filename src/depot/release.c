/* Listing releases, rollback and withdraw. */
#include "depot/release.h"

#include "depot/catalog.h"
#include "depot/open.h"

#include <sqlite3.h>
#include <stdio.h>

#define RELEASE_COLUMNS                                                                                      \
    "SELECT t.dialect || '/' || t.name, r.version, r.published, t.live IS r.id,"                             \
    " (SELECT count(*) FROM entry WHERE release = r.id),"                                                    \
    " (SELECT ifnull(sum(o.size), 0) FROM entry e JOIN object o ON o.id = e.object WHERE e.release = r.id)"  \
    " FROM release r JOIN title t ON t.id = r.title "

static int release_show(struct sqlite3_stmt *st, pb_release_fn *fn, void *arg, struct pb_error *err)
{
    int rc;
    while ((rc = sql_step(st, err)) == 1) {
        struct pb_release r = {
            .title = (const char *)sqlite3_column_text(st, 0),
            .version = (const char *)sqlite3_column_text(st, 1),
            .published = sqlite3_column_int64(st, 2),
            .live = sqlite3_column_int(st, 3),
            .entries = (uint64_t)sqlite3_column_int64(st, 4),
            .bytes = (uint64_t)sqlite3_column_int64(st, 5),
        };
        if (fn(arg, &r) != 0)
            return error_set(err, PB_CANCELLED, "cancelled");
    }
    return rc;
}

int release_list(struct depot *d, pb_release_fn *fn, void *arg, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(d->db, RELEASE_COLUMNS "WHERE t.live = r.id ORDER BY t.dialect, t.name", &st, err);
    return rc < 0 ? rc : release_show(st, fn, arg, err);
}

int release_history(struct depot *d, const char *title, pb_release_fn *fn, void *arg, struct pb_error *err)
{
    int64_t id = 0, live = 0;
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = catalog_title_find(d->db, title, &id, &live, err);
    if (rc == PB_OK)
        rc = sql_prepare(d->db, RELEASE_COLUMNS "WHERE r.title = ? ORDER BY r.id DESC", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    return release_show(st, fn, arg, err);
}

/* The release to roll back to. */
static int rollback_target(struct depot *d, int64_t title, int64_t live, const char *version,
                           int64_t *release, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = version != NULL
                 ? sql_prepare(d->db, "SELECT id FROM release WHERE title = ?1 AND version = ?2", &st, err)
                 : sql_prepare(d->db,
                               "SELECT id FROM release WHERE title = ?1 AND (?2 = 0 OR id < ?2)"
                               " ORDER BY CASE WHEN ?2 = 0 THEN retired END DESC, id DESC LIMIT 1",
                               &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, title);
    if (version != NULL)
        sql_bind_slice(st, 2, slice_of(version));
    else
        sqlite3_bind_int64(st, 2, live);
    rc = sql_step(st, err);
    if (rc < 0)
        return rc;
    if (rc == 0 && version != NULL)
        return error_set(err, PB_NOT_FOUND, "there is no release %s", version);
    if (rc == 0)
        return error_set(err, PB_NOT_FOUND, "there is no release older than the live one");
    *release = sqlite3_column_int64(st, 0);
    return PB_OK;
}

static int release_show_one(struct depot *d, int64_t release, pb_release_fn *fn, void *arg,
                            struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(d->db, RELEASE_COLUMNS "WHERE r.id = ?", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, release);
    return release_show(st, fn, arg, err);
}

static int release_check(struct depot *d, const char *title, int64_t release, release_check_fn *check,
                         struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(d->db, "SELECT attributes FROM release WHERE id = ?", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, release);
    rc = sql_step(st, err);
    return rc == 1 ? check(d, title, (const char *)sqlite3_column_text(st, 0), err) : rc;
}

int release_rollback(struct depot *d, const char *title, const char *version, release_check_fn *check,
                     pb_release_fn *fn, void *arg, struct pb_error *err)
{
    int64_t id = 0, live = 0, release = 0;
    int rc = depot_writable(d, err);
    if (rc == PB_OK)
        rc = sql_begin(d->db, err);
    if (rc < 0)
        return rc;
    rc = catalog_title_find(d->db, title, &id, &live, err);
    if (rc == PB_OK && (rc = rollback_target(d, id, live, version, &release, err)) == PB_OK && check != NULL)
        rc = release_check(d, title, release, check, err);
    if (rc < 0)
        rc = error_context(err, "rollback %s", title);
    if (rc == PB_OK)
        rc = catalog_live_set(d->db, id, release, err);
    if (rc == PB_OK)
        rc = sql_commit(d->db, err);
    sql_rollback(d->db);
    return rc < 0 || fn == NULL ? rc : release_show_one(d, release, fn, arg, err);
}

int release_withdraw(struct depot *d, const char *title, struct pb_error *err)
{
    int64_t id = 0, live = 0;
    int rc = depot_writable(d, err);
    if (rc == PB_OK)
        rc = sql_begin(d->db, err);
    if (rc < 0)
        return rc;
    rc = catalog_title_find(d->db, title, &id, &live, err);
    if (rc == PB_OK && live == 0)
        rc = error_set(err, PB_NOT_FOUND, "withdraw %s: it is not live", title);
    if (rc == PB_OK)
        rc = catalog_live_set(d->db, id, 0, err);
    if (rc == PB_OK)
        rc = sql_commit(d->db, err);
    sql_rollback(d->db);
    return rc;
}
