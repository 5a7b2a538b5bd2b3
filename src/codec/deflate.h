/* gzip: packing whole (libdeflate, which packs best), unpacking as a stream (zlib, which holds little
 * memory). */
#ifndef PB_CODEC_DEFLATE_H
#define PB_CODEC_DEFLATE_H

#include "base/bytes.h"

/* Packs n bytes into one gzip member, or one zlib stream, at the best level; the same bytes always give the
 * same. *out is NULL when it would not be smaller; otherwise the caller frees it. Needs up to n bytes of
 * memory besides. */
PB_MUST_USE int gzip_pack(const void *p, size_t n, char **out, size_t *size, struct pb_error *err);
PB_MUST_USE int zlib_pack(const void *p, size_t n, char **out, size_t *size, struct pb_error *err);

/* Is told of the unpacked bytes in order; a negative return ends the unpacking with it. */
typedef int deflate_sink_fn(void *arg, const void *p, size_t n, struct pb_error *err);

/* Unpacks one member from the file's start to its end. PB_DAMAGED: it is no gzip, is cut off, its check sum
 * is wrong, or something follows. */
PB_MUST_USE int gzip_unpack(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err);

/* The same for a zlib stream that begins at `offset`. */
PB_MUST_USE int zlib_unpack(int fd, uint64_t offset, deflate_sink_fn *sink, void *arg, struct pb_error *err);

/* Packs a file, from its start to its end, into one zlib stream, in little memory. */
PB_MUST_USE int zlib_pack_stream(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err);

#endif
