/* A cache of open objects, for one thread: the bytes of small objects, the descriptors of large ones. The
 * least recently used object is closed first. */
#ifndef PB_SERVE_ENGINE_OBJECTS_H
#define PB_SERVE_ENGINE_OBJECTS_H

#include "serve/live/asked.h"
#include "serve/live/damaged.h"

/* Bytes. An object up to this size is kept in memory and sent together with its head; a larger one is sent as
 * a file. */
enum { OBJECT_SMALL = 16 * 1024 };

struct open_object {
    struct sha256 name;
    int fd;      /* -1: in memory */
    char *bytes; /* NULL: a file */
    unsigned users;
    bool orphan;                       /* not in the cache any more: the last user frees it */
    struct open_object *chain;         /* of the same hash slot */
    struct open_object *newer, *older; /* by use */
};

struct object_cache {
    int objects;                   /* the depot's folder; not owned */
    const struct damaged *damaged; /* not opened; the snapshot's */
    struct asked *asked;           /* told of what is opened; NULL: nobody is; not owned */
    size_t n, room;
    struct open_object **slots;
    size_t mask;
    struct open_object *newest, *oldest;
};

/* `objects` must outlive the cache. `room`: how many objects without a user may stay open. */
PB_MUST_USE int object_cache_init(struct object_cache *c, int objects, size_t room, struct pb_error *err);
void object_cache_free(struct object_cache *c);

/* Empties the cache; objects in use stay open until they are dropped. Called when the site has changed, so
 * that no object that was repaired or removed is served from an old descriptor. */
void object_cache_renew(struct object_cache *c);

/* Closes objects that nobody uses: descriptors are out. */
void object_cache_release(struct object_cache *c);

/* Opens an object, or finds it open. The caller gives it back with object_drop. NULL when it can't be opened,
 * has not `size` bytes, or is damaged. */
struct open_object *object_take(struct object_cache *c, const struct sha256 *name, uint64_t size);
void object_drop(struct open_object *o);

#endif
