/* What the objects of a depot are there for, in bytes. patchbay/depot.h documents it, as pb_depot_usage. */
#ifndef PB_DEPOT_USAGE_H
#define PB_DEPOT_USAGE_H

#include "depot/depot.h"
#include "patchbay/depot.h"

PB_MUST_USE int depot_usage(struct depot *d, pb_title_usage_fn *fn, void *arg, struct pb_usage_report *out,
                            struct pb_error *err);
/* Sets free_bytes and disk_bytes alone. */
PB_MUST_USE int depot_disk(const struct depot *d, struct pb_usage_report *out, struct pb_error *err);

#endif
