/* The text of patchbay list: what is live, what each title costs, and what the depot does. */
#ifndef PB_CLI_LIST_VIEW_H
#define PB_CLI_LIST_VIEW_H

#include "cli/output.h"

/* Lists the depot. `array` is appended to, or NULL: text is printed. */
PB_MUST_USE int list_depot(struct pb_depot *depot, json_t *array, struct pb_error *err);
/* The same of the names of all titles alone. */
PB_MUST_USE int list_names(struct pb_depot *depot, json_t *array, struct pb_error *err);

#endif
