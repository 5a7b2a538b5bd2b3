/*
 * A library to preload: records every operation that changes what is below $FAULT_UNDER, with its data, and
 * every sync, in the order in which they happened, into $RECORD_TO. powerloss.py replays them. The record is
 * memory shared with child processes; a confined one can still write to it.
 *
 * A record is a struct record, a first string and a second one. Files are known by their inode, as names
 * change.
 */
#include "faulty.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { ROOM = 256 << 20 };
enum operation { CREATE = 1, TRUNCATE, WRITE, RENAME, UNLINK, MKDIR, SYMLINK, SYNC, SYNC_ALL };

struct record {
    uint32_t operation, first, second; /* the strings' lengths */
    uint32_t zero;
    uint64_t inode, at;
};

/* At the beginning of the file. */
static struct {
    uint64_t used;
    int busy;
} * shared;

__attribute__((constructor)) static void recorder_start(void)
{
    const char *name = getenv("RECORD_TO");
    int fd = name != NULL ? (int)syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CREAT | O_TRUNC, 0666) : -1;
    if (fd < 0 || syscall(SYS_ftruncate, fd, ROOM) != 0)
        return;
    void *p = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (p == MAP_FAILED)
        return;
    shared = p;
    shared->used = sizeof *shared;
}

/* One operation at a time, so that the record has them in their true order. */
static void enter(void)
{
    while (__atomic_exchange_n(&shared->busy, 1, __ATOMIC_ACQUIRE) != 0)
        continue;
}

static void leave(void)
{
    __atomic_store_n(&shared->busy, 0, __ATOMIC_RELEASE);
}

static void record(enum operation operation, uint64_t inode, uint64_t at, const void *first, size_t n,
                   const char *second)
{
    struct record r = {operation, (uint32_t)n, second != NULL ? (uint32_t)strlen(second) : 0, 0, inode, at};
    char *to = (char *)shared + shared->used;
    if (shared->used + sizeof r + r.first + r.second > ROOM)
        abort();
    memcpy(to, &r, sizeof r);
    memcpy(to + sizeof r, first, r.first);
    if (r.second > 0)
        memcpy(to + sizeof r + r.first, second, r.second);
    shared->used += sizeof r + r.first + r.second;
}

/* By the system call that a confined child may make; the C library may use another. */
static uint64_t inode_of(int fd)
{
    struct stat st;
    return syscall(SYS_fstat, fd, &st) == 0 ? st.st_ino : 0;
}

static void path_of(int at, const char *name, char out[2 * PATH_MAX])
{
    char folder[PATH_MAX] = "";
    if (name[0] != '/' && at == AT_FDCWD)
        syscall(SYS_getcwd, folder, sizeof folder);
    else if (name[0] != '/')
        fd_path(at, folder);
    snprintf(out, 2 * PATH_MAX, "%s%s%s", folder, name[0] == '/' ? "" : "/", name);
}

/* Asked each time, as descriptors come and go by calls that we do not see; only a confined child can't ask.
 */
static bool watched(int fd)
{
    char path[PATH_MAX];
    int before = errno;
    bool known = fd_path(fd, path);
    errno = before;
    return known ? path_under(path) : fd >= 0 && fd < FD_KNOWN_MAX && fd_known[fd] == FD_WATCHED;
}

static bool watched_at(int at, const char *name)
{
    return name[0] != '/' && at != AT_FDCWD ? watched(at) : under_at(at, name);
}

#define REAL(name)                                                                                           \
    static __typeof__(&name) real;                                                                           \
    if (real == NULL)                                                                                        \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

/* ---- data ---- */

#define WRITING(name, parameters, arguments, offset)                                                         \
    ssize_t name parameters                                                                                  \
    {                                                                                                        \
        REAL(name);                                                                                          \
        if (shared == NULL || !watched(fd))                                                                  \
            return real arguments;                                                                           \
        enter();                                                                                             \
        ssize_t value = real arguments;                                                                      \
        if (value > 0)                                                                                       \
            record(WRITE, inode_of(fd), (uint64_t)(offset), p, (size_t)value, NULL);                         \
        leave();                                                                                             \
        return value;                                                                                        \
    }
WRITING(write, (int fd, const void *p, size_t n), (fd, p, n), lseek(fd, 0, SEEK_CUR) - value)
WRITING(pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at), at)
WRITING(pwrite64, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at), at)

/* Nothing of ours uses them on files; a test that misses something should say so. */
ssize_t writev(int fd, const struct iovec *v, int n)
{
    REAL(writev);
    if (shared != NULL && watched(fd))
        abort();
    return real(fd, v, n);
}

ssize_t copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t n, unsigned flags)
{
    REAL(copy_file_range);
    if (shared != NULL && watched(out))
        abort();
    return real(in, in_at, out, out_at, n, flags);
}

#define TRUNCATING(name, type)                                                                               \
    int name(int fd, type size)                                                                              \
    {                                                                                                        \
        REAL(name);                                                                                          \
        if (shared == NULL || !watched(fd))                                                                  \
            return real(fd, size);                                                                           \
        enter();                                                                                             \
        int value = real(fd, size);                                                                          \
        if (value == 0)                                                                                      \
            record(TRUNCATE, inode_of(fd), (uint64_t)size, "", 0, NULL);                                     \
        leave();                                                                                             \
        return value;                                                                                        \
    }
TRUNCATING(ftruncate, off_t)
TRUNCATING(ftruncate64, off64_t)

#define SYNCING(name, operation)                                                                             \
    int name(int fd)                                                                                         \
    {                                                                                                        \
        char path[PATH_MAX];                                                                                 \
        if (shared == NULL || !watched(fd))                                                                  \
            return 0;                                                                                        \
        enter();                                                                                             \
        fd_path(fd, path);                                                                                   \
        record(operation, inode_of(fd), 0, path, strlen(path), NULL);                                        \
        leave();                                                                                             \
        return 0;                                                                                            \
    }
SYNCING(fsync, SYNC)
SYNCING(fdatasync, SYNC)
SYNCING(syncfs, SYNC_ALL)

/* ---- names ---- */

#define NAMING(name, operation, at, from, to_at, to, parameters, arguments)                                  \
    int name parameters                                                                                      \
    {                                                                                                        \
        char first[2 * PATH_MAX], second[2 * PATH_MAX];                                                      \
        REAL(name);                                                                                          \
        if (shared == NULL || !watched_at(at, from))                                                         \
            return real arguments;                                                                           \
        path_of(at, from, first);                                                                            \
        path_of(to_at, to, second);                                                                          \
        enter();                                                                                             \
        int value = real arguments;                                                                          \
        int number = errno;                                                                                  \
        if (value == 0)                                                                                      \
            record(operation, 0, 0, first, strlen(first), operation == RENAME ? second : NULL);              \
        leave();                                                                                             \
        errno = number;                                                                                      \
        return value;                                                                                        \
    }
NAMING(unlink, UNLINK, AT_FDCWD, name, AT_FDCWD, name, (const char *name), (name))
NAMING(unlinkat, UNLINK, at, name, at, name, (int at, const char *name, int flags), (at, name, flags))
NAMING(rmdir, UNLINK, AT_FDCWD, name, AT_FDCWD, name, (const char *name), (name))
NAMING(mkdir, MKDIR, AT_FDCWD, name, AT_FDCWD, name, (const char *name, mode_t mode), (name, mode))
NAMING(mkdirat, MKDIR, at, name, at, name, (int at, const char *name, mode_t mode), (at, name, mode))
NAMING(rename, RENAME, AT_FDCWD, from, AT_FDCWD, to, (const char *from, const char *to), (from, to))
NAMING(renameat, RENAME, a, from, b, to, (int a, const char *from, int b, const char *to), (a, from, b, to))
/* RENAME_NOREPLACE, which is a rename when it succeeds. */
NAMING(renameat2, RENAME, a, from, b, to, (int a, const char *from, int b, const char *to, unsigned flags),
       (a, from, b, to, flags))

int symlinkat(const char *target, int at, const char *name)
{
    char path[2 * PATH_MAX];
    REAL(symlinkat);
    if (shared == NULL || !watched_at(at, name))
        return real(target, at, name);
    path_of(at, name, path);
    enter();
    int value = real(target, at, name);
    int number = errno;
    if (value == 0)
        record(SYMLINK, 0, 0, path, strlen(path), target);
    leave();
    errno = number;
    return value;
}

static void opened(int fd, const char *path, int flags, bool was_there)
{
    if (!was_there)
        record(CREATE, inode_of(fd), 0, path, strlen(path), NULL);
    else if (flags & O_TRUNC)
        record(TRUNCATE, inode_of(fd), 0, "", 0, NULL);
}

#define OPENING(name, at, parameters, arguments)                                                             \
    int name parameters                                                                                      \
    {                                                                                                        \
        char full[2 * PATH_MAX];                                                                             \
        va_list more;                                                                                        \
        REAL(name);                                                                                          \
        va_start(more, flags);                                                                               \
        mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;                                            \
        va_end(more);                                                                                        \
        bool records = shared != NULL && (flags & (O_CREAT | O_TRUNC)) != 0 && watched_at(at, path);         \
        if (records) {                                                                                       \
            path_of(at, path, full);                                                                         \
            enter();                                                                                         \
        }                                                                                                    \
        bool was_there = records && faccessat(AT_FDCWD, full, F_OK, AT_SYMLINK_NOFOLLOW) == 0;               \
        int value = real arguments;                                                                          \
        int number = errno;                                                                                  \
        if (records && value >= 0)                                                                           \
            opened(value, full, flags, was_there);                                                           \
        if (records)                                                                                         \
            leave();                                                                                         \
        errno = number;                                                                                      \
        return value;                                                                                        \
    }
OPENING(open, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPENING(open64, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPENING(openat, at, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPENING(openat64, at, (int at, const char *path, int flags, ...), (at, path, flags, mode))

/* ---- descriptors ---- */

int close(int fd)
{
    REAL(close);
    fd_forget(fd);
    return real(fd);
}

/* What a confined child is handed is of the folder that we watch, and it can't look. */
ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    REAL(recvmsg);
    ssize_t value = real(fd, m, flags);
    for (struct cmsghdr *c = value > 0 ? CMSG_FIRSTHDR(m) : NULL; c != NULL; c = CMSG_NXTHDR(m, c)) {
        for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && i < (c->cmsg_len - CMSG_LEN(0)) / sizeof fd; i++) {
            int got;
            memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
            fd_note(got, true);
        }
    }
    return value;
}
