/* Publishing and importing maps. The public functions of patchbay/publish.h document arguments and failures.
 */
#ifndef PB_OPENSAUCE_PUBLISH_H
#define PB_OPENSAUCE_PUBLISH_H

#include "depot/depot.h"
#include "patchbay/publish.h"

PB_MUST_USE int os_publish_map(struct depot *d, const struct pb_map_options *options,
                               pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                               struct pb_error *err);
PB_MUST_USE int os_import(struct depot *d, const struct pb_import_options *options, pb_import_fn *fn,
                          void *arg, struct pb_import_report *report, struct pb_error *err);

#endif
