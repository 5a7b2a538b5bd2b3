/* Copying a depot: backup and restore. A copy is itself a depot. */
#ifndef PB_DEPOT_COPY_H
#define PB_DEPOT_COPY_H

#include "depot/depot.h"
#include "patchbay/depot.h"

/*
 * Copies the objects that the catalog names at one moment, the catalog, and the operator's record. Publishing
 * and serving continue; gc waits. Objects that the target has already are not copied again. The target's
 * catalog is replaced at the end: an interrupted copy leaves the earlier one intact. With `fresh` the target
 * must not be a depot yet.
 *
 * PB_INVALID: the target is this depot, lies in it, or has files that are not a depot's. PB_DAMAGED: objects
 * of the source are missing or damaged; the others were copied, and the target's catalog was not replaced.
 * PB_BUSY: another program has the target open.
 */
PB_MUST_USE int depot_copy(struct depot *d, const char *target, bool fresh, pb_progress_fn *progress,
                           void *arg, struct pb_backup_report *report, struct pb_error *err);

#endif
