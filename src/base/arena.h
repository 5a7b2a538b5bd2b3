/* Arenas: memory that is allocated piece by piece and freed all at once. For data that lives as long as a
 * site, a plan or a parsed document. */
#ifndef PB_BASE_ARENA_H
#define PB_BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;
struct arena {
    struct arena_block *last;
    size_t used;    /* of the last block */
    size_t total;   /* bytes of all blocks */
    size_t ceiling; /* the limit of `total`; 0: unlimited */
};

void arena_init(struct arena *a, size_t ceiling);
void arena_free(struct arena *a);
/* Frees what is in it, but keeps a block for what comes next. */
void arena_clear(struct arena *a);

/* All return NULL when memory is out or the ceiling is reached. The arena owns what they return. arena_zero
 * returns zeroed memory, aligned for any type. */
void *arena_zero(struct arena *a, size_t n);
char *arena_room(struct arena *a, size_t n);                /* uninitialised, unaligned */
char *arena_copy(struct arena *a, const void *p, size_t n); /* NUL-terminated */
char *arena_text(struct arena *a, const char *text);
char *arena_format(struct arena *a, const char *format, ...) PB_PRINTF(2, 3);
char *arena_path(struct arena *a, const char *folder,
                 const char *name); /* "FOLDER/NAME"; without a name FOLDER */

/* Makes room for one more item in an array of n items of `size` bytes. Returns the array, or a larger copy of
 * it. *room is kept by the caller and starts as 0. Copies double in size; the old ones stay in the arena
 * until it is freed. */
void *arena_grow(struct arena *a, void *items, size_t n, size_t *room, size_t size);

#define _cleanup_arena_ __attribute__((cleanup(arena_free)))

#endif
