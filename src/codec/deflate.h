/* gzip and zlib: compressing in memory with libdeflate, which compresses best; streaming with zlib, which
 * needs little memory. */
#ifndef PB_CODEC_DEFLATE_H
#define PB_CODEC_DEFLATE_H

#include "base/bytes.h"

/* Compresses n bytes into one gzip member or zlib stream, at the highest level. The result is deterministic.
 * The caller frees *out; it is NULL when the result would not be smaller. Needs up to n bytes of memory. */
PB_MUST_USE int gzip_pack(const void *p, size_t n, char **out, size_t *size, struct pb_error *err);
PB_MUST_USE int zlib_pack(const void *p, size_t n, char **out, size_t *size, struct pb_error *err);

/* Receives bytes in order. A negative return value stops the work and is its result. */
typedef int deflate_sink_fn(void *arg, const void *p, size_t n, struct pb_error *err);

/* Decompresses a file that is one gzip member. PB_DAMAGED: it is not gzip, is truncated, has a wrong
 * checksum, or is followed by further bytes. */
PB_MUST_USE int gzip_unpack(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err);

/* The same for a zlib stream that starts at `offset`. */
PB_MUST_USE int zlib_unpack(int fd, uint64_t offset, deflate_sink_fn *sink, void *arg, struct pb_error *err);

/* Compresses a whole file into one zlib stream. Needs little memory. */
PB_MUST_USE int zlib_pack_stream(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err);

#endif
