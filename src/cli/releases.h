/* Showing releases: shared by history, rollback and list. */
#ifndef PB_CLI_RELEASES_H
#define PB_CLI_RELEASES_H

#include "cli/output.h"

/* A pb_release_fn; arg is a JSON array to append to, or NULL to print a line. */
int release_show(void *array, const struct pb_release *r);

#endif
