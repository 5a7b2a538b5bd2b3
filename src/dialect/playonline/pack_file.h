/* Packing one file, block by block. Blocks are packed in any order, by several threads, and stored one after
 * the other. */
#ifndef PB_PLAYONLINE_PACK_FILE_H
#define PB_PLAYONLINE_PACK_FILE_H

#include "dialect/playonline/release.h"

/* What patch.cfg says of a file. */
struct po_sums {
    uint64_t size;
    int32_t a;      /* checksum_a */
    struct md5 md5; /* po_sum_b of it is checksum_b */
};
/* Reads a file once. Safe to call from several threads at once. */
PB_MUST_USE int po_sums_of(int fd, struct po_sums *out, struct pb_error *err);

/* A file, and what becomes of it. */
struct po_packing {
    const char *path;     /* below the folder */
    const char *name;     /* where the server has it */
    struct po_sums sums;  /* made */
    struct object object; /* made */
    uint8_t *hashes;      /* made, malloc'd: 4 bytes for each of po_chunks(object.size) */
};

enum { PACK_BLOCK = 1024 * 1024 };

struct pack_block {
    char *bytes, *packed; /* malloc'd; bytes NULL: the block is not there */
    size_t n, packed_n;
    uint32_t a; /* checksum_a of it alone */
};
void pack_block_free(struct pack_block *b);

struct pack_file {
    const struct depot *depot;
    struct po_packing *to;
    int fd;
    uint64_t size;
    size_t blocks; /* at least 1: an empty file has an empty one */
    /* what was stored of it so far */
    struct object_writer writer; /* of more than one block */
    struct po_hasher hasher;
    struct digest md5; /* of the file */
    uint32_t a, sum;   /* checksum_a; that of the zlib stream */
    uint64_t packed;
};

/* Takes over the descriptor, also when it fails. PB_INVALID: it has 4 GiB or more. */
PB_MUST_USE int pack_file_open(const struct depot *d, int fd, uint64_t size, struct po_packing *to,
                               struct pack_file *f, struct pb_error *err);
void pack_file_close(struct pack_file *f);

/* Reads and packs block i. Any thread. */
PB_MUST_USE int pack_file_block(const struct pack_file *f, size_t i, struct pack_block *out,
                                struct pb_error *err);
/* Adds the next block; the last one completes the file. One thread at a time. */
PB_MUST_USE int pack_file_store(struct pack_file *f, size_t i, const struct pack_block *b,
                                struct pb_error *err);

#endif
