/* The list of all dialects. */
#include "api/dialects.h"

#include "dialect/escape/escape.h"
#include "dialect/opensauce/opensauce.h"
#include "dialect/playonline/playonline.h"

const struct dialect *const all_dialects[] = {
    &opensauce_dialect,
    &escape_dialect,
    &playonline_dialect,
    NULL,
};

const struct dialect *dialect_find(const char *name)
{
    for (size_t i = 0; all_dialects[i] != NULL; i++) {
        if (strcmp(all_dialects[i]->name, name) == 0)
            return all_dialects[i];
    }
    return NULL;
}
