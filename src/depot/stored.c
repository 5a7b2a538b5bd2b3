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

int stored_release_live(struct depot *d, const char *dialect, const char *name, struct arena *a,
                        struct stored_release *out, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    *out = (struct stored_release){0};
    int rc =
        sql_prepare(d->db,
                    "SELECT r.id, r.version, r.attributes, (SELECT count(*) FROM entry WHERE release = r.id)"
                    " FROM title t JOIN release r ON r.id = t.live WHERE t.dialect = ? AND t.name = ?",
                    &st, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(st, 1, slice_of(dialect));
    sql_bind_slice(st, 2, slice_of(name));
    rc = sql_step(st, err);
    if (rc != 1)
        return rc;
    out->version = arena_text(a, (const char *)sqlite3_column_text(st, 1));
    out->attributes = arena_text(a, (const char *)sqlite3_column_text(st, 2));
    out->n = (size_t)sqlite3_column_int64(st, 3);
    out->entries = arena_zero(a, (out->n + 1) * sizeof *out->entries);
    if (out->version == NULL || out->attributes == NULL || out->entries == NULL)
        return error_memory(err);
    rc = entries_load(d, sqlite3_column_int64(st, 0), a, out, err);
    return rc < 0 ? rc : 1;
}

bool stored_release_sound(struct depot *d, const struct stored_release *r)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct object *o = &r->entries[i].object;
        struct digest_result found;
        _cleanup_fd_ int fd = -1;
        if (object_open(d->objects, &o->name, o->size, &fd, NULL) < 0 ||
            digest_file(DIGEST_SHA256, fd, &found, NULL) < 0 ||
            memcmp(&found.sha256, &o->name, sizeof o->name) != 0)
            return false;
    }
    return true;
}
