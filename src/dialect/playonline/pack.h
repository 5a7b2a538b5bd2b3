/* Files of a tree become what the server has: mode byte and data, and the hashes of the replies. */
#ifndef PB_PLAYONLINE_PACK_H
#define PB_PLAYONLINE_PACK_H

#include "dialect/playonline/pack_file.h"

/* Asked again and again while files are worked on, by one thread at a time: true ends it with PB_CANCELLED.
 */
typedef bool po_stop_fn(void *arg, size_t files_done);

/* Stores all of them, with all cores: blocks of a file are packed side by side, and so are files. The result
 * is the same whatever the number of threads. Each file is read once, and sums are those of the bytes that
 * were packed. PB_INVALID: a file is too large for the wire's 32 bits, or was changed meanwhile. */
PB_MUST_USE int po_pack(const struct depot *d, int folder, struct po_packing *const *files, size_t n,
                        po_stop_fn *stop, void *arg, struct pb_error *err);

#endif
