/* Opening below a folder on Linux. */
#include "base/beneath.h"

#include "base/file.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    FOLDER = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
    DEPTH = 64, /* of a folder that is removed; deeper ones are nobody's by accident */
};

/* Opens one folder on the way, and says what is there when it is none. */
static int step_down(int at, const char *name, struct slice path, int *fd, struct pb_error *err)
{
    struct stat st;
    *fd = openat(at, name, FOLDER | O_NOFOLLOW);
    if (*fd >= 0)
        return PB_OK;
    int number = errno, n = (int)path.n;
    if ((number == ENOTDIR || number == ELOOP) && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISLNK(st.st_mode))
            return error_set(err, PB_INVALID,
                             "%.*s: %s is a symbolic link; patchbay does not write through links", n, path.p,
                             name);
        return error_set(err, PB_INVALID, "%.*s: %s is not a folder", n, path.p, name);
    }
    return error_errno(err, number, "%.*s: open folder %s", n, path.p, name);
}

int beneath_walk(int root, struct slice path, int *fd, struct pb_error *err)
{
    char name[FILE_NAME_MAX + 1];
    _cleanup_fd_ int at = fcntl(root, F_DUPFD_CLOEXEC, 0);
    *fd = -1;
    if (at < 0)
        return error_errno(err, errno, "%.*s", (int)path.n, path.p);
    for (size_t i = 0; i < path.n;) {
        const char *slash = memchr(path.p + i, '/', path.n - i);
        size_t n = (slash != NULL ? (size_t)(slash - path.p) : path.n) - i;
        int next;
        if (n == 0 || n > FILE_NAME_MAX)
            return error_set(err, PB_INVALID, "%.*s: has a name that is empty or too long", (int)path.n,
                             path.p);
        memcpy(name, path.p + i, n);
        name[n] = '\0';
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            return error_set(err, PB_INVALID, "%.*s: has %s in it", (int)path.n, path.p, name);
        int rc = step_down(at, name, path, &next, err);
        if (rc < 0)
            return rc;
        fd_close(&at);
        at = next;
        i += n + 1;
    }
    *fd = at;
    at = -1;
    return PB_OK;
}

/* -1 and errno. EAGAIN: somebody renames folders at this moment, and the kernel can't tell where it is. */
static int resolve(int root, const char *path)
{
    enum { TRIES = 16 };
    const struct open_how how = {.flags = (uint64_t)FOLDER,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    int fd = -1;
    for (int i = 0; i < TRIES && fd < 0 && (i == 0 || errno == EAGAIN); i++)
        fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    return fd;
}

int beneath_folder(int root, struct slice path, int *fd, struct pb_error *err)
{
    char text[PATH_RELATIVE_MAX + 1];
    *fd = -1;
    if (path.n == 0 || path.n >= sizeof text || !path_relative_below(path, NULL))
        return beneath_walk(root, path, fd, err);
    memcpy(text, path.p, path.n);
    text[path.n] = '\0';
    *fd = resolve(root, text);
    if (*fd >= 0)
        return PB_OK;
    if (errno == ENOENT)
        return error_errno(err, errno, "%s: open folder", text);
    return beneath_walk(root, path, fd, err);
}

int beneath_own(int folder, const char *name, int flags, int *fd, uint64_t *size, struct pb_error *err)
{
    struct stat st;
    *fd = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (*fd < 0)
        return error_errno(err, errno, "open %s", name);
    if (fstat(*fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1) {
        fd_close(fd);
        return error_set(err, PB_INVALID, "open %s: not a file of its own", name);
    }
    *size = (uint64_t)st.st_size;
    return PB_OK;
}

int beneath_clear(int folder, const char *name, struct pb_error *err)
{
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
        return PB_OK;
    return errno == EISDIR || errno == EPERM ? folder_remove(folder, name, DEPTH, err)
                                             : error_errno(err, errno, "remove %s", name);
}

int beneath_create(int folder, const char *name, int *fd, struct pb_error *err)
{
    enum { HOW = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC };
    *fd = openat(folder, name, HOW, 0666);
    if (*fd < 0 && errno == EEXIST) {
        int rc = beneath_clear(folder, name, err);
        if (rc < 0)
            return rc;
        *fd = openat(folder, name, HOW, 0666);
    }
    return *fd < 0 ? error_errno(err, errno, "create %s", name) : PB_OK;
}
