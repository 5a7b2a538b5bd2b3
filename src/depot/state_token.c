/* The table of tokens. */
#include "depot/state_token.h"

#include "base/clock.h"
#include "depot/catalog.h"

#include <sqlite3.h>

/* In a transaction: how many there are, and whether this name is taken. */
static int room_check(struct sqlite3 *db, const char *name, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(db, "SELECT count(*), total(name = ?) FROM token", &st, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(st, 1, slice_of(name));
    rc = sql_step(st, err);
    if (rc < 0)
        return rc;
    if (sqlite3_column_int64(st, 1) > 0)
        return error_set(err, PB_INVALID, "there is a token %s already (patchbay token revoke %s removes it)",
                         name, name);
    if (sqlite3_column_int64(st, 0) >= TOKENS_MAX)
        return error_set(err, PB_INVALID, "there are %d tokens already", TOKENS_MAX);
    return PB_OK;
}

static int expired_remove(struct sqlite3 *db, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(db, "DELETE FROM token WHERE expires <> 0 AND expires <= ?", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, clock_unix());
    return sql_done(st, err);
}

static int row_add(struct sqlite3 *db, const struct state_token *t, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(db, "INSERT INTO token VALUES (?, ?, ?, ?, ?, ?)", &st, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(st, 1, slice_of(t->name));
    sqlite3_bind_blob(st, 2, &t->hash, sizeof t->hash, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, t->rights);
    sqlite3_bind_int64(st, 4, t->added);
    sqlite3_bind_int64(st, 5, t->expires);
    sqlite3_bind_int64(st, 6, t->used);
    return sql_done(st, err);
}

int state_token_add(struct state *s, const struct state_token *token, struct pb_error *err)
{
    struct sqlite3 *db = state_database(s);
    int rc = sql_begin(db, err);
    if (rc < 0)
        return rc;
    rc = expired_remove(db, err);
    if (rc == PB_OK)
        rc = room_check(db, token->name, err);
    if (rc == PB_OK)
        rc = row_add(db, token, err);
    if (rc == PB_OK)
        return sql_commit(db, err);
    sql_rollback(db);
    return rc;
}

int state_token_revoke(struct state *s, const char *name, struct pb_error *err)
{
    struct sqlite3 *db = state_database(s);
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(db, "DELETE FROM token WHERE name = ?", &st, err);
    if (rc < 0)
        return rc;
    sql_bind_slice(st, 1, slice_of(name));
    rc = sql_done(st, err);
    if (rc == PB_OK && sqlite3_changes(db) == 0)
        return error_set(err, PB_NOT_FOUND, "there is no token %s (patchbay token list lists them)", name);
    return rc;
}

/* What somebody else wrote that is no token of ours is passed over: it opens nothing. */
static int row_read(struct sqlite3_stmt *st, state_token_fn *fn, void *arg, struct pb_error *err)
{
    struct state_token t = {.name = (const char *)sqlite3_column_text(st, 0),
                            .rights = (unsigned)sqlite3_column_int64(st, 2),
                            .added = sqlite3_column_int64(st, 3),
                            .expires = sqlite3_column_int64(st, 4),
                            .used = sqlite3_column_int64(st, 5)};
    const void *hash = sqlite3_column_blob(st, 1);
    if (t.name == NULL)
        return error_memory(err);
    if (hash == NULL || sqlite3_column_bytes(st, 1) != sizeof t.hash || strlen(t.name) > TOKEN_NAME_MAX)
        return PB_OK;
    memcpy(&t.hash, hash, sizeof t.hash);
    return fn(arg, &t, err);
}

int state_tokens(struct state *s, state_token_fn *fn, void *arg, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc = sql_prepare(state_database(s),
                         "SELECT name, hash, rights, added, expires, used FROM token"
                         " ORDER BY name LIMIT ?",
                         &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int(st, 1, TOKENS_MAX);
    while ((rc = sql_step(st, err)) == 1) {
        rc = row_read(st, fn, arg, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int state_token_used(struct state *s, const struct sha256 *hash, int64_t when, struct pb_error *err)
{
    _cleanup_stmt_ struct sqlite3_stmt *st = NULL;
    int rc =
        sql_prepare(state_database(s), "UPDATE token SET used = ?1 WHERE hash = ?2 AND used < ?1", &st, err);
    if (rc < 0)
        return rc;
    sqlite3_bind_int64(st, 1, when);
    sqlite3_bind_blob(st, 2, hash, sizeof *hash, SQLITE_STATIC);
    return sql_done(st, err);
}
