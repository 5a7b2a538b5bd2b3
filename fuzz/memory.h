/* Archives in memory. */
#ifndef PB_FUZZ_MEMORY_H
#define PB_FUZZ_MEMORY_H

#include "codec/archive.h"

#include "fuzz.h"

struct memory {
    const uint8_t *p;
    size_t n;
};

/* An archive_source_fn. */
static inline int source(void *arg, uint64_t offset, const void **p, size_t *n, struct pb_error *err)
{
    const struct memory *m = arg;
    (void)err;
    CLAIM(offset < m->n);
    *p = m->p + offset;
    *n = m->n - (size_t)offset;
    return PB_OK;
}

/* The functions of an archive_opener. */
static inline int input_open(void *arg, struct archive_input *out, struct pb_error *err)
{
    struct memory *m = arg;
    (void)err;
    *out = (struct archive_input){source, m, m->n};
    return PB_OK;
}

static inline void input_close(void *arg, struct archive_input *in)
{
    (void)arg, (void)in;
}

#endif
