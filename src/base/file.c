/* Files and folders on a POSIX system. */
#include "base/file.h"

#include "base/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

int folder_open(int at, const char *name, int *fd, struct pb_error *err)
{
    *fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return error_errno(err, errno, "open folder %s", name);
    return PB_OK;
}

int folder_make(int at, const char *name, struct pb_error *err)
{
    if (mkdirat(at, name, 0777) != 0 && errno != EEXIST)
        return error_errno(err, errno, "make folder %s", name);
    return PB_OK;
}

int folder_make_all(const char *path, struct pb_error *err)
{
    char part[PATH_MAX];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof part)
        return error_set(err, PB_INVALID, "make folder %s: the name is empty or too long", path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        int rc = folder_make(AT_FDCWD, part, err);
        if (rc < 0)
            return rc;
    }
    return PB_OK;
}

/* Closes the folder. */
static int names_visit(int fd, const char *name, folder_each_fn *fn, void *arg, struct pb_error *err)
{
    int rc = PB_OK;
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return error_errno(err, errno, "read folder %s", name);
    }
    for (;;) {
        errno = 0;
        struct dirent *d = readdir(dir);
        if (d == NULL) {
            if (errno != 0)
                rc = error_errno(err, errno, "read folder %s", name);
            break;
        }
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        rc = fn(arg, fd, d->d_name, err);
        if (rc < 0)
            break;
    }
    closedir(dir);
    return rc;
}

int folder_each(int at, const char *name, folder_each_fn *fn, void *arg, struct pb_error *err)
{
    int fd;
    int rc = folder_open(at, name, &fd, err);
    return rc < 0 ? rc : names_visit(fd, name, fn, arg, err);
}

static int names_add(void *arg, int folder, const char *name, struct pb_error *err)
{
    struct names *names = arg;
    (void)folder;
    if ((names->n & (names->n - 1)) == 0) {
        size_t room = names->n == 0 ? 1 : names->n * 2;
        char **list = realloc(names->list, room * sizeof *list);
        if (list == NULL)
            return error_memory(err);
        names->list = list;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return error_memory(err);
    names->list[names->n++] = copy;
    return PB_OK;
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int folder_names(int at, const char *name, struct names *names, struct pb_error *err)
{
    *names = (struct names){0};
    int rc = folder_each(at, name, names_add, names, err);
    if (rc < 0) {
        names_free(names);
        return rc;
    }
    if (names->n > 1)
        qsort(names->list, names->n, sizeof *names->list, name_compare);
    return PB_OK;
}

void names_free(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->list[i]);
    free(names->list);
    *names = (struct names){0};
}

static int remove_one(void *arg, int folder, const char *name, struct pb_error *err)
{
    unsigned depth = *(const unsigned *)arg;
    if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
        return PB_OK;
    if ((errno == EISDIR || errno == EPERM) && depth > 0)
        return folder_remove(folder, name, depth - 1, err);
    return error_errno(err, errno, "remove %s", name);
}

int folder_remove(int at, const char *name, unsigned depth, struct pb_error *err)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? PB_OK : error_errno(err, errno, "open folder %s", name);
    int rc = names_visit(fd, name, remove_one, &depth, err);
    if (rc < 0)
        return rc;
    if (unlinkat(at, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        return error_errno(err, errno, "remove folder %s", name);
    return PB_OK;
}

int file_write(int fd, const void *p, size_t n, struct pb_error *err)
{
    for (const char *at = p; n > 0;) {
        ssize_t done = write(fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return error_errno(err, errno, "write");
        at += done;
        n -= (size_t)done;
    }
    return PB_OK;
}

int file_copy(int from, int to, struct pb_error *err)
{
    char step[64 * 1024];
    for (;;) {
        ssize_t n = read(from, step, sizeof step);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? PB_OK : error_errno(err, errno, "read");
        int rc = file_write(to, step, (size_t)n, err);
        if (rc < 0)
            return rc;
    }
}

int file_read_at(int fd, void *p, size_t n, uint64_t offset, struct pb_error *err)
{
    for (char *at = p; n > 0;) {
        ssize_t done = pread(fd, at, n, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return error_errno(err, errno, "read");
        if (done == 0)
            return error_set(err, PB_DAMAGED, "the file is shorter than it should be");
        at += done;
        n -= (size_t)done;
        offset += (uint64_t)done;
    }
    return PB_OK;
}

/* Where the file system has no files without a name, it loses its name at once. */
int file_nameless(int folder, int *fd, struct pb_error *err)
{
    uint8_t random[16];
    char name[2 * sizeof random + 1];
    *fd = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd >= 0)
        return PB_OK;
    int rc = bytes_random(random, sizeof random, err);
    if (rc < 0)
        return rc;
    hex_encode(random, sizeof random, name);
    *fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0)
        return error_errno(err, errno, "make an unnamed file");
    unlinkat(folder, name, 0);
    return PB_OK;
}

int file_open_regular(int at, const char *name, bool follow, int *fd, uint64_t *size, struct pb_error *err)
{
    struct stat st;
    *fd = openat(at, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follow ? 0 : O_NOFOLLOW));
    if (*fd < 0)
        return error_errno(err, errno, "open %s", name);
    int number = fstat(*fd, &st) != 0 ? errno : 0;
    if (number != 0 || !S_ISREG(st.st_mode)) {
        fd_close(fd);
        return number != 0 ? error_errno(err, number, "open %s", name)
                           : error_set(err, PB_INVALID, "open %s: not a regular file", name);
    }
    *size = (uint64_t)st.st_size;
    return PB_OK;
}

static int read_all(int at, const char *name, bool follow, struct buffer *b, struct pb_error *err)
{
    uint64_t size;
    _cleanup_fd_ int fd = -1;
    int rc = file_open_regular(at, name, follow, &fd, &size, err);
    if (rc < 0)
        return rc;
    char step[16 * 1024];
    for (;;) {
        ssize_t n = read(fd, step, sizeof step);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, errno, "read %s", name);
        if (n == 0)
            return buffer_append(b, "", 0) ? PB_OK : error_memory(err);
        if (!buffer_append(b, step, (size_t)n))
            return b->starved
                       ? error_memory(err)
                       : error_set(err, PB_INVALID, "read %s: larger than %zu bytes", name, b->ceiling);
    }
}

int file_read_all(int at, const char *name, struct buffer *b, struct pb_error *err)
{
    return read_all(at, name, true, b, err);
}

int file_read_here(int at, const char *name, struct buffer *b, struct pb_error *err)
{
    return read_all(at, name, false, b, err);
}

int file_replace(int at, const char *name, const void *p, size_t n, struct pb_error *err)
{
    char beside[FILENAME_MAX];
    snprintf(beside, sizeof beside, "%s.new", name);
    /* What an earlier run left there goes first, so that a link of that name leads nowhere. */
    unlinkat(at, beside, 0);
    _cleanup_fd_ int fd = openat(at, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_errno(err, errno, "write %s", beside);
    int rc = file_write(fd, p, n, err);
    if (rc == PB_OK && fsync(fd) != 0)
        rc = error_errno(err, errno, "sync");
    if (rc == PB_OK && renameat(at, beside, at, name) != 0)
        rc = error_errno(err, errno, "rename");
    if (rc < 0) {
        unlinkat(at, beside, 0);
        return error_context(err, "%s", name);
    }
    return PB_OK;
}

/* Opens the lock file. What is no regular file can be nobody's lock, and is replaced; a folder is not. */
static int lock_open(int at, const char *name)
{
    enum { HOW = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };
    struct stat st;
    int fd = openat(at, name, HOW, 0666);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    if ((fd < 0 && errno != ELOOP && errno != ENXIO && errno != ENODEV) || unlinkat(at, name, 0) != 0) {
        fd_close(&fd);
        return -1;
    }
    fd_close(&fd);
    return openat(at, name, HOW | O_EXCL, 0666);
}

/* Is this the file of that name still? Else somebody replaced it, and may have another lock. */
static bool lock_is(int at, const char *name, int fd)
{
    struct stat mine, there;
    return fstat(fd, &mine) == 0 && fstatat(at, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

static int lock_wait(int fd, int how, const char *name, struct pb_error *err)
{
    while (flock(fd, how) != 0) {
        if (errno == EWOULDBLOCK)
            return error_set(err, PB_BUSY, "lock %s: in use by another process", name);
        if (errno != EINTR)
            return error_errno(err, errno, "lock %s", name);
    }
    return PB_OK;
}

int lock_take(int at, const char *name, enum lock_kind kind, bool wait, int *fd, struct pb_error *err)
{
    enum { TRIES = 16 };
    int how = (kind == LOCK_SHARED ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB);
    for (int i = 0; i < TRIES; i++) {
        *fd = lock_open(at, name);
        if (*fd < 0 && errno == EEXIST)
            continue;
        if (*fd < 0)
            return error_errno(err, errno, "lock %s", name);
        int rc = lock_wait(*fd, how, name, err);
        if (rc == PB_OK && lock_is(at, name, *fd))
            return PB_OK;
        fd_close(fd);
        if (rc < 0)
            return rc;
    }
    return error_set(err, PB_BUSY, "lock %s: is replaced all the time", name);
}

int lock_take_existing(int at, const char *name, enum lock_kind kind, bool wait, int *fd,
                       struct pb_error *err)
{
    struct stat st;
    *fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0)
        return error_errno(err, errno, "lock %s", name);
    int rc = fstat(*fd, &st) == 0 && S_ISREG(st.st_mode)
                 ? lock_wait(*fd, (kind == LOCK_SHARED ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB), name, err)
                 : error_set(err, PB_INVALID, "lock %s: not a regular file", name);
    if (rc < 0)
        fd_close(fd);
    return rc;
}
