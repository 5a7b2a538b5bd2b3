/* Unpacking files that came from outside, one after the other, in a child process (base/child.h): gzip, and
 * PlayOnline's modes. */
#ifndef PB_CODEC_UNPACKER_H
#define PB_CODEC_UNPACKER_H

#include "base/child.h"
#include "base/digest.h"

/* A checksum of the caller's, over blocks in order; begins with 0. */
typedef uint32_t unpack_sum_fn(uint32_t sum, const void *p, size_t n);

/* Used by one thread at a time. The child is started with the first file, and again after one that brought it
 * down. */
struct unpacker {
    struct child child;
    unpack_sum_fn *sum; /* NULL: none is wanted */
};

enum unpack_form { UNPACK_GZIP, UNPACK_SLC };

struct unpack_file {
    enum unpack_form form;
    uint64_t packed; /* the size of `from`; UNPACK_SLC alone */
    uint64_t limit;  /* bytes that may come out; for UNPACK_SLC those that are announced */
};

struct unpacked {
    uint64_t size;
    struct md5 md5;
    uint32_t sum;
};

/* Unpacks `from` into `to`, from their beginnings. `out` is set in any case. PB_DAMAGED: it can't be
 * unpacked, or more than `limit` bytes come out. */
PB_MUST_USE int unpack_file(struct unpacker *u, const struct unpack_file *what, int from, int to,
                            struct unpacked *out, struct pb_error *err);
void unpacker_end(struct unpacker *u); /* may be called twice */

#endif
