/* Unpacking a map from its parts in a child process (base/child.h), while they arrive. What the child says of
 * the result is worth as much as the server that sent the parts: parts are verified before it gets them. */
#ifndef PB_OPENSAUCE_UNPACK_H
#define PB_OPENSAUCE_UNPACK_H

#include "base/child.h"
#include "dialect/opensauce/format.h"

struct os_unpacking {
    struct child child;
};

/* Starts the child. `to`: an empty file, open for reading and writing. What `d` and `password` (may be NULL)
 * point to is only read during the call. */
PB_MUST_USE int os_unpack_start(struct os_unpacking *u, const struct os_definition *d, const char *password,
                                int to, struct pb_error *err);
/* The next part in order is there; `fd` is open for reading, and stays the caller's. */
PB_MUST_USE int os_unpack_part(struct os_unpacking *u, int fd, struct pb_error *err);
/* All parts are there. Waits for the map; `result` gets its MD5, CRC-32 and size. PB_DAMAGED: it can't be
 * unpacked. */
PB_MUST_USE int os_unpack_finish(struct os_unpacking *u, archive_progress_fn *progress, void *arg,
                                 struct digest_result *result, struct pb_error *err);
void os_unpack_end(struct os_unpacking *u); /* in any case; may be called twice */

#endif
