/* Opening the catalog, and the small layer over SQLite's statements. */
#include "depot/catalog.h"

#include "base/clock.h"

#include <errno.h>
#include <sqlite3.h>

enum {
    CATALOG_APPLICATION = 0x50424159, /* "PBAY": so that file(1) and we recognise it */
    CATALOG_FORMAT = 1,
    CATALOG_WAIT_MS = 30000,
};

/* docs/formats/depot.md explains each column. */
static const char catalog_schema[] = "CREATE TABLE object ("
                                     " id INTEGER PRIMARY KEY,"
                                     " sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),"
                                     " md5 BLOB NOT NULL CHECK (length(md5) = 16),"
                                     " size INTEGER NOT NULL CHECK (size >= 0));"
                                     "CREATE TABLE title ("
                                     " id INTEGER PRIMARY KEY,"
                                     " dialect TEXT NOT NULL,"
                                     " name TEXT NOT NULL,"
                                     " live INTEGER REFERENCES release(id) DEFERRABLE INITIALLY DEFERRED,"
                                     " since INTEGER NOT NULL DEFAULT 0,"
                                     " UNIQUE (dialect, name));"
                                     "CREATE TABLE release ("
                                     " id INTEGER PRIMARY KEY AUTOINCREMENT,"
                                     " title INTEGER NOT NULL REFERENCES title(id),"
                                     " version TEXT NOT NULL,"
                                     " published INTEGER NOT NULL,"
                                     " retired INTEGER,"
                                     " attributes TEXT NOT NULL,"
                                     " UNIQUE (title, version));"
                                     "CREATE TABLE entry ("
                                     " release INTEGER NOT NULL REFERENCES release(id) ON DELETE CASCADE,"
                                     " position INTEGER NOT NULL,"
                                     " name TEXT NOT NULL,"
                                     " kind INTEGER NOT NULL,"
                                     " object INTEGER NOT NULL REFERENCES object(id),"
                                     " extra BLOB,"
                                     " PRIMARY KEY (release, position)) WITHOUT ROWID;"
                                     "CREATE INDEX entry_object ON entry (object);";

static int status_of_code(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return PB_NO_SPACE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return PB_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return PB_DAMAGED;
    case SQLITE_NOMEM:
        return PB_NO_MEMORY;
    default:
        return PB_FAILED;
    }
}

int sql_error(struct sqlite3 *db, struct pb_error *err)
{
    const char *file = sqlite3_db_filename(db, NULL);
    const char *slash = file != NULL ? strrchr(file, '/') : NULL;
    file = slash != NULL ? slash + 1 : "catalog";
    int code = sqlite3_errcode(db), number = sqlite3_system_errno(db);
    /* "disk I/O error" alone would not tell the operator that the disk is full. (ENOENT is SQLite's second
     * try's, of files that it makes only if need be; it would mislead.) */
    if (number > 0 && number != ENOENT && ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN))
        return error_errno(err, number, "%s: %s", file, sqlite3_errmsg(db));
    return error_set(err, status_of_code(code), "%s: %s", file, sqlite3_errmsg(db));
}

int sql_prepare(struct sqlite3 *db, const char *text, struct sqlite3_stmt **st, struct pb_error *err)
{
    return sqlite3_prepare_v2(db, text, -1, st, NULL) == SQLITE_OK ? PB_OK : sql_error(db, err);
}

int sql_run(struct sqlite3 *db, const char *text, struct pb_error *err)
{
    return sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK ? PB_OK : sql_error(db, err);
}

int sql_step(struct sqlite3_stmt *st, struct pb_error *err)
{
    int code = sqlite3_step(st);
    return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : sql_error(sqlite3_db_handle(st), err);
}

int sql_done(struct sqlite3_stmt *st, struct pb_error *err)
{
    int rc = sql_step(st, err);
    sqlite3_reset(st);
    return rc < 0 ? rc : PB_OK;
}

void sql_finish(struct sqlite3_stmt **st)
{
    sqlite3_finalize(*st);
    *st = NULL;
}

int sql_begin(struct sqlite3 *db, struct pb_error *err)
{
    sql_rollback(db); /* of one that could not be ended for want of memory */
    return sql_run(db, "BEGIN IMMEDIATE", err);
}

int sql_commit(struct sqlite3 *db, struct pb_error *err)
{
    int rc = sql_run(db, "COMMIT", err);
    if (rc < 0)
        sql_rollback(db);
    return rc;
}

void sql_rollback(struct sqlite3 *db)
{
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

void sql_bind_slice(struct sqlite3_stmt *st, int at, struct slice text)
{
    sqlite3_bind_text(st, at, text.p, (int)text.n, SQLITE_STATIC);
}

int sql_int(struct sqlite3 *db, const char *text, int64_t *value, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(db, text, &st, err);
    if (rc == PB_OK)
        rc = sql_step(st, err);
    if (rc < 0)
        return rc;
    *value = rc == 1 ? sqlite3_column_int64(st, 0) : 0;
    return PB_OK;
}

int catalog_version(struct sqlite3 *db, int64_t *version, struct pb_error *err)
{
    sql_rollback(
        db); /* a transaction that was left open, as without memory nothing ends it, sees no change */
    return sql_int(db, "PRAGMA data_version", version, err);
}

int sql_connect(const char *file, int flags, struct sqlite3 **db, struct pb_error *err)
{
    if (sqlite3_open_v2(file, db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        int rc = *db == NULL ? error_memory(err) : sql_error(*db, err);
        catalog_close(*db);
        *db = NULL;
        return rc;
    }
    sqlite3_busy_timeout(*db, CATALOG_WAIT_MS);
    return PB_OK;
}

/* FULL: a committed release survives a power cut. */
static int catalog_modes(struct sqlite3 *db, struct pb_error *err)
{
    return sql_run(
        db,
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY",
        err);
}

int catalog_create(const char *file, struct pb_error *err)
{
    struct sqlite3 *db;
    char stamp[96];
    int rc = sql_connect(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &db, err);
    if (rc < 0)
        return rc;
    sqlite3_snprintf(sizeof stamp, stamp, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                     CATALOG_APPLICATION, CATALOG_FORMAT);
    rc = catalog_modes(db, err);
    if (rc == PB_OK)
        rc = sql_begin(db, err);
    if (rc == PB_OK)
        rc = sql_run(db, catalog_schema, err);
    if (rc == PB_OK)
        rc = sql_run(db, stamp, err);
    if (rc == PB_OK)
        rc = sql_commit(db, err);
    catalog_close(db);
    return rc;
}

int catalog_check(struct sqlite3 *db, const char *file, struct pb_error *err)
{
    int64_t application = 0, format = 0;
    int rc = sql_int(db, "PRAGMA application_id", &application, err);
    if (rc == PB_OK)
        rc = sql_int(db, "PRAGMA user_version", &format, err);
    if (rc == PB_OK && application != CATALOG_APPLICATION)
        rc = error_set(err, PB_DAMAGED, "%s: not a patchbay catalog", file);
    if (rc == PB_OK && format != CATALOG_FORMAT)
        rc = error_set(err, PB_UNSUPPORTED, "%s: format %lld; this patchbay reads format %d", file,
                       (long long)format, CATALOG_FORMAT);
    return rc;
}

int catalog_open(const char *file, struct sqlite3 **db, struct pb_error *err)
{
    int rc = sql_connect(file, SQLITE_OPEN_READWRITE, db, err);
    if (rc < 0)
        return rc;
    rc = catalog_check(*db, file, err);
    if (rc == PB_OK) /* not before: nothing of a foreign file is changed */
        rc = catalog_modes(*db, err);
    if (rc < 0) {
        catalog_close(*db);
        *db = NULL;
    }
    return rc;
}

void catalog_close(struct sqlite3 *db)
{
    sqlite3_close_v2(db);
}

int catalog_live_set(struct sqlite3 *db, int64_t title, int64_t release, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *retire = NULL, *live = NULL;
    int rc = sql_prepare(db,
                         "UPDATE release SET retired = CASE WHEN id = ?2 THEN NULL ELSE"
                         " max(?3, (SELECT ifnull(max(retired), 0) + 1 FROM release WHERE title = ?1)) END"
                         " WHERE id = ?2 OR id = (SELECT live FROM title WHERE id = ?1)",
                         &retire, err);
    if (rc == PB_OK)
        rc =
            sql_prepare(db, "UPDATE title SET live = nullif(?2, 0), since = max(?3, since + 1) WHERE id = ?1",
                        &live, err);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 2; i++) {
        struct sqlite3_stmt *st = i == 0 ? retire : live;
        sqlite3_bind_int64(st, 1, title);
        sqlite3_bind_int64(st, 2, release);
        sqlite3_bind_int64(st, 3, clock_unix());
    }
    rc = sql_done(retire, err);
    return rc < 0 ? rc : sql_done(live, err);
}

int sql_object(struct sqlite3_stmt *st, int column, struct object *out, struct pb_error *err)
{
    if (sqlite3_column_bytes(st, column) != sizeof out->name ||
        sqlite3_column_bytes(st, column + 1) != sizeof out->md5)
        return error_set(err, PB_DAMAGED, "catalog: the row of an object is damaged");
    memcpy(&out->name, sqlite3_column_blob(st, column), sizeof out->name);
    memcpy(&out->md5, sqlite3_column_blob(st, column + 1), sizeof out->md5);
    out->size = (uint64_t)sqlite3_column_int64(st, column + 2);
    return PB_OK;
}
