/* The set of objects that are known to be damaged. It never changes; a new set replaces it. NULL is the empty
 * set. */
#ifndef PB_SERVE_LIVE_DAMAGED_H
#define PB_SERVE_LIVE_DAMAGED_H

#include "base/digest.h"

struct damaged {
    unsigned references; /* atomic */
    size_t n;
    struct sha256 names[]; /* sorted */
};

/* Copies and sorts the names; n > 0. The caller owns the one reference. NULL when memory is out. */
struct damaged *damaged_new(const struct sha256 *names, size_t n);
void damaged_hold(struct damaged *d);    /* accepts NULL */
void damaged_release(struct damaged *d); /* accepts NULL */
bool damaged_has(const struct damaged *d, const struct sha256 *name);

#endif
