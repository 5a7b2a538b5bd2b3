/*
 * Two files. `turn` is held only while one waits for `lock`, by everybody. So gc waits for those who have
 * `lock` already, while newcomers wait at `turn`; with `lock` alone there would always be somebody who has
 * it. A program that does not know `turn` is still kept apart from gc by `lock`.
 */
#include "depot/lock.h"

#include "base/file.h"

/* A depot that can't be written may lack a lock file. Nobody on this machine removes its objects then. */
static int lock_file_take(const struct depot *d, const char *name, enum lock_kind kind, bool wait, int *fd,
                          struct pb_error *err)
{
    if (!d->read_only)
        return lock_take(d->folder, name, kind, wait, fd, err);
    int rc = lock_take_existing(d->folder, name, kind, wait, fd, err);
    return rc == PB_NOT_FOUND ? PB_OK : rc;
}

int depot_lock(struct depot *d, struct pb_error *err)
{
    if (d->lock_users > 0) { /* to queue again would be to wait for gc, which waits for us */
        d->lock_users++;
        return PB_OK;
    }
    _cleanup_fd_ int turn = -1;
    int rc = lock_file_take(d, DEPOT_TURN, LOCK_EXCLUSIVE, true, &turn, err);
    if (rc == PB_OK)
        rc = lock_file_take(d, DEPOT_LOCK, LOCK_SHARED, true, &d->lock, err);
    if (rc == PB_OK)
        d->lock_users = 1;
    return rc;
}

void depot_unlock(struct depot *d)
{
    if (d->lock_users > 0 && --d->lock_users == 0)
        fd_close(&d->lock);
}

int depot_lock_alone(struct depot *d, bool wait, int *fd, struct pb_error *err)
{
    _cleanup_fd_ int turn = -1;
    int rc = lock_take(d->folder, DEPOT_TURN, LOCK_EXCLUSIVE, wait, &turn, err);
    return rc < 0 ? rc : lock_take(d->folder, DEPOT_LOCK, LOCK_EXCLUSIVE, wait, fd, err);
}
