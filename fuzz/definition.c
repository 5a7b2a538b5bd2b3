/* Part definitions and lists of servers. What is taken must be emitted in a form that is taken again, and is
 * then emitted alike. */
#include "codec/xml.h"
#include "dialect/opensauce/format.h"

#include "fuzz.h"

/* In this process, where the program has a child read the XML. */
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

static void definition(struct slice xml, struct arena *a, struct buffer *once, struct buffer *twice)
{
    struct os_definition d, again;
    struct pb_error err;
    if (definition_parse(xml, a, &d, &err) != PB_OK)
        return;
    os_definition_emit(&d, once);
    if (once->failed)
        return;
    int rc = definition_parse((struct slice){once->p, once->n}, a, &again, &err);
    CLAIM(rc == PB_OK && again.part_count == d.part_count);
    os_definition_emit(&again, twice);
    CLAIM(fuzz_same(once, twice));
}

static void masters(struct slice xml, struct arena *a, struct buffer *once, struct buffer *twice)
{
    static struct os_masters m, again;
    struct pb_error err;
    if (masters_parse(xml, a, &m, &err) != PB_OK)
        return;
    os_masters_emit(&m, once);
    CLAIM(once->failed ||
          (masters_parse((struct slice){once->p, once->n}, a, &again, &err) == PB_OK && again.n == m.n));
    if (once->failed)
        return;
    os_masters_emit(&again, twice);
    CLAIM(fuzz_same(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const documents[])(struct slice, struct arena *, struct buffer *,
                                     struct buffer *) = {definition, masters};
    struct slice xml = {(const char *)data, size};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        struct arena a;
        struct buffer once, twice;
        arena_init(&a, OS_ARENA_MAX);
        buffer_init(&once, OS_DOCUMENT_MAX);
        buffer_init(&twice, OS_DOCUMENT_MAX);
        documents[i](xml, &a, &once, &twice);
        buffer_free(&once);
        buffer_free(&twice);
        arena_free(&a);
    }
    return 0;
}
