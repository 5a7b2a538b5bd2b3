/* Creating, opening and closing a depot. */
#ifndef PB_DEPOT_OPEN_H
#define PB_DEPOT_OPEN_H

#include "depot/depot.h"

/* Errors as for pb_depot_init and pb_depot_open. The caller closes *out with depot_close. */
PB_MUST_USE int depot_init(const char *path, struct pb_error *err);
PB_MUST_USE int depot_open(const char *path, struct depot **out, struct pb_error *err);
/* PB_FAILED: the depot is read-only. */
PB_MUST_USE int depot_writable(const struct depot *d, struct pb_error *err);
/* A number that changes when another program has changed the catalog. It may open the catalog anew, so no
 * statement may be under way. */
PB_MUST_USE int depot_version(struct depot *d, int64_t *version, struct pb_error *err);
void depot_close(struct depot *d); /* accepts NULL */

#endif
