/* Opening folders of ours in the user's. */
#include "install/staging.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>

int own_folder_open(int at, const char *name, bool make, int *fd, struct pb_error *err)
{
    int rc = make ? folder_make(at, name, err) : PB_OK;
    if (rc < 0)
        return rc;
    *fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *fd < 0 ? error_errno(err, errno, "open folder %s", name) : PB_OK;
}

int staging_open(const struct workspace *w, const char *stage, int *fd, struct pb_error *err)
{
    _cleanup_fd_ int all = -1;
    int rc = own_folder_open(w->home, WORKSPACE_STAGING, true, &all, err);
    return rc < 0 ? rc : own_folder_open(all, stage, true, fd, err);
}
