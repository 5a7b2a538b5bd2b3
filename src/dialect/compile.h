/* From a catalog's releases to a site that all dialects can serve: their compile functions, called in the
 * right order. */
#ifndef PB_DIALECT_COMPILE_H
#define PB_DIALECT_COMPILE_H

#include "dialect/dialect.h"

/* A site_compile_fn's work: PB_UNSUPPORTED when none of `all` (which ends with NULL) is the title's dialect.
 */
PB_MUST_USE int dialects_compile(const struct dialect *const *all, struct site_title *title,
                                 const struct md5 *md5, struct pb_error *err);
/* A site_finish_fn's work: sets site->compiled, one for each dialect in the order of `all`. */
PB_MUST_USE int dialects_finish(const struct dialect *const *all, struct site *site, struct pb_error *err);

/* The dialect, other than `mine`, that answers a path beginning with this name; NULL when none does. */
const struct dialect *dialect_path_taken(const struct dialect *const *all, const struct dialect *mine,
                                         struct slice name);

#endif
