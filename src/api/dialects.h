/* The list of all dialects. dialects.c has it, and nothing else: a new protocol adds one line there. */
#ifndef PB_API_DIALECTS_H
#define PB_API_DIALECTS_H

#include "dialect/dialect.h"

/* Ends with NULL. */
extern const struct dialect *const all_dialects[];

/* NULL when there is none of that name. */
static inline const struct dialect *dialect_find(const char *name)
{
    for (size_t i = 0; all_dialects[i] != NULL; i++) {
        if (strcmp(all_dialects[i]->name, name) == 0)
            return all_dialects[i];
    }
    return NULL;
}

#endif
