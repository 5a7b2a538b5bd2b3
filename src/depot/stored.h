/* Releases read from the catalog, for publishing what differs from them. Servers use the site instead. */
#ifndef PB_DEPOT_STORED_H
#define PB_DEPOT_STORED_H

#include "depot/publication.h"

struct stored_release {
    const char *version;
    const char *attributes;
    struct publication_entry *entries;
    size_t n;
    const struct publication_entry **by_name;
};

/* NULL: there is no entry of this name. */
const struct publication_entry *stored_entry_find(const struct stored_release *r, const char *name);

/* The live release of a title, in the arena. Returns 1; 0 when none is live. */
PB_MUST_USE int stored_release_live(struct depot *d, const char *dialect, const char *name, struct arena *a,
                                    struct stored_release *out, struct pb_error *err);

/* A release by its id in the catalog. Returns 1; 0 when there is none. */
PB_MUST_USE int stored_release_load(struct depot *d, int64_t id, struct arena *a, struct stored_release *out,
                                    struct pb_error *err);

/* All releases of a dialect's titles, oldest first, without their entries. */
struct stored_row {
    int64_t id;
    const char *title;
    const char *version;
    const char *attributes;
};
PB_MUST_USE int stored_each(struct depot *d, const char *dialect, struct arena *a, struct stored_row **out,
                            size_t *n, struct pb_error *err);

/* Calls fn for every live title of a dialect, sorted by name. A negative return value of fn ends this and is
 * its result. */
typedef int stored_live_fn(void *arg, const char *name, const char *version, const char *attributes,
                           struct pb_error *err);
PB_MUST_USE int stored_live_each(struct depot *d, const char *dialect, stored_live_fn *fn, void *arg,
                                 struct pb_error *err);

/* Reads all its objects: are their bytes those that the catalog promises? */
bool stored_release_sound(struct depot *d, const struct stored_release *r);

#endif
