/* A sorted array with a count of its users. */
#include "serve/live/damaged.h"

static int name_compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct sha256));
}

struct damaged *damaged_new(const struct sha256 *names, size_t n)
{
    struct damaged *d = malloc(sizeof *d + n * sizeof *names);
    if (d == NULL)
        return NULL;
    d->references = 1;
    d->n = n;
    memcpy(d->names, names, n * sizeof *names);
    qsort(d->names, n, sizeof *names, name_compare);
    return d;
}

void damaged_hold(struct damaged *d)
{
    if (d != NULL)
        __atomic_add_fetch(&d->references, 1, __ATOMIC_RELAXED);
}

void damaged_release(struct damaged *d)
{
    if (d != NULL && __atomic_sub_fetch(&d->references, 1, __ATOMIC_ACQ_REL) == 0)
        free(d);
}

bool damaged_has(const struct damaged *d, const struct sha256 *name)
{
    return d != NULL && bsearch(name, d->names, d->n, sizeof *name, name_compare) != NULL;
}
