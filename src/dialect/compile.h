/* Making sites: calls the compile functions of the dialects. */
#ifndef PB_DIALECT_COMPILE_H
#define PB_DIALECT_COMPILE_H

#include "dialect/dialect.h"

/* A site_maker for these dialects; the list ends with NULL. `settings` has a value for each; NULL: for sites
 * that are not served. A title of another dialect fails with PB_UNSUPPORTED. site->compiled has a value for
 * each dialect, in order. */
struct site_maker dialects_maker(const struct dialect *const *all, void **settings, site_failed_fn *failed,
                                 void *arg);

/* The dialect, other than `mine`, that reserves this first name of paths. NULL: none does. */
const struct dialect *dialect_path_taken(const struct dialect *const *all, const struct dialect *mine,
                                         struct slice name);

#endif
