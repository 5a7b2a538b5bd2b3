/* gzip and zlib: compressing in memory with libdeflate, which compresses best; unpacking with zlib, which
 * needs little memory. */
#ifndef PB_CODEC_DEFLATE_H
#define PB_CODEC_DEFLATE_H

#include "base/bytes.h"

/* Compresses n bytes into one gzip member, at the highest level. The result is deterministic. The caller
 * frees *out; it is NULL when the result would not be smaller. Needs up to n bytes of memory. */
PB_MUST_USE int gzip_pack(const void *p, size_t n, char **out, size_t *size, struct pb_error *err);

/*
 * A zlib stream is made of ZLIB_HEAD bytes, blocks that are packed apart from each other, in any order or
 * side by side, and ZLIB_TAIL bytes. The result depends on how the bytes are divided, and on nothing else. A
 * compressor sees nothing of the blocks before: with blocks of a megabyte that costs 3 bytes in 10,000.
 */
enum { ZLIB_HEAD = 2, ZLIB_TAIL = 4 };
void zlib_head(char out[ZLIB_HEAD]);
/* Packs the next n bytes; `last`: no block follows. The caller frees *out. Bytes that hardly shrink are
 * packed fast, others well. */
PB_MUST_USE int zlib_block_pack(const void *p, size_t n, bool last, char **out, size_t *size,
                                struct pb_error *err);
/* The checksum of all bytes, block after block. Begin with 1. */
uint32_t zlib_sum(uint32_t sum, const void *p, size_t n);
void zlib_tail(uint32_t sum, char out[ZLIB_TAIL]);

/* Receives bytes in order. A negative return value stops the work and is its result. */
typedef int deflate_sink_fn(void *arg, const void *p, size_t n, struct pb_error *err);

/* Decompresses a file that is one gzip member. PB_DAMAGED: it is not gzip, is truncated, has a wrong
 * checksum, or is followed by further bytes. */
PB_MUST_USE int gzip_unpack(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err);

/* The same for a zlib stream that starts at `offset`. */
PB_MUST_USE int zlib_unpack(int fd, uint64_t offset, deflate_sink_fn *sink, void *arg, struct pb_error *err);

/* The same where the size of the stream and that of what is in it are said to be known. Small ones are
 * unpacked in memory, in half the time. Where the sizes are wrong it is as zlib_unpack. */
enum { ZLIB_SMALL = 4 * 1024 * 1024 };
PB_MUST_USE int zlib_unpack_known(int fd, uint64_t offset, uint64_t packed, uint64_t size,
                                  deflate_sink_fn *sink, void *arg, struct pb_error *err);

#endif
