/* Address ranges: what is taken is written in a form that is taken again, and a set has what its ranges have.
 */
#include "serve/admission/ranges.h"

#include "fuzz.h"

static bool range_same(const struct range *a, const struct range *b)
{
    return a->bits == b->bits && memcmp(&a->first, &b->first, sizeof a->first) == 0;
}

/* Each line is a range; each range's first address, and one beside it, is looked up. */
static void set_check(struct arena *a, struct range *list, size_t n)
{
    struct range_set set = {0};
    struct pb_error err;
    for (size_t i = 0; i < n; i++)
        CLAIM(range_set_add(&set, a, &list[i], &err) == PB_OK);
    range_set_sort(&set);
    for (size_t i = 0; i < 2 * n; i++) {
        struct address address = list[i / 2].first;
        bool has = false;
        address.bytes[15] ^= (uint8_t)(i & 1);
        for (size_t k = 0; k < n; k++)
            has |= range_has(&list[k], &address);
        CLAIM(range_set_has(&set, &address) == has);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST = 32 };
    struct range list[MOST], again;
    struct pb_error err;
    struct arena a;
    char text[ADDRESS_TEXT], *lines = fuzz_text(data, size);
    size_t n = 0;
    arena_init(&a, 1 << 20);
    for (char *at = lines, *line; n < MOST && (line = strsep(&at, "\n")) != NULL;) {
        if (range_parse(line, &list[n], &err) < 0)
            continue;
        range_text(&list[n], text);
        CLAIM(range_parse(text, &again, &err) == PB_OK && range_same(&list[n], &again));
        n++;
    }
    set_check(&a, list, n);
    arena_free(&a);
    free(lines);
    return 0;
}
