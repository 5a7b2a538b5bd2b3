/* Which objects were checked: a set of the first eight bytes of their names. Two objects that share these are
 * one chance in 2^64 for each pair. */
#ifndef PB_SERVE_LIVE_SCRUB_KNOWN_H
#define PB_SERVE_LIVE_SCRUB_KNOWN_H

#include "base/digest.h"

struct known {
    uint64_t *slots; /* open addressing, at most half full; 0: free */
    size_t n, room;  /* room is 0 or a power of two */
};

bool known_has(const struct known *k, const struct sha256 *name);
/* Without memory the object is not remembered, and is checked again. */
void known_add(struct known *k, const struct sha256 *name);
void known_free(struct known *k);

#endif
