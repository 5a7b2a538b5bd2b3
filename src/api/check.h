/* What a configuration says of things that must be there. */
#ifndef PB_API_CHECK_H
#define PB_API_CHECK_H

#include "api/config.h"

/* Calls warn for each title that a rate or a cap names and the depot does not have: it may still be
 * published. */
PB_MUST_USE int check_titles(const struct pb_config *c, struct depot *d, pb_server_report_fn *warn, void *arg,
                             struct pb_error *err);
/* The same, as a server does at its start and at a reload: it opens the depot for it, and reports what fails.
 */
void check_titles_report(const struct pb_config *c, const char *depot, pb_server_report_fn *warn, void *arg);

#endif
