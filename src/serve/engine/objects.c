/* The cache of open objects. Names are digests, so a few of their bits are a hash already. */
#include "serve/engine/objects.h"

#include "base/file.h"
#include "depot/object.h"

#include <errno.h>

int object_cache_init(struct object_cache *c, int objects, size_t room, struct pb_error *err)
{
    size_t slots = 16;
    while (slots < room)
        slots *= 2;
    *c = (struct object_cache){.objects = objects, .room = room, .mask = slots - 1};
    c->slots = calloc(slots, sizeof(struct open_object *));
    return c->slots == NULL ? error_memory(err) : PB_OK;
}

static struct open_object **slot_of(struct object_cache *c, const struct sha256 *name)
{
    return &c->slots[get_le32(name->bytes) & c->mask];
}

static void unlink_use(struct object_cache *c, struct open_object *o)
{
    *(o->newer != NULL ? &o->newer->older : &c->newest) = o->older;
    *(o->older != NULL ? &o->older->newer : &c->oldest) = o->newer;
}

static void link_newest(struct object_cache *c, struct open_object *o)
{
    o->newer = NULL;
    o->older = c->newest;
    *(c->newest != NULL ? &c->newest->newer : &c->oldest) = o;
    c->newest = o;
}

static void object_free(struct open_object *o)
{
    fd_close(&o->fd);
    free(o->bytes);
    free(o);
}

/* Out of the cache; freed now, or by its last user. */
static void object_close(struct object_cache *c, struct open_object *o)
{
    struct open_object **at = slot_of(c, &o->name);
    while (*at != o)
        at = &(*at)->chain;
    *at = o->chain;
    unlink_use(c, o);
    c->n--;
    o->orphan = true;
    if (o->users == 0)
        object_free(o);
}

void object_cache_renew(struct object_cache *c)
{
    while (c->newest != NULL)
        object_close(c, c->newest);
}

void object_cache_free(struct object_cache *c)
{
    object_cache_renew(c);
    free(c->slots);
    c->slots = NULL;
}

void object_cache_release(struct object_cache *c)
{
    struct open_object *newer;
    for (struct open_object *o = c->oldest; o != NULL; o = newer) {
        newer = o->newer;
        if (o->users == 0 && o->fd >= 0)
            object_close(c, o);
    }
}

/* Closes the oldest that nobody uses; looks at a few only, so that the time is bounded. */
static void object_make_room(struct object_cache *c)
{
    enum { LOOK_AT = 64 };
    struct open_object *o = c->oldest;
    for (int i = 0; i < LOOK_AT && o != NULL && c->n >= c->room; i++) {
        struct open_object *newer = o->newer;
        if (o->users == 0)
            object_close(c, o);
        o = newer;
    }
}

static struct open_object *object_load(struct object_cache *c, const struct sha256 *name, uint64_t size)
{
    struct open_object *o = damaged_has(c->damaged, name) ? NULL : calloc(1, sizeof *o);
    if (o == NULL)
        return NULL;
    o->name = *name;
    bool good = object_open(c->objects, name, size, &o->fd, NULL) == PB_OK;
    if (good && size <= OBJECT_SMALL) {
        o->bytes = malloc((size_t)size + 1);
        good = o->bytes != NULL && file_read_at(o->fd, o->bytes, (size_t)size, 0, NULL) == PB_OK;
        fd_close(&o->fd);
    }
    if (!good) {
        object_free(o);
        return NULL;
    }
    if (c->asked != NULL)
        asked_post(c->asked, name, size);
    return o;
}

struct open_object *object_take(struct object_cache *c, const struct sha256 *name, uint64_t size)
{
    struct open_object **slot = slot_of(c, name), *o = *slot;
    while (o != NULL && memcmp(&o->name, name, sizeof *name) != 0)
        o = o->chain;
    if (o != NULL) {
        if (c->newest != o) {
            unlink_use(c, o);
            link_newest(c, o);
        }
        o->users++;
        return o;
    }
    if (c->n >= c->room)
        object_make_room(c);
    errno = 0;
    o = object_load(c, name, size);
    if (o == NULL && (errno == EMFILE || errno == ENFILE)) {
        object_cache_release(c);
        o = object_load(c, name, size);
    }
    if (o == NULL)
        return NULL;
    o->chain = *slot;
    *slot = o;
    link_newest(c, o);
    c->n++;
    o->users++;
    return o;
}

void object_drop(struct open_object *o)
{
    if (--o->users == 0 && o->orphan)
        object_free(o);
}
