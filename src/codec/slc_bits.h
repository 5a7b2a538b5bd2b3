/* The bit stream of PlayOnline's modes 0 and 2 (docs/formats/playonline.md, "Modes"): literals, and matches
 * in the last 65,535 bytes. */
#ifndef PB_CODEC_SLC_BITS_H
#define PB_CODEC_SLC_BITS_H

#include "codec/deflate.h"

/* Appends the stream of n bytes to `out`: the number of its bits (u32), then the bits. Writes only what the
 * original encoder writes: matches of 3 to 85 bytes that do not overlap what they make. Memory: 4 MB.
 * PB_INVALID: more than SLC_BITS_MAX bytes, or than `out` may hold. */
enum { SLC_BITS_MAX = 256 * 1024 * 1024 };
PB_MUST_USE int slc_bits_pack(const void *p, size_t n, struct buffer *out, struct pb_error *err);

/* Unpacks the stream that begins at `offset` of a file. Every distance and length is read. PB_DAMAGED: the
 * stream is shorter than its number of bits, ends within a match, or a distance leads before the first byte.
 * The sink bounds the output: a bit can become ten bytes. */
PB_MUST_USE int slc_bits_unpack(int fd, uint64_t offset, deflate_sink_fn *sink, void *arg,
                                struct pb_error *err);

#endif
