/* PlayOnline's compressed form: a mode byte, then data (docs/formats/playonline.md). We write modes 1 and 3.
 */
#ifndef PB_CODEC_SLC_H
#define PB_CODEC_SLC_H

#include "codec/deflate.h"

enum slc_mode { SLC_BITS = 0, SLC_RAW = 1, SLC_BITS_TOO = 2, SLC_ZLIB = 3 };

/* Unpacks a file, mode byte and all, into the sink. PB_UNSUPPORTED: mode 0 or 2 with a back reference, whose
 * layout nobody knows; PB_DAMAGED: another mode, or data that is cut off. */
PB_MUST_USE int slc_unpack(int fd, deflate_sink_fn *sink, void *arg, struct pb_error *err);

#endif
