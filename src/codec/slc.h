/* PlayOnline's compressed form: a mode byte, then data (docs/formats/playonline.md, "Modes"). */
#ifndef PB_CODEC_SLC_H
#define PB_CODEC_SLC_H

#include "codec/deflate.h"

/* Lists are written in mode SLC_LIST, files in SLC_RAW or SLC_ZLIB. All four are read. */
enum slc_mode { SLC_BITS = 0, SLC_RAW = 1, SLC_LIST = 2, SLC_ZLIB = 3 };

/* Unpacks a file, mode byte included, into the sink, which must bound the output. PB_DAMAGED: the mode is
 * unknown, or the data is truncated or contradicts itself. */
PB_MUST_USE int slc_unpack(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err);

/* The same where the size of the file and that of what is in it are said to be known: faster when they are
 * right. */
PB_MUST_USE int slc_unpack_known(int fd, uint64_t packed, uint64_t size, deflate_sink_fn *sink, void *arg,
                                 struct pb_error *err);

/* The same into a buffer, from a file or from memory. PB_DAMAGED also when the output exceeds the ceiling of
 * `out`. */
PB_MUST_USE int slc_unpack_file(int fd, struct buffer *out, struct pb_error *err);
PB_MUST_USE int slc_unpack_bytes(struct slice bytes, struct buffer *out, struct pb_error *err);

/* Appends a list in mode SLC_LIST, mode byte first. */
PB_MUST_USE int slc_list_pack(struct slice text, struct buffer *out, struct pb_error *err);

#endif
