/* A file of the tree becomes what the server has: mode byte and data, and the hashes of the replies. Safe to
 * call from several threads at once. */
#ifndef PB_PLAYONLINE_PACK_H
#define PB_PLAYONLINE_PACK_H

#include "dialect/playonline/release.h"

struct po_sums {
    uint64_t size;
    int32_t a;      /* checksum_a */
    struct md5 md5; /* po_sum_b of it is checksum_b */
};
/* Asked again and again while a file is worked on: true ends it with PB_CANCELLED. May be NULL. */
struct po_stop {
    bool (*ask)(void *arg);
    void *arg;
};
/* Reads a file once. */
PB_MUST_USE int po_sums_of(int fd, const struct po_stop *stop, struct po_sums *out, struct pb_error *err);

struct po_packed {
    struct object object;
    uint8_t *hashes; /* malloc'd; po_chunks(object.size) times 4 bytes */
};
/* Stores it, as `name`. PB_INVALID: it is too large for the wire's 32 bits, or was changed meanwhile. */
PB_MUST_USE int po_pack(const struct depot *d, int fd, const struct po_sums *sums, struct slice name,
                        const struct po_stop *stop, struct po_packed *out, struct pb_error *err);

#endif
