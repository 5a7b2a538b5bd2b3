/* Part definitions and master lists. What is taken must be emitted in a form that is taken again. */
#include "dialect/opensauce/format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct os_definition d, again;
    struct pb_error err;
    struct buffer b;
    static struct os_masters masters;
    struct slice xml = {(const char *)data, size};
    arena_init(&a, OS_ARENA_MAX);
    buffer_init(&b, OS_DOCUMENT_MAX);
    if (os_definition_parse(xml, &a, &d, &err) == PB_OK) {
        os_definition_emit(&d, &b);
        if (!b.failed && os_definition_parse((struct slice){b.p, b.n}, &a, &again, &err) != PB_OK)
            abort();
    }
    b.n = 0;
    if (os_masters_parse(xml, &a, &masters, &err) == PB_OK)
        os_masters_emit(&masters, &b);
    buffer_free(&b);
    arena_free(&a);
    return 0;
}
