/*
 * Structs of callers that may be of another version: patchbay/status.h has the rules. The library works with
 * structs of its own, which have all fields, and this copies between the two.
 *
 * Padding has no defined value, so a struct must end with its last field: a field that was added where an
 * earlier version had padding would be taken from there. SIZED checks it when compiling.
 */
#ifndef PB_API_SIZED_H
#define PB_API_SIZED_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* One struct of the public headers. */
struct sized {
    const char *name;
    size_t size;  /* of this version */
    size_t least; /* of the first release that had the struct */
};

#define SIZED_END(type, field) (offsetof(struct type, field) + sizeof((struct type *)0)->field)

/* `first_last` is the last field of the first release that had the struct, `last` is that of this version. */
#define SIZED(type, first_last, last)                                                                        \
    {                                                                                                        \
        .name = #type,                                                                                       \
        .size = sizeof(struct {                                                                              \
            _Static_assert(offsetof(struct type, size) == 0, "begins with its size");                        \
            _Static_assert(SIZED_END(type, last) == sizeof(struct type), "ends with its last field");        \
            struct type own;                                                                                 \
        }),                                                                                                  \
        .least = SIZED_END(type, first_last)                                                                 \
    }

/* Copies options of the caller's into the library's own. PB_INVALID: the size is not set. PB_UNSUPPORTED: a
 * field is set that this version does not have. */
PB_MUST_USE int sized_take(const struct sized *s, const void *given, void *own, struct pb_error *err);

/* Looks at a result before the work: PB_INVALID as for sized_take. */
PB_MUST_USE int sized_check(const struct sized *s, const void *result, struct pb_error *err);

/* Copies the library's own result into the caller's, whose size stays. sized_check was PB_OK. */
void sized_give(const struct sized *s, const void *own, void *result);

#endif
