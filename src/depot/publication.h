/* The publishing transaction: collect entries, sync once, make the release live in one catalog transaction.
 */
#ifndef PB_DEPOT_PUBLICATION_H
#define PB_DEPOT_PUBLICATION_H

#include "base/arena.h"
#include "depot/object.h"

struct publication_entry {
    const char *name;
    int kind; /* the dialect's own numbering */
    struct object object;
    struct slice extra; /* the dialect's own bytes */
};

struct publication {
    struct depot *depot;
    int lock;
    struct arena arena;
    char *dialect;
    char *name;
    struct publication_entry *entries;
    size_t n, room;
};

/* Begins; holds the depot's lock (shared) until publication_end. `dialect` and `name` are copied. */
PB_MUST_USE int publication_begin(struct depot *d, const char *dialect, struct slice name,
                                  struct publication *p, struct pb_error *err);
void publication_end(struct publication *p); /* without a commit: what was written is garbage for gc */

/* `object` comes from an object_writer of this depot, or from an entry of a release. Everything is copied. */
PB_MUST_USE int publication_add(struct publication *p, struct slice name, int kind,
                                const struct object *object, struct slice extra, struct pb_error *err);

struct publication_result {
    bool unchanged;       /* the live release is the same already: nothing was made live */
    char version[64];     /* of the release that is live now */
    uint64_t stored;      /* bytes of objects that the depot did not have */
    uint64_t present;     /* bytes of objects that it had */
    unsigned new_objects; /* how many it did not have */
};

/*
 * Makes the release live. `attributes` is JSON text in a canonical form (the same facts give the same text).
 * With `version` NULL the release gets the next number. PB_INVALID when the title
 * has another release of that version.
 */
PB_MUST_USE int publication_commit(struct publication *p, const char *version, const char *attributes,
                                   struct publication_result *result, struct pb_error *err);

#define _cleanup_publication_ __attribute__((cleanup(publication_end)))

/* Replaces the attributes of a release that is in the catalog, and, unless `name` is NULL, the object and the
 * extra bytes of its entry of that name: for lists that an earlier version of patchbay wrote wrong. One
 * transaction; servers take it up as they take up a publish. The caller holds the depot's lock. */
PB_MUST_USE int release_amend(struct depot *d, int64_t release, const char *attributes, const char *name,
                              const struct object *object, struct slice extra, struct pb_error *err);

#endif
