/* Opening a database where nothing can be written: a read-only mount, or somebody else's folder. */
#ifndef PB_DEPOT_DATABASE_READ_H
#define PB_DEPOT_DATABASE_READ_H

#include "depot/catalog.h"

/*
 * Opens `file` for reading. In its place, if SQLite can; then *copied is false, and sees what others commit.
 * Else it is a copy, in a file that nobody else sees, of what is there now: *stamp tells when that is old.
 */
PB_MUST_USE int database_read(const char *file, struct sqlite3 **db, bool *copied,
                              struct database_stamp *stamp, struct pb_error *err);

/* False: the database is not there, or is no regular file. */
bool database_look(const char *file, struct database_stamp *out);

/* PB_INVALID: the database, or a file that SQLite keeps beside it, is not a regular file. SQLite itself would
 * wait for the writer of a FIFO. */
PB_MUST_USE int database_regular(const char *file, struct pb_error *err);

#endif
