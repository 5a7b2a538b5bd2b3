/* What the user said with a dialect's own options of fetching (struct dialect_fetch). */
#ifndef PB_DIALECT_OPTIONS_H
#define PB_DIALECT_OPTIONS_H

#include "dialect/dialect.h"

/* The value that was given last; NULL: none. Of a flag, any value but NULL means that it is set. */
const char *fetch_option(const struct fetch_request *q, const char *key);
/* The values of a repeatable option, one after the other: *at begins with 0. NULL after the last. */
const char *fetch_option_next(const struct fetch_request *q, const char *key, size_t *at);

#endif
