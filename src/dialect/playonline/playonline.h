/* PlayOnline as a dialect: the value that src/api/dialects.c lists. */
#ifndef PB_PLAYONLINE_PLAYONLINE_H
#define PB_PLAYONLINE_PLAYONLINE_H

#include "dialect/dialect.h"

extern const struct dialect playonline_dialect;
extern const struct dialect_fetch playonline_fetch;

#define PO_DEFAULT_PORT 54000

#endif
