/*
 * Is a descriptor, or a name, of the folder $FAULT_UNDER? For the libraries that are preloaded. What is known
 * of a descriptor is kept, as a confined process may not ask.
 */
#ifndef PB_TESTS_FAULTY_H
#define PB_TESTS_FAULTY_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FD_UNKNOWN, FD_WATCHED, FD_OTHER, FD_KNOWN_MAX = 4096 };

static unsigned char fd_known[FD_KNOWN_MAX];

static inline void fd_note(int fd, bool watched)
{
    if (fd >= 0 && fd < FD_KNOWN_MAX)
        fd_known[fd] = watched ? FD_WATCHED : FD_OTHER;
}

static inline void fd_forget(int fd)
{
    if (fd >= 0 && fd < FD_KNOWN_MAX)
        fd_known[fd] = FD_UNKNOWN;
}

static inline bool path_under(const char *path)
{
    const char *folder = getenv("FAULT_UNDER");
    return folder != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

/* The path of a descriptor, for as long as it has one. */
static inline bool fd_path(int fd, char path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlink, link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static inline bool under(int fd)
{
    char path[PATH_MAX];
    if (fd >= 0 && fd < FD_KNOWN_MAX && fd_known[fd] != FD_UNKNOWN)
        return fd_known[fd] == FD_WATCHED;
    int before = errno;
    bool watched = fd_path(fd, path) && path_under(path);
    errno = before;
    fd_note(fd, watched);
    return watched;
}

/* Is a name, perhaps relative to a folder, below the folder that we watch? */
static inline bool under_at(int at, const char *name)
{
    char path[PATH_MAX];
    if (name[0] == '/')
        return path_under(name);
    if (at != AT_FDCWD)
        return under(at);
    long n = syscall(SYS_getcwd, path, sizeof path); /* with its end */
    if (n <= 0 || (size_t)n + 1 + strlen(name) >= sizeof path)
        return false;
    path[n - 1] = '/';
    strcpy(path + n, name);
    return path_under(path);
}

#endif
