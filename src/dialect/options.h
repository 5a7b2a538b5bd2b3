/* The values of a dialect's own options of fetching (dialect_fetch.options). */
#ifndef PB_DIALECT_OPTIONS_H
#define PB_DIALECT_OPTIONS_H

#include "dialect/dialect.h"

/* The last value of an option; NULL: not given. A flag is set when the value is not NULL. */
const char *fetch_option(const struct fetch_request *q, const char *key);
/* The next value of a repeatable option; *at starts as 0. NULL: there are no more. */
const char *fetch_option_next(const struct fetch_request *q, const char *key, size_t *at);

#endif
