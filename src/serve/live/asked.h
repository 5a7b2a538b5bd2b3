/* What loops tell the scrubber: objects that they have just opened, and that players wait for. A loop never
 * waits here: when the list is full or in use, the object is left to the scrubber's walk. */
#ifndef PB_SERVE_LIVE_ASKED_H
#define PB_SERVE_LIVE_ASKED_H

#include "base/digest.h"

#include <pthread.h>

enum { ASKED_MAX = 1024 };

struct asked_object {
    struct sha256 name;
    uint64_t size;
};

struct asked {
    pthread_mutex_t mutex;
    bool wanted; /* atomic; somebody takes them */
    size_t n;
    struct asked_object list[ASKED_MAX];
};

static inline void asked_post(struct asked *a, const struct sha256 *name, uint64_t size)
{
    if (!__atomic_load_n(&a->wanted, __ATOMIC_RELAXED) || pthread_mutex_trylock(&a->mutex) != 0)
        return;
    if (a->n < ASKED_MAX)
        a->list[a->n++] = (struct asked_object){*name, size};
    pthread_mutex_unlock(&a->mutex);
}

/* The one that was posted last: the others have been served for longer already. False: there is none. */
static inline bool asked_take(struct asked *a, struct asked_object *out)
{
    pthread_mutex_lock(&a->mutex);
    bool some = a->n > 0;
    if (some)
        *out = a->list[--a->n];
    pthread_mutex_unlock(&a->mutex);
    return some;
}

#endif
