/* The catalog: which objects make which release of which title (SQLite). Only this file's neighbours speak
 * SQL. */
#ifndef PB_DEPOT_CATALOG_H
#define PB_DEPOT_CATALOG_H

#include "depot/object.h"

struct sqlite3;
struct sqlite3_stmt;

PB_MUST_USE int catalog_create(const char *file, struct pb_error *err);
PB_MUST_USE int catalog_open(const char *file, struct sqlite3 **db, struct pb_error *err);
void catalog_close(struct sqlite3 *db);

/* Changes whenever another connection commits. */
PB_MUST_USE int catalog_version(struct sqlite3 *db, int64_t *version, struct pb_error *err);

/* Opens a database for one thread; `flags` are SQLite's. */
PB_MUST_USE int sql_connect(const char *file, int flags, struct sqlite3 **db, struct pb_error *err);
/* The number that a statement gives; 0 when it gives none. */
PB_MUST_USE int sql_int(struct sqlite3 *db, const char *text, int64_t *value, struct pb_error *err);

/* Statements: prepare, bind, step, and one line of error for all of them. */
PB_MUST_USE int sql_prepare(struct sqlite3 *db, const char *text, struct sqlite3_stmt **st,
                            struct pb_error *err);
PB_MUST_USE int sql_run(struct sqlite3 *db, const char *text, struct pb_error *err);
/* 1: a row; 0: done; negative: an error. */
PB_MUST_USE int sql_step(struct sqlite3_stmt *st, struct pb_error *err);
/* Steps a statement that gives no rows, and resets it for the next use. */
PB_MUST_USE int sql_done(struct sqlite3_stmt *st, struct pb_error *err);
int sql_error(struct sqlite3 *db, struct pb_error *err);
void sql_finish(struct sqlite3_stmt **st);
#define _cleanup_stmt_ __attribute__((cleanup(sql_finish)))

/* Transactions that write. sql_begin waits for another writer for up to 30 s. */
PB_MUST_USE int sql_begin(struct sqlite3 *db, struct pb_error *err);
PB_MUST_USE int sql_commit(struct sqlite3 *db, struct pb_error *err);
void sql_rollback(struct sqlite3 *db);

/* Splits "dialect/name". PB_INVALID with the way to write it when it is anything else. */
struct title_name {
    struct slice dialect;
    struct slice name;
};
PB_MUST_USE int title_parse(const char *title, struct title_name *out, struct pb_error *err);

/* Ids. PB_NOT_FOUND when there is none; *live is 0 when no release is. */
PB_MUST_USE int catalog_title(struct sqlite3 *db, struct title_name name, int64_t *title, int64_t *live,
                              struct pb_error *err);

/* Makes a release live, 0 for none; within a transaction. title.since is now, or one more than it was: each
 * change of what is served has a time of its own, so that dates in HTTP conditions tell releases apart. */
PB_MUST_USE int catalog_live_set(struct sqlite3 *db, int64_t title, int64_t release, struct pb_error *err);

/* Reads an object from three columns of a row: sha256, md5, size. PB_DAMAGED when they are not what they must
 * be. */
PB_MUST_USE int sql_object(struct sqlite3_stmt *st, int column, struct object *out, struct pb_error *err);

/* Binds a slice as text. */
void sql_bind_slice(struct sqlite3_stmt *st, int at, struct slice text);

#endif
