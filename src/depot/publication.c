/*
 * Publishing. Objects are renamed into place as they are written, but the catalog names them only after one
 * syncfs has made them durable. So whatever the catalog names is on disk, and a crash before the commit
 * leaves only files that no release refers to.
 */
#include "depot/publication.h"

#include "base/clock.h"
#include "base/file.h"
#include "depot/catalog.h"
#include "depot/lock.h"
#include "depot/open.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

int publication_begin(struct depot *d, const char *dialect, struct slice name, struct publication *p,
                      struct pb_error *err)
{
    *p = (struct publication){.depot = d};
    arena_init(&p->arena, 0);
    p->dialect = arena_text(&p->arena, dialect);
    p->name = arena_copy(&p->arena, name.p, name.n);
    if (p->dialect == NULL || p->name == NULL)
        return error_memory(err);
    int rc = depot_writable(d, err);
    if (rc == PB_OK)
        rc = depot_lock(d, err);
    p->locked = rc == PB_OK;
    return rc;
}

void publication_end(struct publication *p)
{
    if (p->locked)
        depot_unlock(p->depot);
    p->locked = false;
    arena_free(&p->arena);
    free(p->entries);
    p->entries = NULL;
}

int publication_add(struct publication *p, struct slice name, int kind, const struct object *object,
                    struct slice extra, struct pb_error *err)
{
    if (p->n == p->room) {
        size_t room = p->room == 0 ? 64 : p->room * 2;
        struct publication_entry *entries = realloc(p->entries, room * sizeof *entries);
        if (entries == NULL)
            return error_memory(err);
        p->entries = entries;
        p->room = room;
    }
    struct publication_entry *e = &p->entries[p->n];
    *e = (struct publication_entry){
        .name = arena_copy(&p->arena, name.p, name.n), .kind = kind, .object = *object};
    e->extra = (struct slice){arena_copy(&p->arena, extra.p, extra.n), extra.n};
    if (e->name == NULL || e->extra.p == NULL)
        return error_memory(err);
    p->n++;
    return PB_OK;
}

/* The catalog's id of each entry's object, made where it is new. */
static int objects_record(struct publication *p, int64_t *ids, struct publication_result *result,
                          struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *find = NULL, *add = NULL;
    int rc = sql_prepare(p->depot->db, "SELECT id FROM object WHERE sha256 = ?", &find, err);
    if (rc == PB_OK)
        rc = sql_prepare(p->depot->db, "INSERT INTO object (sha256, md5, size) VALUES (?, ?, ?)", &add, err);
    for (size_t i = 0; rc == PB_OK && i < p->n; i++) {
        const struct object *o = &p->entries[i].object;
        sqlite3_bind_blob(find, 1, o->name.bytes, sizeof o->name.bytes, SQLITE_STATIC);
        int found = sql_step(find, err);
        if (found < 0)
            return found;
        ids[i] = found == 1 ? sqlite3_column_int64(find, 0) : 0;
        sqlite3_reset(find);
        if (found == 1) {
            result->present += o->size;
            continue;
        }
        sqlite3_bind_blob(add, 1, o->name.bytes, sizeof o->name.bytes, SQLITE_STATIC);
        sqlite3_bind_blob(add, 2, o->md5.bytes, sizeof o->md5.bytes, SQLITE_STATIC);
        sqlite3_bind_int64(add, 3, (int64_t)o->size);
        rc = sql_done(add, err);
        ids[i] = sqlite3_last_insert_rowid(p->depot->db);
        result->stored += o->size;
        result->new_objects++;
    }
    return rc;
}

static int title_record(struct publication *p, int64_t *title, int64_t *live, struct pb_error *err)
{
    struct title_name name = {slice_of(p->dialect), slice_of(p->name)};
    int rc = catalog_title(p->depot->db, name, title, live, err);
    if (rc != PB_NOT_FOUND)
        return rc;
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    rc = sql_prepare(p->depot->db, "INSERT INTO title (dialect, name) VALUES (?, ?)", &st, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(st, 1, name.dialect);
    sql_bind_slice(st, 2, name.name);
    rc = sql_done(st, err);
    *title = sqlite3_last_insert_rowid(p->depot->db);
    *live = 0;
    return rc;
}

/* Is the live release made of just these entries and attributes? 1 yes, 0 no. */
static int same_as_live(struct publication *p, int64_t live, const int64_t *ids, const char *version,
                        const char *attributes, struct publication_result *result, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(p->depot->db, "SELECT version, attributes FROM release WHERE id = ?", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, live);
    if ((rc = sql_step(st, err)) != 1)
        return rc;
    const char *live_version = (const char *)sqlite3_column_text(st, 0);
    const char *live_attributes = (const char *)sqlite3_column_text(st, 1);
    if ((version != NULL && strcmp(version, live_version) != 0) || strcmp(attributes, live_attributes) != 0)
        return 0;
    snprintf(result->version, sizeof result->version, "%s", live_version);
    sql_finish(&st);
    rc = sql_prepare(p->depot->db,
                     "SELECT name, kind, object, extra FROM entry WHERE release = ? ORDER BY position", &st,
                     err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, live);
    for (size_t i = 0; i < p->n; i++) {
        if ((rc = sql_step(st, err)) != 1)
            return rc;
        const struct publication_entry *e = &p->entries[i];
        struct slice extra = {sqlite3_column_blob(st, 3), (size_t)sqlite3_column_bytes(st, 3)};
        if (strcmp((const char *)sqlite3_column_text(st, 0), e->name) != 0 ||
            sqlite3_column_int(st, 1) != e->kind || sqlite3_column_int64(st, 2) != ids[i] ||
            !slice_equal(extra, e->extra))
            return 0;
    }
    rc = sql_step(st, err);
    return rc < 0 ? rc : rc == 0;
}

/* A version for a release that was given none: the next free number. */
static int version_make(struct sqlite3 *db, int64_t title, char *out, size_t room, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(
        db, "SELECT ifnull(max(CAST(version AS INTEGER)), 0) + 1 FROM release WHERE title = ?", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, title);
    rc = sql_step(st, err);
    if (rc < 0)
        return rc;
    snprintf(out, room, "%lld", (long long)sqlite3_column_int64(st, 0));
    return PB_OK;
}

static int release_record(struct publication *p, int64_t title, const char *version, const char *attributes,
                          int64_t *release, struct pb_error *err)
{
    struct sqlite3 *db = p->depot->db;
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(
        db, "INSERT INTO release (title, version, published, attributes) VALUES (?, ?, ?, ?)", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, title);
    sql_bind_slice(st, 2, slice_of(version));
    sqlite3_bind_int64(st, 3, clock_unix());
    sql_bind_slice(st, 4, slice_of(attributes));
    rc = sql_done(st, err);
    if (rc < 0 && sqlite3_extended_errcode(db) == SQLITE_CONSTRAINT_UNIQUE)
        return error_set(
            err, PB_INVALID,
            "version %s of this title was published before with other content; choose a new version",
            version);
    *release = sqlite3_last_insert_rowid(db);
    return rc;
}

static int entries_record(struct publication *p, int64_t release, const int64_t *ids, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(
        p->depot->db,
        "INSERT INTO entry (release, position, name, kind, object, extra) VALUES (?, ?, ?, ?, ?, ?)", &st,
        err);
    for (size_t i = 0; rc == PB_OK && i < p->n; i++) {
        const struct publication_entry *e = &p->entries[i];
        sqlite3_bind_int64(st, 1, release);
        sqlite3_bind_int64(st, 2, (int64_t)i);
        sql_bind_slice(st, 3, slice_of(e->name));
        sqlite3_bind_int(st, 4, e->kind);
        sqlite3_bind_int64(st, 5, ids[i]);
        sqlite3_bind_blob(st, 6, e->extra.p, (int)e->extra.n, SQLITE_STATIC);
        rc = sql_done(st, err);
    }
    return rc;
}

static int commit_in_transaction(struct publication *p, const char *version, const char *attributes,
                                 int64_t *ids, struct publication_result *result, struct pb_error *err)
{
    int64_t title, live, release = 0;
    int rc = objects_record(p, ids, result, err);
    if (rc == PB_OK)
        rc = title_record(p, &title, &live, err);
    if (rc == PB_OK && live != 0)
        rc = same_as_live(p, live, ids, version, attributes, result, err);
    if (rc != PB_OK) { /* an error, or 1: the same as what is live */
        result->unchanged = rc == 1;
        /* Objects may have been mended: a change of the catalog tells servers to open them anew. */
        return rc < 0 ? rc
                      : sql_run(p->depot->db,
                                "UPDATE title SET since = since WHERE id = (SELECT min(id) FROM title)", err);
    }
    if (version != NULL)
        snprintf(result->version, sizeof result->version, "%s", version);
    else if ((rc = version_make(p->depot->db, title, result->version, sizeof result->version, err)) < 0)
        return rc;
    rc = release_record(p, title, result->version, attributes, &release, err);
    if (rc == PB_OK)
        rc = entries_record(p, release, ids, err);
    return rc == PB_OK ? catalog_live_set(p->depot->db, title, release, err) : rc;
}

int publication_commit(struct publication *p, const char *version, const char *attributes,
                       struct publication_result *result, struct pb_error *err)
{
    *result = (struct publication_result){0};
    _cleanup_free_ int64_t *ids = calloc(p->n + 1, sizeof *ids);
    if (ids == NULL)
        return error_memory(err);
    if (version != NULL && strlen(version) >= sizeof result->version)
        return error_set(err, PB_INVALID, "version %s: longer than %zu bytes", version,
                         sizeof result->version - 1);
    if (syncfs(p->depot->folder) != 0)
        return error_errno(err, errno, "sync the depot");
    int rc = sql_begin(p->depot->db, err);
    if (rc < 0)
        return rc;
    rc = commit_in_transaction(p, version, attributes, ids, result, err);
    if (rc < 0) {
        sql_rollback(p->depot->db);
        return rc;
    }
    return sql_commit(p->depot->db, err);
}

/* The catalog's id of an object, made where it is new. */
static int object_record(struct sqlite3 *db, const struct object *o, int64_t *id, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *add = NULL, *find = NULL;
    int rc = sql_prepare(db, "INSERT OR IGNORE INTO object (sha256, md5, size) VALUES (?, ?, ?)", &add, err);
    if (rc == PB_OK)
        rc = sql_prepare(db, "SELECT id FROM object WHERE sha256 = ?", &find, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_blob(add, 1, o->name.bytes, sizeof o->name.bytes, SQLITE_STATIC);
    sqlite3_bind_blob(add, 2, o->md5.bytes, sizeof o->md5.bytes, SQLITE_STATIC);
    sqlite3_bind_int64(add, 3, (int64_t)o->size);
    sqlite3_bind_blob(find, 1, o->name.bytes, sizeof o->name.bytes, SQLITE_STATIC);
    rc = sql_done(add, err);
    if (rc == PB_OK)
        rc = sql_step(find, err);
    if (rc < 0)
        return rc;
    *id = sqlite3_column_int64(find, 0);
    return PB_OK;
}

static int entry_amend(struct sqlite3 *db, int64_t release, const char *name, const struct object *object,
                       struct slice extra, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int64_t id = 0;
    int rc = object_record(db, object, &id, err);
    if (rc == PB_OK)
        rc = sql_prepare(db, "UPDATE entry SET object = ?, extra = ? WHERE release = ? AND name = ?", &st,
                         err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    sqlite3_bind_blob(st, 2, extra.p, (int)extra.n, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, release);
    sql_bind_slice(st, 4, slice_of(name));
    return sql_done(st, err);
}

static int attributes_amend(struct sqlite3 *db, int64_t release, const char *attributes, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL, *since = NULL;
    int rc = sql_prepare(db, "UPDATE release SET attributes = ? WHERE id = ?", &st, err);
    if (rc == PB_OK)
        rc = sql_prepare(db, "UPDATE title SET since = max(?, since + 1) WHERE live = ?", &since, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(st, 1, slice_of(attributes));
    sqlite3_bind_int64(st, 2, release);
    sqlite3_bind_int64(since, 1, clock_unix());
    sqlite3_bind_int64(since, 2, release);
    rc = sql_done(st, err);
    return rc < 0 ? rc : sql_done(since, err);
}

int release_amend(struct depot *d, int64_t release, const char *attributes, const char *name,
                  const struct object *object, struct slice extra, struct pb_error *err)
{
    if (syncfs(d->folder) != 0)
        return error_errno(err, errno, "sync the depot");
    int rc = sql_begin(d->db, err);
    if (rc == PB_OK && name != NULL)
        rc = entry_amend(d->db, release, name, object, extra, err);
    if (rc == PB_OK)
        rc = attributes_amend(d->db, release, attributes, err);
    if (rc == PB_OK)
        rc = sql_commit(d->db, err);
    sql_rollback(d->db);
    return rc;
}
