/* Listing releases, choosing the live one, garbage collection, checking. patchbay/depot.h documents arguments
 * and errors, under the same names. */
#ifndef PB_DEPOT_RELEASE_H
#define PB_DEPOT_RELEASE_H

#include "depot/depot.h"
#include "patchbay/depot.h"

PB_MUST_USE int release_list(struct depot *d, pb_release_fn *fn, void *arg, struct pb_error *err);
PB_MUST_USE int release_history(struct depot *d, const char *title, pb_release_fn *fn, void *arg,
                                struct pb_error *err);
/* Called before a release of a title becomes live, within the transaction. An error prevents it. */
typedef int release_check_fn(struct depot *d, const char *title, const char *attributes,
                             struct pb_error *err);
PB_MUST_USE int release_rollback(struct depot *d, const char *title, const char *version,
                                 release_check_fn *check, pb_release_fn *fn, void *arg, struct pb_error *err);
PB_MUST_USE int release_withdraw(struct depot *d, const char *title, struct pb_error *err);
PB_MUST_USE int depot_gc(struct depot *d, int keep, bool wait, struct pb_gc_report *report,
                         struct pb_error *err);
/* What depot_gc would do: the same, taken back at its end. */
PB_MUST_USE int depot_gc_preview(struct depot *d, int keep, bool wait, struct pb_gc_report *report,
                                 struct pb_error *err);
PB_MUST_USE int depot_fsck(struct depot *d, pb_problem_fn *fn, pb_progress_fn *progress, void *arg,
                           struct pb_fsck_report *report, struct pb_error *err);

#endif
