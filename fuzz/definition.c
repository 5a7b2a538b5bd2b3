/* Part definitions and master lists. What is taken must be emitted in a form that is taken again. In one
 * process, where the program reads XML in a child. */
#include "codec/xml.h"
#include "dialect/opensauce/format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int events_of(struct slice xml, struct buffer *events, struct pb_error *err)
{
    buffer_init(events, xml_events_most(xml.n));
    return xml_events(xml, events, err);
}

static int definition_parse(struct slice xml, struct arena *a, struct os_definition *d, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer events;
    int rc = events_of(xml, &events, err);
    return rc < 0 ? rc : os_definition_take((struct slice){events.p, events.n}, a, d, err);
}

static int masters_parse(struct slice xml, struct arena *a, struct os_masters *m, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer events;
    int rc = events_of(xml, &events, err);
    return rc < 0 ? rc : os_masters_take((struct slice){events.p, events.n}, a, m, err);
}

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
    if (definition_parse(xml, &a, &d, &err) == PB_OK) {
        os_definition_emit(&d, &b);
        if (!b.failed && definition_parse((struct slice){b.p, b.n}, &a, &again, &err) != PB_OK &&
            err.status != PB_NO_MEMORY)
            abort();
    }
    b.n = 0;
    if (masters_parse(xml, &a, &masters, &err) == PB_OK)
        os_masters_emit(&masters, &b);
    buffer_free(&b);
    arena_free(&a);
    return 0;
}
