/* Storing the files of a tree of levels, on all cores. */
#ifndef PB_ESCAPE_LEVELS_STORE_H
#define PB_ESCAPE_LEVELS_STORE_H

#include "depot/object.h"
#include "patchbay/status.h"

enum es_found_kind {
    ES_FOUND_LEVEL, /* `object` is in the depot */
    ES_FOUND_INDEX, /* describes its folder; not stored */
    ES_FOUND_EMPTY, /* has no bytes; not stored */
};

/* A file of the tree. */
struct es_found {
    const char *path;
    enum es_found_kind kind; /* set by es_levels_store, with `object` */
    struct object object;
};

/* Reads and stores n files below `root`. progress may be NULL; it is called from any of the threads, by one
 * at a time. PB_INVALID: a file is too large to be a level. */
PB_MUST_USE int es_levels_store(const struct depot *d, int root, struct es_found *list, size_t n,
                                pb_progress_fn *progress, void *arg, struct pb_error *err);

#endif
