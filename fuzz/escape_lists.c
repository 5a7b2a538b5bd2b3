/* Escape's lists and index files. What is taken must be emitted in a form that is taken again. */
#include "dialect/escape/format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void upgrade(struct slice text, struct arena *a, struct buffer *b)
{
    struct es_upgrade u, again;
    struct pb_error err;
    if (es_upgrade_parse(text, a, &u, &err) != PB_OK)
        return;
    es_upgrade_emit(&u, b);
    if (!b->failed &&
        (es_upgrade_parse((struct slice){b->p, b->n}, a, &again, &err) != PB_OK || again.n != u.n))
        abort();
}

static void levels(struct slice text, struct arena *a, struct buffer *b)
{
    struct es_levels l, again;
    struct pb_error err;
    if (es_levels_parse(text, a, &l, &err) != PB_OK)
        return;
    es_levels_emit(&l, b);
    if (!b->failed && (es_levels_parse((struct slice){b->p, b->n}, a, &again, &err) != PB_OK ||
                       again.level_count != l.level_count))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buffer b;
    struct es_collections c;
    struct es_index index;
    struct pb_error err;
    struct slice text = {(const char *)data, size};
    arena_init(&a, 64 << 20);
    buffer_init(&b, ES_DOCUMENT_MAX);
    upgrade(text, &a, &b);
    b.n = 0;
    levels(text, &a, &b);
    b.n = 0;
    if (es_collections_parse(text, &a, &c, &err) == PB_OK)
        es_collections_emit(&c, &b);
    if (es_index_parse(text, &a, &index, &err) != PB_OK && err.status != PB_NO_MEMORY)
        abort();
    buffer_free(&b);
    arena_free(&a);
    return 0;
}
