/* The catalog: the SQLite database that says which objects make which release of which title. SQL is used in
 * src/depot alone. A database handle belongs to one thread at a time. docs/formats/depot.md. */
#ifndef PB_DEPOT_CATALOG_H
#define PB_DEPOT_CATALOG_H

#include "depot/object.h"

struct sqlite3;
struct sqlite3_stmt;

PB_MUST_USE int catalog_create(const char *file, struct pb_error *err);
PB_MUST_USE int catalog_open(const char *file, struct sqlite3 **db, struct pb_error *err);
/* Is it a catalog, of a format that we read? PB_DAMAGED, PB_UNSUPPORTED. */
PB_MUST_USE int catalog_check(struct sqlite3 *db, const char *file, struct pb_error *err);
void catalog_close(struct sqlite3 *db);

/* A number that changes when another connection commits. */
PB_MUST_USE int catalog_version(struct sqlite3 *db, int64_t *version, struct pb_error *err);

/* Opens a database; `flags` are those of sqlite3_open_v2. */
PB_MUST_USE int sql_connect(const char *file, int flags, struct sqlite3 **db, struct pb_error *err);
/* The number in the first row and column of a query; 0 without a row. */
PB_MUST_USE int sql_int(struct sqlite3 *db, const char *text, int64_t *value, struct pb_error *err);

/* Statements. Errors of SQLite become one line of text. */
PB_MUST_USE int sql_prepare(struct sqlite3 *db, const char *text, struct sqlite3_stmt **st,
                            struct pb_error *err);
PB_MUST_USE int sql_run(struct sqlite3 *db, const char *text, struct pb_error *err);
/* Returns 1: a row; 0: done; negative: an error. */
PB_MUST_USE int sql_step(struct sqlite3_stmt *st, struct pb_error *err);
/* Runs a statement without rows, and resets it. */
PB_MUST_USE int sql_done(struct sqlite3_stmt *st, struct pb_error *err);
int sql_error(struct sqlite3 *db, struct pb_error *err);
void sql_finish(struct sqlite3_stmt **st);
#define _cleanup_stmt_ __attribute__((cleanup(sql_finish)))

/* Write transactions. sql_begin waits up to 30 s for another writer, then returns PB_BUSY. */
PB_MUST_USE int sql_begin(struct sqlite3 *db, struct pb_error *err);
PB_MUST_USE int sql_commit(struct sqlite3 *db, struct pb_error *err);
void sql_rollback(struct sqlite3 *db);

/* "dialect/name", split. */
struct title_name {
    struct slice dialect;
    struct slice name;
};

/* The ids of a title and of its live release; *live is 0 when none is live. PB_NOT_FOUND: there is no such
 * title. */
PB_MUST_USE int catalog_title(struct sqlite3 *db, struct title_name name, int64_t *title, int64_t *live,
                              struct pb_error *err);
/* The same for "dialect/name". PB_INVALID: the text is not of this form. The errors say which titles are
 * near. */
PB_MUST_USE int catalog_title_find(struct sqlite3 *db, const char *title, int64_t *id, int64_t *live,
                                   struct pb_error *err);

/* Makes a release live, or (0) none. Within a transaction. Sets title.since to the present second, and always
 * to a later one than before, so that dates in HTTP conditions tell releases apart. */
PB_MUST_USE int catalog_live_set(struct sqlite3 *db, int64_t title, int64_t release, struct pb_error *err);

/* Reads an object from three columns of a row: sha256, md5, size. PB_DAMAGED: their types or sizes are wrong.
 */
PB_MUST_USE int sql_object(struct sqlite3_stmt *st, int column, struct object *out, struct pb_error *err);

/* Binds a slice as text. */
void sql_bind_slice(struct sqlite3_stmt *st, int at, struct slice text);

#endif
