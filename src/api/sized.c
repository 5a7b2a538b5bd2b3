/* Structs of callers, by their size. */
#include "api/sized.h"

#include <string.h>

/* No struct will ever be larger; a size that was not set may be any number. */
enum { SIZE_MOST = 64 * 1024 };

static size_t size_of(const void *given)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    return size;
}

int sized_check(const struct sized *s, const void *result, struct pb_error *err)
{
    size_t size = size_of(result);
    return size >= s->least && size <= SIZE_MOST
               ? PB_OK
               : error_set(err, PB_INVALID, "struct %s: its size is not set (it is %zu)", s->name, size);
}

int sized_take(const struct sized *s, const void *given, void *own, struct pb_error *err)
{
    int rc = sized_check(s, given, err);
    if (rc < 0)
        return rc;
    size_t size = size_of(given);
    for (size_t i = s->size; i < size; i++) {
        if (((const char *)given)[i] != 0)
            return error_set(err, PB_UNSUPPORTED,
                             "struct %s: an option is set that this version of the library does not have",
                             s->name);
    }
    memset(own, 0, s->size);
    memcpy(own, given, size < s->size ? size : s->size);
    memcpy(own, &s->size, sizeof s->size);
    return PB_OK;
}

void sized_give(const struct sized *s, const void *own, void *result)
{
    size_t size = size_of(result), common = size < s->size ? size : s->size;
    memcpy((char *)result + sizeof size, (const char *)own + sizeof size, common - sizeof size);
    memset((char *)result + common, 0, size - common);
}
