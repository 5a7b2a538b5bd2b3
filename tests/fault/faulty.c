/*
 * A library to preload: counts the calls that change files below $FAULT_UNDER, and at call number $FAULT_AT
 * kills the process ($FAULT_DO=kill, before the call; kill-after, behind it) or lets this and all later
 * writes fail as on a full disk ($FAULT_DO=full). The count goes to $FAULT_COUNT when the process ends.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static long calls;

static bool doing(const char *what)
{
    const char *wanted = getenv("FAULT_DO");
    return wanted != NULL && strcmp(wanted, what) == 0;
}

static long fault_at(void)
{
    const char *at = getenv("FAULT_AT");
    return at != NULL ? strtol(at, NULL, 10) : -1;
}

static bool under(int fd)
{
    char link[64], path[PATH_MAX];
    const char *folder = getenv("FAULT_UNDER");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0 || folder == NULL)
        return false;
    path[n] = '\0';
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* Is a name, perhaps relative to a folder, below the folder that we watch? */
static bool under_at(int at, const char *name)
{
    const char *folder = getenv("FAULT_UNDER");
    if (name[0] == '/')
        return folder != NULL && strncmp(name, folder, strlen(folder)) == 0;
    if (at != AT_FDCWD)
        return under(at);
    char path[PATH_MAX];
    return folder != NULL && getcwd(path, sizeof path) != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

/* Counts a call. True: it is to fail with ENOSPC. */
static bool fault_before(bool writes)
{
    long n = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (n == fault_at() && doing("kill"))
        raise(SIGKILL);
    return writes && doing("full") && n >= fault_at();
}

static void fault_after(void)
{
    if (__atomic_load_n(&calls, __ATOMIC_SEQ_CST) == fault_at() && doing("kill-after"))
        raise(SIGKILL);
}

__attribute__((destructor)) static void count_save(void)
{
    const char *name = getenv("FAULT_COUNT");
    FILE *f = name != NULL ? fopen(name, "w") : NULL;
    if (f != NULL) {
        fprintf(f, "%ld\n", calls);
        fclose(f);
    }
}

/* Names and lists of parameters, of which functions are made, can't stand in parentheses.
 * NOLINTBEGIN(bugprone-macro-parentheses) */
#define REAL(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

/* What all wrappers have in common. */
#define WRAP(name, result, watched, writes, parameters, arguments)                                           \
    result name parameters                                                                                   \
    {                                                                                                        \
        static result(*real) parameters;                                                                     \
        if (real == NULL)                                                                                    \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                                       \
        if (!(watched))                                                                                      \
            return real arguments;                                                                           \
        if (fault_before(writes)) {                                                                          \
            errno = ENOSPC;                                                                                  \
            return -1;                                                                                       \
        }                                                                                                    \
        result value = real arguments;                                                                       \
        fault_after();                                                                                       \
        return value;                                                                                        \
    }

WRAP(write, ssize_t, under(fd), true, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(pwrite, ssize_t, under(fd), true, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
WRAP(pwrite64, ssize_t, under(fd), true, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at))
WRAP(ftruncate, int, under(fd), false, (int fd, off_t n), (fd, n))
WRAP(ftruncate64, int, under(fd), false, (int fd, off64_t n), (fd, n))
WRAP(fsync, int, under(fd), false, (int fd), (fd))
WRAP(fdatasync, int, under(fd), false, (int fd), (fd))
WRAP(syncfs, int, under(fd), false, (int fd), (fd))
WRAP(unlink, int, under_at(AT_FDCWD, name), false, (const char *name), (name))
WRAP(unlinkat, int, under_at(at, name), false, (int at, const char *name, int flags), (at, name, flags))
WRAP(mkdir, int, under_at(AT_FDCWD, name), true, (const char *name, mode_t mode), (name, mode))
WRAP(mkdirat, int, under_at(at, name), true, (int at, const char *name, mode_t mode), (at, name, mode))
WRAP(rename, int, under_at(AT_FDCWD, from), false, (const char *from, const char *to), (from, to))
WRAP(renameat, int, under_at(a, from), false, (int a, const char *from, int b, const char *to),
     (a, from, b, to))

WRAP(renameat2, int, under_at(a, from), false,
     (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags))
WRAP(symlinkat, int, under_at(at, name), true, (const char *target, int at, const char *name),
     (target, at, name))
WRAP(fchmodat, int, under_at(at, name), false, (int at, const char *name, mode_t mode, int flags),
     (at, name, mode, flags))

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
        if (!(flags & (O_CREAT | O_TRUNC)) || !under_at(at, path))                                           \
            return real arguments;                                                                           \
        if (fault_before(true)) {                                                                            \
            errno = ENOSPC;                                                                                  \
            return -1;                                                                                       \
        }                                                                                                    \
        int value = real arguments;                                                                          \
        fault_after();                                                                                       \
        return value;                                                                                        \
    }
/* NOLINTEND(bugprone-macro-parentheses) */
WRAP_OPEN(open, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(openat, at, (int at, const char *path, int flags, ...), (at, path, flags, mode))
WRAP_OPEN(openat64, at, (int at, const char *path, int flags, ...), (at, path, flags, mode))
