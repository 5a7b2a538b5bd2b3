/* Making and opening a depot's folder. */
#ifndef PB_DEPOT_OPEN_H
#define PB_DEPOT_OPEN_H

#include "depot/depot.h"

PB_MUST_USE int depot_init(const char *path, struct pb_error *err);
PB_MUST_USE int depot_open(const char *path, struct depot **out, struct pb_error *err);
void depot_close(struct depot *d); /* NULL does no harm */

#endif
