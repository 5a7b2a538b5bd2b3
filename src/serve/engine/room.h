/*
 * Room: how many connections the process has descriptors for, over all loops. A connection is counted with
 * two of them, its own and that of the file or the upstream server that its reply may need, so a request that
 * was let in never fails for want of one. The operator's connections have descriptors set aside, and are not
 * counted. Who finds no room waits where the kernel holds accepted connections; none is refused.
 */
#ifndef PB_SERVE_ENGINE_ROOM_H
#define PB_SERVE_ENGINE_ROOM_H

#include <stdbool.h>
#include <stddef.h>

struct room {
    unsigned most;
    unsigned used;    /* atomic */
    unsigned waiting; /* atomic; loops that leave connections in the kernel's queue */
};

/* How many objects may each of the loops keep open, with the descriptors that this process is allowed? */
size_t room_objects(size_t loops);
/* How many connections of the operator's there may be at once. */
unsigned room_operator(void);
/* Before the first connection, and after all else has been opened: shares the descriptors out that are left.
 * `objects`: what all loops together keep open. */
void room_init(struct room *room, size_t objects, bool for_operator);

/* A place for one connection; false: there is none. */
bool room_take(struct room *room);
void room_give(struct room *room);

/* A loop begins to wait for room, or ends it. */
void room_wait(struct room *room, bool waits);
/* Some loop waits: what is idle should give way. */
bool room_is_wanted(const struct room *room);

#endif
