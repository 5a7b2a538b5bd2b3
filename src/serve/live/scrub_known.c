/* A hash set whose keys are hashes already. */
#include "serve/live/scrub_known.h"

static uint64_t key_of(const struct sha256 *name)
{
    uint64_t key;
    memcpy(&key, name->bytes, sizeof key);
    return key != 0 ? key : 1;
}

/* The slot that has the key, or the free one where it belongs. */
static uint64_t *slot_of(const struct known *k, uint64_t key)
{
    size_t at = (size_t)key & (k->room - 1);
    while (k->slots[at] != 0 && k->slots[at] != key)
        at = (at + 1) & (k->room - 1);
    return &k->slots[at];
}

bool known_has(const struct known *k, const struct sha256 *name)
{
    return k->room > 0 && *slot_of(k, key_of(name)) != 0;
}

static bool known_grow(struct known *k)
{
    struct known more = {.room = k->room == 0 ? 64 : 2 * k->room};
    more.slots = calloc(more.room, sizeof *more.slots);
    if (more.slots == NULL)
        return false;
    for (size_t i = 0; i < k->room; i++) {
        if (k->slots[i] != 0)
            *slot_of(&more, k->slots[i]) = k->slots[i];
    }
    more.n = k->n;
    free(k->slots);
    *k = more;
    return true;
}

void known_add(struct known *k, const struct sha256 *name)
{
    if (2 * (k->n + 1) > k->room && !known_grow(k))
        return;
    uint64_t *slot = slot_of(k, key_of(name));
    k->n += *slot == 0;
    *slot = key_of(name);
}

void known_free(struct known *k)
{
    free(k->slots);
    *k = (struct known){0};
}
