/* From a catalog's releases to a site that all dialects can serve: their compile functions, called in the
 * right order. */
#ifndef PB_DIALECT_COMPILE_H
#define PB_DIALECT_COMPILE_H

#include "dialect/dialect.h"

/* Makes sites with these dialects (the list ends with NULL) and their settings, one for each; NULL: nothing
 * is served. A title of a dialect that is none of them fails with PB_UNSUPPORTED. site->compiled has a value
 * for each of them, in their order. */
struct site_maker dialects_maker(const struct dialect *const *all, void **settings, site_failed_fn *failed,
                                 void *arg);

/* The dialect, other than `mine`, that answers a path beginning with this name; NULL when none does. */
const struct dialect *dialect_path_taken(const struct dialect *const *all, const struct dialect *mine,
                                         struct slice name);

#endif
