/* A publication: collects the entries of a release, syncs the disk once, and makes the release live in one
 * transaction of the catalog. */
#ifndef PB_DEPOT_PUBLICATION_H
#define PB_DEPOT_PUBLICATION_H

#include "base/arena.h"
#include "depot/object.h"

struct publication_entry {
    const char *name;
    int kind; /* numbered by the dialect */
    struct object object;
    struct slice extra; /* bytes for the dialect */
};

struct publication {
    struct depot *depot;
    bool locked; /* the depot's lock is ours */
    struct arena arena;
    char *dialect;
    char *name;
    struct publication_entry *entries;
    size_t n, room;
};

/* Begins a publication, and takes the depot's lock (shared) until publication_end. `dialect` and `name` are
 * copied. */
PB_MUST_USE int publication_begin(struct depot *d, const char *dialect, struct slice name,
                                  struct publication *p, struct pb_error *err);
void publication_end(struct publication *p); /* without a commit, written objects are left for gc */

/* Adds an entry. The object must be in the depot. All arguments are copied. */
PB_MUST_USE int publication_add(struct publication *p, struct slice name, int kind,
                                const struct object *object, struct slice extra, struct pb_error *err);

struct publication_result {
    bool unchanged;       /* the live release is the same; no new one was made */
    char version[64];     /* of the live release */
    uint64_t stored;      /* bytes of objects that were new to the depot */
    uint64_t present;     /* bytes of objects that were there already */
    unsigned new_objects; /* number of objects that were new */
};

/*
 * Makes the release live. `attributes` is canonical JSON: equal attributes are equal texts. With `version`
 * NULL the release gets the next number. PB_INVALID: the title has another release of this version.
 */
PB_MUST_USE int publication_commit(struct publication *p, const char *version, const char *attributes,
                                   struct publication_result *result, struct pb_error *err);

#define _cleanup_publication_ __attribute__((cleanup(publication_end)))

/* Changes a release in place, in one transaction: its attributes and, unless `name` is NULL, the object and
 * the extra bytes of the entry of that name. For repairing lists that an earlier version of patchbay wrote
 * wrong. Servers take it up like a publish. The caller holds the depot's lock. */
PB_MUST_USE int release_amend(struct depot *d, int64_t release, const char *attributes, const char *name,
                              const struct object *object, struct slice extra, struct pb_error *err);

#endif
