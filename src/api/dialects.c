/* The list of all dialects. */
#include "api/dialects.h"

#include "dialect/escape/escape.h"
#include "dialect/opensauce/opensauce.h"
#include "dialect/playonline/playonline.h"

/* clang-format off: one a line */
const struct dialect *const all_dialects[] = {
    &opensauce_dialect,
    &escape_dialect,
    &playonline_dialect,
    NULL,
};
/* clang-format on */
