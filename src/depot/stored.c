/* Reading a release back from the catalog. */
#include "depot/stored.h"

#include "base/file.h"
#include "depot/catalog.h"

#include <sqlite3.h>

static int entries_load(struct depot *d, int64_t release, struct arena *a, struct stored_release *out,
                        struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(d->db,
                         "SELECT e.name, e.kind, o.sha256, o.md5, o.size, e.extra FROM entry e"
                         " JOIN object o ON o.id = e.object WHERE e.release = ? ORDER BY e.position",
                         &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, release);
    for (size_t i = 0; (rc = sql_step(st, err)) == 1 && i < out->n; i++) {
        struct publication_entry *e = &out->entries[i];
        size_t extra = (size_t)sqlite3_column_bytes(st, 5);
        e->name = arena_copy(a, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
        e->kind = sqlite3_column_int(st, 1);
        if ((rc = sql_object(st, 2, &e->object, err)) < 0)
            return rc;
        e->extra = (struct slice){arena_copy(a, sqlite3_column_blob(st, 5), extra), extra};
        if (e->name == NULL || e->extra.p == NULL)
            return error_memory(err);
    }
    return rc < 0 ? rc : PB_OK;
}

static int entry_compare(const void *a, const void *b)
{
    return strcmp((*(const struct publication_entry *const *)a)->name,
                  (*(const struct publication_entry *const *)b)->name);
}

static int entry_seek(const void *name, const void *entry)
{
    return strcmp(name, (*(const struct publication_entry *const *)entry)->name);
}

const struct publication_entry *stored_entry_find(const struct stored_release *r, const char *name)
{
    const struct publication_entry **found =
        r->n == 0 ? NULL : bsearch(name, r->by_name, r->n, sizeof *r->by_name, entry_seek);
    return found != NULL ? *found : NULL;
}

static int entries_sort(struct stored_release *r, struct arena *a, struct pb_error *err)
{
    r->by_name = arena_zero(a, (r->n + 1) * sizeof *r->by_name);
    if (r->by_name == NULL)
        return error_memory(err);
    for (size_t i = 0; i < r->n; i++)
        r->by_name[i] = &r->entries[i];
    if (r->n > 1)
        qsort(r->by_name, r->n, sizeof *r->by_name, entry_compare);
    return PB_OK;
}

#define RELEASE_COLUMNS "r.id, r.version, r.attributes, (SELECT count(*) FROM entry WHERE release = r.id)"

/* From a row of RELEASE_COLUMNS. */
static int release_load(struct depot *d, struct sqlite3_stmt *st, struct arena *a, struct stored_release *out,
                        struct pb_error *err)
{
    out->version = arena_text(a, (const char *)sqlite3_column_text(st, 1));
    out->attributes = arena_text(a, (const char *)sqlite3_column_text(st, 2));
    out->n = (size_t)sqlite3_column_int64(st, 3);
    out->entries = arena_zero(a, (out->n + 1) * sizeof *out->entries);
    if (out->version == NULL || out->attributes == NULL || out->entries == NULL)
        return error_memory(err);
    int rc = entries_load(d, sqlite3_column_int64(st, 0), a, out, err);
    if (rc == PB_OK)
        rc = entries_sort(out, a, err);
    return rc < 0 ? rc : 1;
}

int stored_release_live(struct depot *d, const char *dialect, const char *name, struct arena *a,
                        struct stored_release *out, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    *out = (struct stored_release){0};
    int rc = sql_prepare(d->db,
                         "SELECT " RELEASE_COLUMNS
                         " FROM title t JOIN release r ON r.id = t.live WHERE t.dialect = ? AND t.name = ?",
                         &st, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(st, 1, slice_of(dialect));
    sql_bind_slice(st, 2, slice_of(name));
    rc = sql_step(st, err);
    return rc == 1 ? release_load(d, st, a, out, err) : rc;
}

int stored_release_load(struct depot *d, int64_t id, struct arena *a, struct stored_release *out,
                        struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    *out = (struct stored_release){0};
    int rc = sql_prepare(d->db, "SELECT " RELEASE_COLUMNS " FROM release r WHERE r.id = ?", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    rc = sql_step(st, err);
    return rc == 1 ? release_load(d, st, a, out, err) : rc;
}

int stored_live_each(struct depot *d, const char *dialect, stored_live_fn *fn, void *arg,
                     struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(d->db,
                         "SELECT t.name, r.version, r.attributes FROM title t JOIN release r ON r.id = t.live"
                         " WHERE t.dialect = ? ORDER BY t.name",
                         &st, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(st, 1, slice_of(dialect));
    while ((rc = sql_step(st, err)) == 1) {
        rc = fn(arg, (const char *)sqlite3_column_text(st, 0), (const char *)sqlite3_column_text(st, 1),
                (const char *)sqlite3_column_text(st, 2), err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int stored_each(struct depot *d, const char *dialect, struct arena *a, struct stored_row **out, size_t *n,
                struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    struct stored_row *rows = NULL;
    size_t room = 0;
    *n = 0;
    int rc = sql_prepare(d->db,
                         "SELECT r.id, t.name, r.version, r.attributes FROM release r"
                         " JOIN title t ON t.id = r.title WHERE t.dialect = ? ORDER BY r.id",
                         &st, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(st, 1, slice_of(dialect));
    while ((rc = sql_step(st, err)) == 1) {
        if ((rows = arena_grow(a, rows, *n, &room, sizeof *rows)) == NULL)
            return error_memory(err);
        struct stored_row *r = &rows[(*n)++];
        *r = (struct stored_row){sqlite3_column_int64(st, 0),
                                 arena_text(a, (const char *)sqlite3_column_text(st, 1)),
                                 arena_text(a, (const char *)sqlite3_column_text(st, 2)),
                                 arena_text(a, (const char *)sqlite3_column_text(st, 3))};
        if (r->title == NULL || r->version == NULL || r->attributes == NULL)
            return error_memory(err);
    }
    *out = rows;
    return rc;
}

bool stored_release_sound(struct depot *d, const struct stored_release *r)
{
    for (size_t i = 0; i < r->n; i++) {
        if (!object_sound(d->objects, &r->entries[i].object))
            return false;
    }
    return true;
}
