/* patchbay/words.h */
#include "patchbay/words.h"

#include "base/bytes.h"
#include "base/nearest.h"

#include <inttypes.h>
#include <stdio.h>

enum { QUANTITY_TEXT = 32 };
_Static_assert((int)PB_NEAR_MAX == (int)NEAREST_MAX, "what is found has room");

struct unit {
    const char *name;
    uint64_t of;
};

/* In the largest unit that leaves no rest. */
static const char *quantity_text(uint64_t n, const struct unit *units, char out[QUANTITY_TEXT])
{
    while (n == 0 ? units[1].of != 0 : n % units->of != 0)
        units++;
    snprintf(out, QUANTITY_TEXT, "%" PRIu64 "%s", n / units->of, units->name);
    return out;
}

int pb_duration_read(const char *text, uint64_t low, uint64_t high, uint64_t *seconds, struct pb_error *err)
{
    static const struct unit units[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {NULL, 0}};
    char least[QUANTITY_TEXT], most[QUANTITY_TEXT];
    uint64_t n;
    if (!slice_to_seconds(slice_of(text), high, &n) || n < low)
        return error_set(err, PB_INVALID, "is a duration from %s to %s, such as 30s, 5m, 1h or 7d, not %s",
                         quantity_text(low, units, least), quantity_text(high, units, most), text);
    *seconds = n;
    return PB_OK;
}

int pb_bytes_read(const char *text, uint64_t low, uint64_t high, uint64_t *bytes, struct pb_error *err)
{
    static const struct unit units[] = {{"T", 1ull << 40}, {"G", 1 << 30}, {"M", 1 << 20},
                                        {"k", 1 << 10},    {"", 1},        {NULL, 0}};
    char least[QUANTITY_TEXT], most[QUANTITY_TEXT];
    uint64_t n;
    if (!slice_to_bytes(slice_of(text), high, &n) || n < low)
        return error_set(err, PB_INVALID,
                         "is a number of bytes from %s to %s, such as 500k, 10M or 2G, not %s",
                         quantity_text(low, units, least), quantity_text(high, units, most), text);
    *bytes = n;
    return PB_OK;
}

size_t pb_words_near(const char *word, const char *const *words, size_t n, const char *near[PB_NEAR_MAX])
{
    struct nearest nearest;
    size_t found = 0;
    nearest_init(&nearest, slice_of(word));
    for (size_t i = 0; i < n; i++)
        nearest_offer(&nearest, slice_of(words[i]), slice_of(words[i]));
    for (size_t i = 0; i < n && found < nearest.n; i++) {
        if (strcmp(words[i], nearest.found[found]) == 0)
            near[found++] = words[i];
    }
    return found;
}
