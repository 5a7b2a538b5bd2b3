/* Files of a tree become what the server has: mode byte and data, and the hashes of the replies. */
#ifndef PB_PLAYONLINE_PACK_H
#define PB_PLAYONLINE_PACK_H

#include "dialect/playonline/release.h"

struct po_sums {
    uint64_t size;
    int32_t a;      /* checksum_a */
    struct md5 md5; /* po_sum_b of it is checksum_b */
};
/* Asked again and again while files are worked on, by one thread at a time: true ends it with PB_CANCELLED.
 */
typedef bool po_stop_fn(void *arg, size_t files_done);

/* Reads a file once. Safe to call from several threads at once. */
PB_MUST_USE int po_sums_of(int fd, struct po_sums *out, struct pb_error *err);

struct po_packing {
    const char *path;     /* below the folder */
    const char *name;     /* where the server has it */
    struct po_sums sums;  /* made */
    struct object object; /* made */
    uint8_t *hashes;      /* made, malloc'd: 4 bytes for each of po_chunks(object.size) */
};
/* Stores all of them, with all cores: blocks of a file are packed side by side, and so are files. The result
 * is the same whatever the number of threads. Each file is read once, and sums are those of the bytes that
 * were packed. PB_INVALID: a file is too large for the wire's 32 bits, or was changed meanwhile. */
PB_MUST_USE int po_pack(const struct depot *d, int folder, struct po_packing *const *files, size_t n,
                        po_stop_fn *stop, void *arg, struct pb_error *err);

#endif
