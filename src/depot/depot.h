/* An open depot: its folder, its catalog, its objects, and the lock between publishing and gc.
 * docs/formats/depot.md. */
#ifndef PB_DEPOT_DEPOT_H
#define PB_DEPOT_DEPOT_H

#include "base/digest.h"

struct sqlite3;

/* Belongs to one thread at a time. Any number of processes may have the same depot open. */
struct depot {
    char *path;
    int folder;
    int objects;
    int tmp;
    struct sqlite3 *db;
};

#define CATALOG_FILE "catalog.sqlite"

/* The lock file: publishing takes it shared, gc exclusive; see lock_take. */
#define DEPOT_LOCK "lock"

#endif
