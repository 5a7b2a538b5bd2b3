/* The bit stream of PlayOnline's modes 0 and 2 (docs/formats/playonline.md, "Modes"): literals, and matches
 * within the last 65,535 bytes. */
#ifndef PB_CODEC_SLC_BITS_H
#define PB_CODEC_SLC_BITS_H

#include "codec/deflate.h"

/* Appends the stream of n bytes to `out`: the number of bits (u32), then the bits. Like the original encoder
 * it writes only matches of 3 to 85 bytes whose source ends before their output begins. Needs 4 MB of memory.
 * PB_INVALID: n exceeds SLC_BITS_MAX, or the stream the ceiling of `out`. */
enum { SLC_BITS_MAX = 256 * 1024 * 1024 };
PB_MUST_USE int slc_bits_pack(const void *p, size_t n, struct buffer *out, struct pb_error *err);

/* Unpacks the stream at `offset` of a file. All distances and lengths are accepted. PB_DAMAGED: the stream
 * has fewer bits than it says, ends within a match, or a distance points before the first byte. The sink must
 * bound the output: one bit can become ten bytes. */
PB_MUST_USE int slc_bits_unpack(int fd, uint64_t offset, deflate_sink_fn *sink, void *arg,
                                struct pb_error *err);

#endif
