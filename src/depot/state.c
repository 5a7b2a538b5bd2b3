/* The operator's record, in SQLite. */
#include "depot/state.h"

#include "base/clock.h"
#include "depot/catalog.h"
#include "depot/database_read.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>

enum { STATE_APPLICATION = 0x50425354 /* "PBST" */, STATE_FORMAT = 1 };

struct state {
    struct sqlite3 *db;
    struct sqlite3_stmt *use_add, *use_read;
};

/* docs/formats/depot.md explains each column. */
static const char state_schema[] =
    "CREATE TABLE IF NOT EXISTS ban (range TEXT PRIMARY KEY, reason TEXT NOT NULL,"
    " added INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS use (scope TEXT PRIMARY KEY, day INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS running (id INTEGER PRIMARY KEY AUTOINCREMENT, admin TEXT NOT NULL,"
    " started INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS token (name TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE,"
    " rights INTEGER NOT NULL, added INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER NOT NULL)"
    " WITHOUT ROWID;";

/* Makes all tables, or those that earlier programs did not know: some had room for one server, in the table
 * `server`, and some no tokens. The format's number stays, so that such a program can still read bans.
 * Another process may be doing the same, so it is looked again within the transaction. */
static int state_make(struct sqlite3 *db, struct pb_error *err)
{
    int64_t old = 0;
    char stamp[96];
    sqlite3_snprintf(sizeof stamp, stamp, "PRAGMA application_id=%d; PRAGMA user_version=%d",
                     STATE_APPLICATION, STATE_FORMAT);
    int rc = sql_begin(db, err);
    if (rc < 0)
        return rc;
    rc = sql_run(db, state_schema, err);
    if (rc == PB_OK)
        rc = sql_int(db, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'server'", &old,
                     err);
    if (rc == PB_OK && old > 0)
        rc = sql_run(db,
                     "INSERT INTO running (admin, started) SELECT admin, 0 FROM server WHERE admin <> '';"
                     "DROP TABLE server",
                     err);
    if (rc == PB_OK)
        rc = sql_run(db, stamp, err);
    if (rc == PB_OK)
        return sql_commit(db, err);
    sql_rollback(db);
    return rc;
}

/* NORMAL: a power cut may lose the last seconds' count, and never more than that. */
static int state_prepare(struct sqlite3 *db, const char *file, struct pb_error *err)
{
    int64_t application = 0, format = 0, tables = 0, whole = 0;
    int rc = sql_int(db, "PRAGMA application_id", &application, err);
    if (rc == PB_OK)
        rc = sql_int(db, "PRAGMA user_version", &format, err);
    if (rc == PB_OK)
        rc = sql_int(db, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (rc == PB_OK)
        rc = sql_int(db,
                     "SELECT count(*) = 2 FROM sqlite_master"
                     " WHERE type = 'table' AND name IN ('running', 'token')",
                     &whole, err);
    if (rc == PB_OK && tables > 0 && application != STATE_APPLICATION)
        return error_set(err, PB_DAMAGED, "%s: not patchbay's record", file);
    if (rc == PB_OK && tables > 0 && format != STATE_FORMAT)
        return error_set(err, PB_UNSUPPORTED, "%s: format %lld; this patchbay reads format %d", file,
                         (long long)format, STATE_FORMAT);
    if (rc == PB_OK)
        rc = sql_run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL", err);
    return rc < 0 || whole > 0 ? rc : state_make(db, err);
}

int state_open(const char *depot, struct state **out, struct pb_error *err)
{
    return state_open_within(depot, STATE_PATIENCE_MS, out, err);
}

int state_open_within(const char *depot, unsigned ms, struct state **out, struct pb_error *err)
{
    char file[PATH_MAX];
    struct state *s = calloc(1, sizeof *s);
    if (s == NULL)
        return error_memory(err);
    int rc = snprintf(file, sizeof file, "%s/" STATE_FILE, depot) < (int)sizeof file
                 ? database_regular(file, err)
                 : error_set(err, PB_INVALID, "depot %s: the path is too long", depot);
    if (rc == PB_OK)
        rc = sql_connect(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &s->db, err);
    if (rc == PB_OK)
        state_patience(s, ms);
    if (rc == PB_OK)
        rc = state_prepare(s->db, file, err);
    if (rc == PB_OK)
        rc = sql_prepare(s->db,
                         "INSERT INTO use VALUES (?1, ?2, ?3) ON CONFLICT (scope) DO UPDATE SET"
                         " bytes = ?3 + CASE WHEN day = ?2 THEN bytes ELSE 0 END, day = ?2 WHERE day <= ?2",
                         &s->use_add, err);
    if (rc == PB_OK)
        rc = sql_prepare(s->db, "SELECT bytes FROM use WHERE scope = ?1 AND day = ?2", &s->use_read, err);
    if (rc < 0) {
        state_close(s);
        return error_context(err, "depot %s", depot);
    }
    *out = s;
    return PB_OK;
}

void state_close(struct state *s)
{
    if (s == NULL)
        return;
    sql_finish(&s->use_add);
    sql_finish(&s->use_read);
    catalog_close(s->db);
    free(s);
}

struct sqlite3 *state_database(struct state *s)
{
    return s->db;
}

int state_version(struct state *s, int64_t *version, struct pb_error *err)
{
    return catalog_version(s->db, version, err);
}

/* ---- bans ---- */

int state_ban(struct state *s, const struct state_ban *ban, bool only_longer, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *old = NULL, *st = NULL;
    int rc = sql_prepare(s->db, "DELETE FROM ban WHERE expires <> 0 AND expires <= ?", &old, err);
    if (rc == PB_OK)
        rc = sql_prepare(s->db,
                         "INSERT INTO ban VALUES (?, ?, ?, ?) ON CONFLICT (range) DO UPDATE SET"
                         " reason = excluded.reason, added = excluded.added, expires = excluded.expires"
                         " WHERE NOT ?5 OR (expires <> 0 AND expires < excluded.expires)",
                         &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(old, 1, clock_unix());
    rc = sql_done(old, err);
    sql_bind_slice(st, 1, slice_of(ban->range));
    sql_bind_slice(st, 2, slice_of(ban->reason));
    sqlite3_bind_int64(st, 3, ban->added);
    sqlite3_bind_int64(st, 4, ban->expires);
    sqlite3_bind_int(st, 5, only_longer);
    return rc < 0 ? rc : sql_done(st, err);
}

int state_unban(struct state *s, const char *range, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(s->db, "DELETE FROM ban WHERE range = ? AND (expires = 0 OR expires > ?)", &st, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(st, 1, slice_of(range));
    sqlite3_bind_int64(st, 2, clock_unix());
    rc = sql_done(st, err);
    if (rc == PB_OK && sqlite3_changes(s->db) == 0)
        return error_set(err, PB_NOT_FOUND, "%s is not banned (patchbay bans lists what is)", range);
    return rc;
}

int state_bans(struct state *s, state_ban_fn *fn, void *arg, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(s->db,
                         "SELECT range, reason, added, expires FROM ban"
                         " WHERE expires = 0 OR expires > ? ORDER BY range",
                         &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, clock_unix());
    while ((rc = sql_step(st, err)) == 1) {
        const char *range = (const char *)sqlite3_column_text(st, 0);
        const char *reason = (const char *)sqlite3_column_text(st, 1);
        if (range == NULL || reason == NULL)
            return error_memory(err);
        rc = fn(arg,
                &(struct state_ban){range, reason, sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3)},
                err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

/* ---- what was served ---- */

int state_use_add(struct state *s, const char *scope, int64_t day, uint64_t bytes, uint64_t *today,
                  struct pb_error *err)
{
    int rc = PB_OK;
    if (bytes > 0) {
        sql_bind_slice(s->use_add, 1, slice_of(scope));
        sqlite3_bind_int64(s->use_add, 2, day);
        sqlite3_bind_int64(s->use_add, 3, (sqlite3_int64)bytes);
        rc = sql_done(s->use_add, err);
    }
    if (rc < 0)
        return rc;
    sql_bind_slice(s->use_read, 1, slice_of(scope));
    sqlite3_bind_int64(s->use_read, 2, day);
    rc = sql_step(s->use_read, err);
    *today = rc == 1 ? (uint64_t)sqlite3_column_int64(s->use_read, 0) : 0;
    sqlite3_reset(s->use_read);
    return rc < 0 ? rc : PB_OK;
}

int state_begin(struct state *s, struct pb_error *err)
{
    return sql_begin(s->db, err);
}

int state_end(struct state *s, struct pb_error *err)
{
    return sql_commit(s->db, err);
}

void state_abandon(struct state *s)
{
    sql_rollback(s->db);
}

void state_patience(struct state *s, unsigned ms)
{
    sqlite3_busy_timeout(s->db, (int)ms);
}

/* ---- running servers ---- */

/* The server itself is the newest, so it is not among those that go. */
int state_server_add(struct state *s, const char *admin, int64_t started, int64_t *id, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *old = NULL, *st = NULL;
    int rc = sql_prepare(s->db,
                         "DELETE FROM running WHERE admin = ?1 OR id NOT IN"
                         " (SELECT id FROM running WHERE admin <> ?1 ORDER BY id DESC LIMIT ?2)",
                         &old, err);
    if (rc == PB_OK)
        rc = sql_prepare(s->db, "INSERT INTO running (admin, started) VALUES (?, ?)", &st, err);
    if (rc == PB_OK)
        rc = sql_begin(s->db, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(old, 1, slice_of(admin));
    sqlite3_bind_int(old, 2, STATE_SERVERS_MAX - 1);
    sql_bind_slice(st, 1, slice_of(admin));
    sqlite3_bind_int64(st, 2, started);
    rc = sql_done(old, err);
    if (rc == PB_OK)
        rc = sql_done(st, err);
    if (rc < 0) {
        sql_rollback(s->db);
        return rc;
    }
    int64_t row = sqlite3_last_insert_rowid(s->db);
    rc = sql_commit(s->db, err);
    if (rc == PB_OK)
        *id = row;
    return rc;
}

int state_server_remove(struct state *s, int64_t id, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(s->db, "DELETE FROM running WHERE id = ?", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, id);
    return sql_done(st, err);
}

int state_servers(struct state *s, struct state_server out[STATE_SERVERS_MAX], size_t *n,
                  struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(s->db, "SELECT id, admin, started FROM running ORDER BY id DESC LIMIT ?", &st, err);
    *n = 0;
    if (rc < 0)
        return rc;
    sqlite3_bind_int(st, 1, STATE_SERVERS_MAX);
    while (*n < STATE_SERVERS_MAX && (rc = sql_step(st, err)) == 1) {
        const char *admin = (const char *)sqlite3_column_text(st, 1);
        struct state_server *server = &out[(*n)++];
        *server = (struct state_server){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 2), ""};
        snprintf(server->admin, sizeof server->admin, "%s", admin != NULL ? admin : "");
    }
    return rc < 0 ? rc : PB_OK;
}
