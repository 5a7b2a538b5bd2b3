/* Sharing descriptors out, and counting. */
#include "serve/engine/room.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>

enum {
    OBJECTS_MAX = 2048,  /* open in each loop */
    OBJECTS_SHARE = 8,   /* one in so many descriptors is for objects that are kept open */
    OPERATOR_MAX = 64,   /* connections of the operator's */
    OPERATOR_SHARE = 16, /* one in so many descriptors is for them */
    OPERATOR_LEAST = 4,
    SET_ASIDE = 16,   /* for the catalog, the operator's record, the configuration, the log */
    LOOKED_AT = 4096, /* descriptors; what is open lies below, in all but strange programs */
};

static size_t descriptors_allowed(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT32_MAX ? (size_t)limit.rlim_cur
                                                                               : INT32_MAX;
}

static size_t descriptors_open(size_t allowed)
{
    size_t n = 0;
    for (size_t fd = 0; fd < allowed && fd < LOOKED_AT; fd++)
        n += fcntl((int)fd, F_GETFD) >= 0;
    return n;
}

size_t room_objects(size_t loops)
{
    size_t most = descriptors_allowed() / OBJECTS_SHARE / loops;
    return most > OBJECTS_MAX ? OBJECTS_MAX : most > 0 ? most : 1;
}

unsigned room_operator(void)
{
    size_t share = descriptors_allowed() / OPERATOR_SHARE;
    return share > OPERATOR_MAX ? OPERATOR_MAX : share < OPERATOR_LEAST ? OPERATOR_LEAST : (unsigned)share;
}

void room_init(struct room *room, size_t objects, bool for_operator)
{
    size_t allowed = descriptors_allowed(), taken = descriptors_open(allowed) + SET_ASIDE + objects;
    if (for_operator)
        taken += room_operator();
    size_t pairs = allowed > taken ? (allowed - taken) / 2 : 0;
    *room = (struct room){.most = pairs > 0 ? (unsigned)pairs : 1};
}

bool room_take(struct room *room)
{
    if (__atomic_add_fetch(&room->used, 1, __ATOMIC_RELAXED) <= room->most)
        return true;
    room_give(room);
    return false;
}

void room_give(struct room *room)
{
    __atomic_sub_fetch(&room->used, 1, __ATOMIC_RELAXED);
}

void room_wait(struct room *room, bool waits)
{
    __atomic_add_fetch(&room->waiting, waits ? 1u : -1u, __ATOMIC_RELAXED);
}

bool room_is_wanted(const struct room *room)
{
    return __atomic_load_n(&room->waiting, __ATOMIC_RELAXED) > 0;
}
