/* Memory that is freed all at once: what lives as long as a site, a plan or a parsed document. */
#ifndef PB_BASE_ARENA_H
#define PB_BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;
struct arena {
    struct arena_block *last;
    size_t used;    /* of the last block */
    size_t total;   /* bytes of all blocks */
    size_t ceiling; /* of `total`; 0: none */
};

void arena_init(struct arena *a, size_t ceiling);
void arena_free(struct arena *a);

/* All return NULL when memory or the ceiling is exhausted. Memory from arena_zero is aligned for any type. */
void *arena_zero(struct arena *a, size_t n);
char *arena_room(struct arena *a, size_t n);                /* not set, not aligned */
char *arena_copy(struct arena *a, const void *p, size_t n); /* with a zero byte behind */
char *arena_text(struct arena *a, const char *text);
char *arena_format(struct arena *a, const char *format, ...) PB_PRINTF(2, 3);

/* Room for one more in an array of n items of `size` bytes: the array itself, or a larger copy of it. *room
 * is the caller's, from 0. What is left behind by growing is as much again, until the arena goes. */
void *arena_grow(struct arena *a, void *items, size_t n, size_t *room, size_t size);

#define _cleanup_arena_ __attribute__((cleanup(arena_free)))

#endif
