/* Escape's lists, index files and paths. What is taken must be emitted in a form that is taken again, and is
 * then emitted alike; and zero bytes are taken nowhere but behind its end. */
#include "dialect/escape/format.h"

#include "dialect/escape/fetch.h"

#include "fuzz.h"

static void upgrade(struct slice text, struct arena *a, struct buffer *once, struct buffer *twice)
{
    struct es_upgrade u, again;
    struct pb_error err;
    if (es_upgrade_parse(text, a, &u, &err) != PB_OK)
        return;
    CLAIM(es_upgrade_parse((struct slice){text.p, strnlen(text.p, text.n)}, a, &again, &err) == PB_OK);
    es_upgrade_emit(&u, once);
    if (once->failed)
        return;
    CLAIM(es_upgrade_parse((struct slice){once->p, once->n}, a, &again, &err) == PB_OK && again.n == u.n);
    es_upgrade_emit(&again, twice);
    CLAIM(fuzz_same(once, twice));
}

static void levels(struct slice text, struct arena *a, struct buffer *once, struct buffer *twice)
{
    struct es_levels l, again;
    struct pb_error err;
    if (es_levels_parse(text, a, &l, &err) != PB_OK)
        return;
    CLAIM(es_levels_parse((struct slice){text.p, strnlen(text.p, text.n)}, a, &again, &err) == PB_OK);
    es_levels_emit(&l, once);
    if (once->failed)
        return;
    CLAIM(es_levels_parse((struct slice){once->p, once->n}, a, &again, &err) == PB_OK);
    CLAIM(again.level_count == l.level_count && again.folder_count == l.folder_count);
    es_levels_emit(&again, twice);
    CLAIM(fuzz_same(once, twice));
}

static void collections(struct slice text, struct arena *a, struct buffer *once, struct buffer *twice)
{
    struct es_collections c, again;
    struct pb_error err;
    if (es_collections_parse(text, a, &c, &err) != PB_OK)
        return;
    CLAIM(es_collections_parse((struct slice){text.p, strnlen(text.p, text.n)}, a, &again, &err) == PB_OK);
    es_collections_emit(&c, once);
    if (once->failed)
        return;
    CLAIM(es_collections_parse((struct slice){once->p, once->n}, a, &again, &err) == PB_OK && again.n == c.n);
    es_collections_emit(&again, twice);
    CLAIM(fuzz_same(once, twice));
}

/* An index file is never refused: players write them. */
static void index_file(struct slice text, struct arena *a)
{
    struct es_index index;
    struct pb_error err;
    CLAIM(es_index_parse(text, a, &index, &err) == PB_OK || err.status == PB_NO_MEMORY);
}

/* The path of a URL that names a collection or an upgrade. Its name has no folder in it. */
static void request(struct slice path)
{
    struct slice name;
    bool of_upgrade;
    if (!es_request_parse(path, &name, &of_upgrade))
        return;
    CLAIM(name.p == path.p && name.n > 0 && of_upgrade == (name.n < path.n));
    CLAIM(memchr(name.p, '/', name.n) == NULL && memchr(name.p, '\0', name.n) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const lists[])(struct slice, struct arena *, struct buffer *,
                                 struct buffer *) = {upgrade, levels, collections};
    struct slice text = {(const char *)data, size};
    struct arena a;
    arena_init(&a, 64 << 20);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct buffer once, twice;
        buffer_init(&once, ES_DOCUMENT_MAX);
        buffer_init(&twice, ES_DOCUMENT_MAX);
        lists[i](text, &a, &once, &twice);
        buffer_free(&once);
        buffer_free(&twice);
    }
    index_file(text, &a);
    request(text);
    arena_free(&a);
    return 0;
}
