/* Archives from a server: never more bytes than announced, whatever they say. */
#include "codec/archive.h"

#include <stdlib.h>

enum { LIMIT = 100000 };

struct memory {
    const uint8_t *p;
    size_t n;
};

static int source(void *arg, uint64_t offset, const void **p, size_t *n, struct pb_error *err)
{
    const struct memory *m = arg;
    (void)err;
    *p = m->p + offset;
    *n = m->n - (size_t)offset;
    return PB_OK;
}

static int sink(void *arg, const void *p, size_t n, struct pb_error *err)
{
    size_t *total = arg;
    (void)p, (void)err;
    *total += n;
    if (*total > LIMIT)
        abort();
    return PB_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory m = {data, size};
    struct archive_input input = {source, &m, size};
    for (int format = ARCHIVE_7Z; format <= ARCHIVE_ZIP; format++) {
        struct pb_error err;
        size_t total = 0;
        int rc = archive_extract((enum archive_format)format, &input, "a.map", LIMIT, sink, &total, &err);
        if (rc > 0)
            abort();
    }
    return 0;
}
