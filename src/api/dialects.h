/* The list of all dialects: the one line that a new protocol adds. */
#ifndef PB_API_DIALECTS_H
#define PB_API_DIALECTS_H

#include "dialect/dialect.h"

/* Ends with NULL. */
extern const struct dialect *const all_dialects[];

/* NULL when there is none of that name. */
const struct dialect *dialect_find(const char *name);

#endif
