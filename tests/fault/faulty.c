/*
 * A library to preload: counts system calls, and at call number $FAULT_AT does what $FAULT_DO says:
 *
 *   none            nothing
 *   kill            kills the process before the call; kill-after: behind it
 *   full            this and all later writes fail as on a full disk
 *   EIO ENOSPC EDQUOT EMFILE        the call fails with this error; EIO+ and so on: it and all later ones do
 *
 * Which calls count depends on that. none, kill, kill-after, full: those that change files below
 * $FAULT_UNDER. EIO: all that touch such files. ENOSPC, EDQUOT: those that need room there. EMFILE: all that
 * make a descriptor, of whatever. The count goes to $FAULT_COUNT when the process ends, and the name of the
 * call that failed to $FAULT_LOG. $FAULT_SYNC=skip makes fsync() and its like do nothing, so that many runs
 * are fast. Child processes count on where their parent is, but are never killed: they change no files by
 * name.
 */
#include "faulty.h"

#include <dirent.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

/* What a call does, as far as faults differ by it. */
enum { CHANGES = 1, GROWS = 2, TOUCHES = 4, MAKES_FD = 8 };

enum what { NOTHING, KILL, KILL_AFTER, FULL, FAIL };

static struct {
    enum what what;
    int number;      /* the error */
    unsigned counts; /* the kinds of calls that count */
    long at;
    bool on; /* and all later ones */
    bool no_sync;
    pid_t main;
    long *calls; /* shared with child processes */
} fault;

static void fault_named(const char *name)
{
    static const struct {
        const char *name;
        enum what what;
        int number;
        unsigned counts;
    } faults[] = {
        {"none", NOTHING, 0, CHANGES},
        {"kill", KILL, 0, CHANGES},
        {"kill-after", KILL_AFTER, 0, CHANGES},
        {"full", FULL, ENOSPC, CHANGES},
        {"EIO", FAIL, EIO, TOUCHES},
        {"ENOSPC", FAIL, ENOSPC, GROWS},
        {"EDQUOT", FAIL, EDQUOT, GROWS},
        {"EMFILE", FAIL, EMFILE, MAKES_FD},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        size_t n = strlen(faults[i].name);
        if (strncmp(name, faults[i].name, n) != 0 || (name[n] != '\0' && strcmp(name + n, "+") != 0))
            continue;
        fault.what = faults[i].what;
        fault.number = faults[i].number;
        fault.counts = faults[i].counts;
        fault.on = fault.what == FULL || name[n] == '+';
    }
}

__attribute__((constructor)) static void fault_start(void)
{
    const char *what = getenv("FAULT_DO"), *at = getenv("FAULT_AT"), *sync = getenv("FAULT_SYNC");
    void *shared = mmap(NULL, sizeof *fault.calls, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fault.main = getpid();
    fault.at = at != NULL ? atol(at) : -1;
    fault.no_sync = sync != NULL && strcmp(sync, "skip") == 0;
    if (what != NULL)
        fault_named(what);
    if (shared != MAP_FAILED)
        fault.calls = shared;
}

__attribute__((destructor)) static void count_save(void)
{
    const char *name = getenv("FAULT_COUNT");
    long calls = fault.calls != NULL ? *fault.calls : 0;
    fault.calls = NULL;
    FILE *f = name != NULL && getpid() == fault.main ? fopen(name, "w") : NULL;
    if (f != NULL) {
        fprintf(f, "%ld\n", calls);
        fclose(f);
    }
}

static void fault_tell(const char *call)
{
    const char *name = getenv("FAULT_LOG");
    int at = name != NULL ? (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    if (at >= 0 && syscall(SYS_write, at, call, strlen(call)) >= 0)
        syscall(SYS_close, at);
}

/* Counts a call. The error to fail with, or 0. */
static int fault_before(const char *call, unsigned kinds, bool watched)
{
    if (!watched)
        kinds &= MAKES_FD;
    bool killing = fault.what == KILL || fault.what == KILL_AFTER;
    if ((kinds & fault.counts) == 0 || fault.calls == NULL || (killing && getpid() != fault.main))
        return 0;
    long n = __atomic_add_fetch(fault.calls, 1, __ATOMIC_SEQ_CST);
    if (n == fault.at && fault.what == KILL)
        raise(SIGKILL);
    if (fault.number == 0 || n < fault.at || (n > fault.at && !fault.on))
        return 0;
    if (fault.what == FULL && (kinds & GROWS) == 0)
        return 0;
    if (n == fault.at)
        fault_tell(call);
    return fault.number;
}

static void fault_after(void)
{
    if (fault.what == KILL_AFTER && getpid() == fault.main && fault.calls != NULL &&
        __atomic_load_n(fault.calls, __ATOMIC_SEQ_CST) == fault.at)
        raise(SIGKILL);
}

/* What all wrappers have in common. `made`: what is known of the descriptor that the call makes. */
#define WRAP_AS(name, result, watched, kinds, failed, made, parameters, arguments)                           \
    result name parameters                                                                                   \
    {                                                                                                        \
        static result(*real) parameters;                                                                     \
        if (real == NULL)                                                                                    \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                                       \
        bool is_watched = (watched);                                                                         \
        int number = fault_before(#name, kinds, is_watched);                                                 \
        if (number != 0) {                                                                                   \
            errno = number;                                                                                  \
            return failed;                                                                                   \
        }                                                                                                    \
        result value = real arguments;                                                                       \
        made;                                                                                                \
        if (((kinds)&CHANGES) != 0 && is_watched)                                                            \
            fault_after();                                                                                   \
        return value;                                                                                        \
    }

#define WRAP(name, result, watched, kinds, parameters, arguments)                                            \
    WRAP_AS(name, result, watched, kinds, -1, (void)0, parameters, arguments)

/* ---- writing ---- */

WRAP(write, ssize_t, under(fd), CHANGES | GROWS | TOUCHES, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(pwrite, ssize_t, under(fd), CHANGES | GROWS | TOUCHES, (int fd, const void *p, size_t n, off_t at),
     (fd, p, n, at))
WRAP(pwrite64, ssize_t, under(fd), CHANGES | GROWS | TOUCHES, (int fd, const void *p, size_t n, off64_t at),
     (fd, p, n, at))
WRAP(writev, ssize_t, under(fd), CHANGES | GROWS | TOUCHES, (int fd, const struct iovec *v, int n),
     (fd, v, n))
WRAP(copy_file_range, ssize_t, under(in) || under(out), CHANGES | GROWS | TOUCHES,
     (int in, off64_t *in_at, int out, off64_t *out_at, size_t n, unsigned flags),
     (in, in_at, out, out_at, n, flags))
WRAP(ftruncate, int, under(fd), CHANGES | TOUCHES, (int fd, off_t n), (fd, n))
WRAP(ftruncate64, int, under(fd), CHANGES | TOUCHES, (int fd, off64_t n), (fd, n))

#define SYNC(name)                                                                                           \
    int name(int fd)                                                                                         \
    {                                                                                                        \
        static int (*real)(int fd);                                                                          \
        bool watched = under(fd);                                                                            \
        if (real == NULL)                                                                                    \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                                       \
        int number = fault_before(#name, CHANGES | TOUCHES, watched);                                        \
        if (number != 0) {                                                                                   \
            errno = number;                                                                                  \
            return -1;                                                                                       \
        }                                                                                                    \
        int value = fault.no_sync ? 0 : real(fd);                                                            \
        if (watched)                                                                                         \
            fault_after();                                                                                   \
        return value;                                                                                        \
    }
SYNC(fsync)
SYNC(fdatasync)
SYNC(syncfs)

/* ---- names ---- */

WRAP(unlink, int, under_at(AT_FDCWD, name), CHANGES | TOUCHES, (const char *name), (name))
WRAP(unlinkat, int, under_at(at, name), CHANGES | TOUCHES, (int at, const char *name, int flags),
     (at, name, flags))
WRAP(rmdir, int, under_at(AT_FDCWD, name), CHANGES | TOUCHES, (const char *name), (name))
WRAP(mkdir, int, under_at(AT_FDCWD, name), CHANGES | GROWS | TOUCHES, (const char *name, mode_t mode),
     (name, mode))
WRAP(mkdirat, int, under_at(at, name), CHANGES | GROWS | TOUCHES, (int at, const char *name, mode_t mode),
     (at, name, mode))
WRAP(rename, int, under_at(AT_FDCWD, from), CHANGES | TOUCHES, (const char *from, const char *to), (from, to))
WRAP(renameat, int, under_at(a, from), CHANGES | TOUCHES, (int a, const char *from, int b, const char *to),
     (a, from, b, to))
WRAP(renameat2, int, under_at(a, from), CHANGES | TOUCHES,
     (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags))
WRAP(symlinkat, int, under_at(at, name), CHANGES | GROWS | TOUCHES,
     (const char *target, int at, const char *name), (target, at, name))
WRAP(linkat, int, under_at(b, to), CHANGES | GROWS | TOUCHES,
     (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags))
WRAP(fchmodat, int, under_at(at, name), CHANGES | TOUCHES, (int at, const char *name, mode_t mode, int flags),
     (at, name, mode, flags))
WRAP(fchmod, int, under(fd), CHANGES | TOUCHES, (int fd, mode_t mode), (fd, mode))

/* ---- reading ---- */

WRAP(read, ssize_t, under(fd), TOUCHES, (int fd, void *p, size_t n), (fd, p, n))
WRAP(__read_chk, ssize_t, under(fd), TOUCHES, (int fd, void *p, size_t n, size_t room), (fd, p, n, room))
WRAP(pread, ssize_t, under(fd), TOUCHES, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
WRAP(pread64, ssize_t, under(fd), TOUCHES, (int fd, void *p, size_t n, off64_t at), (fd, p, n, at))
WRAP(__pread64_chk, ssize_t, under(fd), TOUCHES, (int fd, void *p, size_t n, off64_t at, size_t room),
     (fd, p, n, at, room))
WRAP(sendfile, ssize_t, under(in), TOUCHES, (int out, int in, off_t *at, size_t n), (out, in, at, n))
WRAP(sendfile64, ssize_t, under(in), TOUCHES, (int out, int in, off64_t *at, size_t n), (out, in, at, n))
WRAP(lseek, off_t, under(fd), TOUCHES, (int fd, off_t at, int whence), (fd, at, whence))
WRAP(lseek64, off64_t, under(fd), TOUCHES, (int fd, off64_t at, int whence), (fd, at, whence))
WRAP(flock, int, under(fd), TOUCHES, (int fd, int how), (fd, how))
WRAP_AS(mmap, void *, fd >= 0 && under(fd), TOUCHES, MAP_FAILED, (void)0,
        (void *p, size_t n, int prot, int flags, int fd, off_t at), (p, n, prot, flags, fd, at))
WRAP_AS(mmap64, void *, fd >= 0 && under(fd), TOUCHES, MAP_FAILED, (void)0,
        (void *p, size_t n, int prot, int flags, int fd, off64_t at), (p, n, prot, flags, fd, at))

WRAP(fstat, int, under(fd), TOUCHES, (int fd, struct stat *st), (fd, st))
WRAP(fstat64, int, under(fd), TOUCHES, (int fd, struct stat64 *st), (fd, st))
WRAP(stat, int, under_at(AT_FDCWD, name), TOUCHES, (const char *name, struct stat *st), (name, st))
WRAP(stat64, int, under_at(AT_FDCWD, name), TOUCHES, (const char *name, struct stat64 *st), (name, st))
WRAP(lstat, int, under_at(AT_FDCWD, name), TOUCHES, (const char *name, struct stat *st), (name, st))
WRAP(lstat64, int, under_at(AT_FDCWD, name), TOUCHES, (const char *name, struct stat64 *st), (name, st))
WRAP(fstatat, int, under_at(at, name), TOUCHES, (int at, const char *name, struct stat *st, int flags),
     (at, name, st, flags))
WRAP(fstatat64, int, under_at(at, name), TOUCHES, (int at, const char *name, struct stat64 *st, int flags),
     (at, name, st, flags))
WRAP(access, int, under_at(AT_FDCWD, name), TOUCHES, (const char *name, int mode), (name, mode))
WRAP(faccessat, int, under_at(at, name), TOUCHES, (int at, const char *name, int mode, int flags),
     (at, name, mode, flags))
WRAP(readlinkat, ssize_t, under_at(at, name), TOUCHES, (int at, const char *name, char *p, size_t n),
     (at, name, p, n))

WRAP_AS(opendir, DIR *, under_at(AT_FDCWD, name), TOUCHES | MAKES_FD, NULL,
        value != NULL ? fd_forget(dirfd(value)) : (void)0, (const char *name), (name))
WRAP_AS(fdopendir, DIR *, under(fd), TOUCHES, NULL, (void)0, (int fd), (fd))
WRAP_AS(readdir, struct dirent *, under(dirfd(d)), TOUCHES, NULL, (void)0, (DIR * d), (d))
WRAP_AS(readdir64, struct dirent64 *, under(dirfd(d)), TOUCHES, NULL, (void)0, (DIR * d), (d))
WRAP_AS(fopen, FILE *, under_at(AT_FDCWD, name), TOUCHES | MAKES_FD, NULL,
        value != NULL ? fd_forget(fileno(value)) : (void)0, (const char *name, const char *mode),
        (name, mode))
WRAP_AS(fopen64, FILE *, under_at(AT_FDCWD, name), TOUCHES | MAKES_FD, NULL,
        value != NULL ? fd_forget(fileno(value)) : (void)0, (const char *name, const char *mode),
        (name, mode))

/* ---- descriptors ---- */

#define WRAP_FD(name, watched, parameters, arguments)                                                        \
    WRAP_AS(name, int, watched, MAKES_FD, -1, fd_note(value, is_watched), parameters, arguments)
WRAP_FD(socket, false, (int family, int type, int protocol), (family, type, protocol))
WRAP_FD(accept4, false, (int fd, __SOCKADDR_ARG address, socklen_t *size, int flags),
        (fd, address, size, flags))
WRAP_FD(dup, under(fd), (int fd), (fd))
WRAP_FD(dup2, under(fd), (int fd, int to), (fd, to))
WRAP_FD(dup3, under(fd), (int fd, int to, int flags), (fd, to, flags))
WRAP_FD(epoll_create1, false, (int flags), (flags))
WRAP_FD(eventfd, false, (unsigned n, int flags), (n, flags))
WRAP_FD(timerfd_create, false, (clockid_t clock, int flags), (clock, flags))
WRAP_FD(memfd_create, false, (const char *name, unsigned flags), (name, flags))

#define WRAP_PAIR(name, parameters, arguments)                                                               \
    WRAP_AS(name, int, false, MAKES_FD, -1, (fd_note(pair[0], false), fd_note(pair[1], false)), parameters,  \
            arguments)
WRAP_PAIR(pipe, (int pair[2]), (pair))
WRAP_PAIR(pipe2, (int pair[2], int flags), (pair, flags))
WRAP_PAIR(socketpair, (int family, int type, int protocol, int pair[2]), (family, type, protocol, pair))

/* A descriptor is gone even if close() fails. */
int close(int fd)
{
    static int (*real)(int fd);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "close");
    int number = fault_before("close", TOUCHES, under(fd));
    fd_forget(fd);
    int value = real(fd);
    if (number == 0)
        return value;
    errno = number;
    return -1;
}

/* What a confined child is handed is of the folder that we watch, and it can't look. */
ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    static ssize_t (*real)(int fd, struct msghdr *m, int flags);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "recvmsg");
    ssize_t value = real(fd, m, flags);
    for (struct cmsghdr *c = value > 0 ? CMSG_FIRSTHDR(m) : NULL; c != NULL; c = CMSG_NXTHDR(m, c)) {
        for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && i < (c->cmsg_len - CMSG_LEN(0)) / sizeof fd; i++) {
            int got;
            memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
            fd_note(got, getpid() != fault.main);
        }
    }
    return value;
}

/* The open family takes its mode as a further argument, and only making a file changes anything. */
#define WRAP_OPEN(name, at, parameters, arguments)                                                           \
    int name parameters                                                                                      \
    {                                                                                                        \
        static int(*real) parameters;                                                                        \
        va_list more;                                                                                        \
        va_start(more, flags);                                                                               \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;                              \
        va_end(more);                                                                                        \
        if (real == NULL)                                                                                    \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                                       \
        bool watched = under_at(at, path);                                                                   \
        bool makes = (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_TMPFILE) == O_TMPFILE;                 \
        int number = fault_before(#name, TOUCHES | MAKES_FD | (makes ? CHANGES | GROWS : 0), watched);       \
        if (number != 0) {                                                                                   \
            errno = number;                                                                                  \
            return -1;                                                                                       \
        }                                                                                                    \
        int value = real arguments;                                                                          \
        fd_forget(value);                                                                                    \
        if (makes && watched)                                                                                \
            fault_after();                                                                                   \
        return value;                                                                                        \
    }
WRAP_OPEN(open, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(openat, at, (int at, const char *path, int flags, ...), (at, path, flags, mode))
WRAP_OPEN(openat64, at, (int at, const char *path, int flags, ...), (at, path, flags, mode))

/* What programs compiled with _FORTIFY_SOURCE call, where no file is made. */
#define WRAP_OPEN_2(name, at, parameters, arguments)                                                         \
    WRAP_AS(name, int, under_at(at, path), TOUCHES | MAKES_FD, -1, fd_forget(value), parameters, arguments)
WRAP_OPEN_2(__open_2, AT_FDCWD, (const char *path, int flags), (path, flags))
WRAP_OPEN_2(__open64_2, AT_FDCWD, (const char *path, int flags), (path, flags))
WRAP_OPEN_2(__openat_2, at, (int at, const char *path, int flags), (at, path, flags))
WRAP_OPEN_2(__openat64_2, at, (int at, const char *path, int flags), (at, path, flags))

/* openat2 has no function of its own in the C library. It makes no file here. */
long syscall(long call, ...)
{
    enum { ARGUMENTS = 6 };
    static long (*real)(long call, ...);
    long a[ARGUMENTS];
    va_list more;
    va_start(more, call);
    for (int i = 0; i < ARGUMENTS; i++)
        a[i] = va_arg(more, long);
    va_end(more);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    bool opens = call == SYS_openat2;
    int number =
        opens ? fault_before("openat2", TOUCHES | MAKES_FD, under_at((int)a[0], (const char *)a[1])) : 0;
    if (number != 0) {
        errno = number;
        return -1;
    }
    long value = real(call, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (opens)
        fd_forget((int)value);
    return value;
}

#define WRAP_FCNTL(name)                                                                                     \
    int name(int fd, int command, ...)                                                                       \
    {                                                                                                        \
        static int (*real)(int fd, int command, ...);                                                        \
        va_list more;                                                                                        \
        va_start(more, command);                                                                             \
        void *argument = va_arg(more, void *);                                                               \
        va_end(more);                                                                                        \
        if (real == NULL)                                                                                    \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                                       \
        bool duplicates = command == F_DUPFD || command == F_DUPFD_CLOEXEC;                                  \
        bool locks = command == F_SETLK || command == F_SETLKW || command == F_GETLK;                        \
        int number = fault_before(#name, duplicates ? MAKES_FD : locks ? TOUCHES : 0, under(fd));            \
        if (number != 0) {                                                                                   \
            errno = number;                                                                                  \
            return -1;                                                                                       \
        }                                                                                                    \
        int value = real(fd, command, argument);                                                             \
        if (duplicates)                                                                                      \
            fd_note(value, under(fd));                                                                       \
        return value;                                                                                        \
    }
WRAP_FCNTL(fcntl)
WRAP_FCNTL(fcntl64)
