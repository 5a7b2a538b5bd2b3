/* Opening folders of ours in the user's. */
#include "install/staging.h"

#include "base/beneath.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

int own_folder_open(int at, const char *name, bool make, int *fd, struct pb_error *err)
{
    int rc = make ? folder_make(at, name, err) : PB_OK;
    return rc < 0 ? rc : beneath_folder(at, slice_of(name), fd, err);
}

int staging_open(const struct workspace *w, const char *stage, int *fd, struct pb_error *err)
{
    _cleanup_fd_ int all = -1;
    int rc = own_folder_open(w->home, WORKSPACE_STAGING, true, &all, err);
    return rc < 0 ? rc : own_folder_open(all, stage, true, fd, err);
}

int own_exec(int folder, const char *name, struct pb_error *err)
{
    struct stat st;
    uint64_t size;
    _cleanup_fd_ int fd = -1;
    int rc = beneath_own(folder, name, O_RDONLY, &fd, &size, err);
    if (rc < 0)
        return rc;
    if (fstat(fd, &st) != 0)
        return error_errno(err, errno, "%s", name);
    mode_t mode = st.st_mode | (st.st_mode & 0444) >> 2;
    return mode == st.st_mode || fchmod(fd, mode & 07777) == 0 ? PB_OK : error_errno(err, errno, "%s", name);
}
