/* The lock between those who use a depot's objects (publishing, checking, copying: shared) and gc (alone). */
#ifndef PB_DEPOT_LOCK_H
#define PB_DEPOT_LOCK_H

#include "depot/depot.h"

/* Takes the lock shared, and waits for gc. Calls may be nested; each that succeeds needs its depot_unlock. */
PB_MUST_USE int depot_lock(struct depot *d, struct pb_error *err);
void depot_unlock(struct depot *d);

/* Takes the lock alone until *fd is closed. Whoever comes later waits behind us, so that publishers who never
 * stop can't keep us out. Without `wait`: PB_BUSY when anybody has it. */
PB_MUST_USE int depot_lock_alone(struct depot *d, bool wait, int *fd, struct pb_error *err);

#endif
