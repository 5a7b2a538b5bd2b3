/* Escape as a dialect: the value that src/api/dialects.c lists. */
#ifndef PB_ESCAPE_ESCAPE_H
#define PB_ESCAPE_ESCAPE_H

#include "dialect/dialect.h"

extern const struct dialect escape_dialect;
extern const struct dialect_fetch escape_fetch;

#define ES_DEFAULT_PORT 80

#endif
