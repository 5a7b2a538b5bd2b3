/* Attributes of releases, as the catalog has them, in each dialect. What is taken is written in a form that
 * is taken again, and that is then written alike. */
#include "dialect/escape/release.h"
#include "dialect/opensauce/release.h"
#include "dialect/playonline/release.h"

#include "fuzz.h"

static void same_take(char *once, char *twice)
{
    CLAIM(once != NULL && twice != NULL && strcmp(once, twice) == 0);
    free(once);
    free(twice);
}

static void escape(const char *json, struct arena *a)
{
    struct es_attributes first, second;
    struct pb_error err;
    if (es_attributes_parse(json, a, &first, &err) < 0)
        return;
    char *once = es_attributes_emit(&first);
    CLAIM(once != NULL && es_attributes_parse(once, a, &second, &err) == PB_OK);
    same_take(once, es_attributes_emit(&second));
}

static void opensauce(const char *json, struct arena *a)
{
    struct os_attributes first, second;
    struct pb_error err;
    if (os_attributes_parse(json, a, &first, &err) < 0)
        return;
    char *once = os_attributes_emit(&first);
    CLAIM(once != NULL && os_attributes_parse(once, a, &second, &err) == PB_OK);
    same_take(once, os_attributes_emit(&second));
}

static void playonline(const char *json, struct arena *a)
{
    struct po_attributes first, second;
    struct pb_error err;
    if (po_attributes_parse(json, a, &first, &err) < 0)
        return;
    char *once = po_attributes_emit(&first);
    CLAIM(once != NULL && po_attributes_parse(once, a, &second, &err) == PB_OK);
    same_take(once, po_attributes_emit(&second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *json = fuzz_text(data, size);
    struct arena a;
    arena_init(&a, 1 << 20);
    escape(json, &a);
    opensauce(json, &a);
    playonline(json, &a);
    arena_free(&a);
    free(json);
    return 0;
}
