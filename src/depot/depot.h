/* An open depot: its folder, its catalog, its objects, and the lock between publishing and gc.
 * docs/formats/depot.md. */
#ifndef PB_DEPOT_DEPOT_H
#define PB_DEPOT_DEPOT_H

#include "base/digest.h"

struct sqlite3;

/* How a database and its log look on disk; equal stamps are the same content. */
struct database_stamp {
    struct {
        uint64_t inode, size;
        int64_t seconds, nanoseconds;
    } files[2];
};

/* Belongs to one thread at a time. Any number of processes may have the same depot open. */
struct depot {
    char *path;
    int folder;
    int objects;
    int tmp;
    struct sqlite3 *db;
    bool read_only;              /* the folder can't be written; `tmp` may be -1 */
    bool copied;                 /* `db` is a copy of the catalog: database_read.h */
    int64_t copies;              /* how often it was copied */
    struct database_stamp stamp; /* of the copy */
    int lock;                    /* DEPOT_LOCK, shared; see lock.h */
    unsigned lock_users;         /* 0: not taken */
};

#define CATALOG_FILE "catalog.sqlite"

/* The lock file: publishing takes it shared, gc exclusive; see lock.h. */
#define DEPOT_LOCK "lock"
#define DEPOT_TURN "turn" /* held while waiting for the lock */

#endif
