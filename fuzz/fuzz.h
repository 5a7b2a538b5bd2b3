/* What every fuzz target includes: its entry, and what it claims of the code. */
#ifndef PB_FUZZ_H
#define PB_FUZZ_H

#include "base/bytes.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A claim that does not hold is a finding, but where tests/fault/starve.py takes the memory away: then only
 * crashes are. */
#define CLAIM(what)                                                                                          \
    do {                                                                                                     \
        if (!(what))                                                                                         \
            fuzz_broken(__FILE__, __LINE__, #what);                                                          \
    } while (0)

_Noreturn static inline void fuzz_broken(const char *file, int line, const char *what)
{
    if (getenv("FUZZ_STARVED") != NULL)
        _exit(0);
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

/* A file in memory with these bytes, read from its beginning; the caller closes it. */
static inline int fuzz_file(const void *p, size_t n)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    CLAIM(fd >= 0 && (n == 0 || pwrite(fd, p, n, 0) == (ssize_t)n));
    return fd;
}

/* The bytes as a text that ends at the first NUL; the caller frees it. */
static inline char *fuzz_text(const void *p, size_t n)
{
    char *text = malloc(n + 1);
    CLAIM(text != NULL);
    if (n > 0)
        memcpy(text, p, n);
    text[n] = '\0';
    return text;
}

static inline bool fuzz_same(const struct buffer *a, const struct buffer *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

#endif
