/* Creating, opening and closing a depot. */
#ifndef PB_DEPOT_OPEN_H
#define PB_DEPOT_OPEN_H

#include "depot/depot.h"

/* Errors as for pb_depot_init and pb_depot_open. The caller closes *out with depot_close. */
PB_MUST_USE int depot_init(const char *path, struct pb_error *err);
PB_MUST_USE int depot_open(const char *path, struct depot **out, struct pb_error *err);
void depot_close(struct depot *d); /* accepts NULL */

#endif
