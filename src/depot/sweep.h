/* Finds the files of a depot that the catalog does not name, for gc, which removes them, and fsck, which
 * counts them. */
#ifndef PB_DEPOT_SWEEP_H
#define PB_DEPOT_SWEEP_H

#include "depot/depot.h"
#include "patchbay/depot.h"

PB_MUST_USE int depot_sweep(struct depot *d, bool remove, struct pb_gc_report *report, struct pb_error *err);

#endif
