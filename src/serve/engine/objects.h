/* Open objects of one thread: descriptors of large ones, the bytes of small ones, least recently used first
 * out. */
#ifndef PB_SERVE_ENGINE_OBJECTS_H
#define PB_SERVE_ENGINE_OBJECTS_H

#include "base/digest.h"

/* An object up to this size is kept in memory and sent together with its head; a larger one leaves by
 * sendfile. */
enum { OBJECT_SMALL = 16 * 1024 };

struct open_object {
    struct sha256 name;
    int fd;      /* -1 when in memory */
    char *bytes; /* NULL when not */
    unsigned users;
    bool orphan;                       /* no longer in the cache: the last user frees it */
    struct open_object *chain;         /* of the same hash slot */
    struct open_object *newer, *older; /* by use */
};

struct object_cache {
    int objects; /* the depot's folder; not owned */
    size_t n, room;
    struct open_object **slots;
    size_t mask;
    struct open_object *newest, *oldest;
};

/* `room`: how many objects may be open besides those in use. */
PB_MUST_USE int object_cache_init(struct object_cache *c, int objects, size_t room, struct pb_error *err);
void object_cache_free(struct object_cache *c);

/* After the site changed: closes what nobody uses and forgets the rest, so that an object that was mended or
 * removed is not served from an old descriptor, nor its space held. */
void object_cache_renew(struct object_cache *c);

/* NULL when it can't be opened or has not `size` bytes. object_drop when done with it. */
struct open_object *object_take(struct object_cache *c, const struct sha256 *name, uint64_t size);
void object_drop(struct open_object *o);

#endif
