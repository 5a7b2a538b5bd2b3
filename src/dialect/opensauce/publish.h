/* Publishing and importing maps. The public functions of patchbay/publish.h document arguments and failures.
 */
#ifndef PB_OPENSAUCE_PUBLISH_H
#define PB_OPENSAUCE_PUBLISH_H

#include "depot/depot.h"
#include "patchbay/publish.h"

/* `fd`: an open file, which is read instead of options->file; that is its name then. It stays the caller's.
 * -1: none. */
PB_MUST_USE int os_publish_map(struct depot *d, const struct pb_map_options *options, int fd,
                               pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                               struct pb_error *err);
/* What os_publish_map says of these options and a file of this size before it reads it. */
PB_MUST_USE int os_publish_check(const struct pb_map_options *options, uint64_t size, struct pb_error *err);
PB_MUST_USE int os_import(struct depot *d, const struct pb_import_options *options, pb_import_fn *fn,
                          void *arg, struct pb_import_report *report, struct pb_error *err);

#endif
