/* What the kernel is to refuse to this process from now on, for good: files (Landlock) and system calls
 * (seccomp). */
#ifndef PB_BASE_CONFINE_H
#define PB_BASE_CONFINE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* ---- files and connections: Landlock ---- */

enum confine_right {
    CONFINE_READ = 1,   /* read the file, or list the folder and read all below it */
    CONFINE_WRITE = 2,  /* create, write, rename and remove below the folder */
    CONFINE_APPEND = 4, /* create files in the folder, and write to files */
};

struct confine_path {
    const char *path; /* what does not exist is passed over */
    unsigned rights;
};

struct confine_files {
    const struct confine_path *paths;
    size_t n;
    bool connect; /* over TCP, to anywhere */
    bool bind;    /* to TCP ports */
};

/* For the calling thread and all that it starts from now on. *version is that of the kernel's Landlock; 0: it
 * has none that is of use, and nothing is refused. */
PB_MUST_USE int confine_files(const struct confine_files *f, int *version, struct pb_error *err);

/* ---- system calls: seccomp ---- */

enum confine_role {
    CONFINE_SERVER,    /* files, sockets that are there, threads; no program, no socket but with `connect` */
    CONFINE_UNPACKING, /* descriptors that are there, memory, threads; nothing else */
};

/*
 * For all threads of the process. A call that is not on the role's list fails with EPERM, and `refused`
 * (NULL: nobody) is told its number from a signal handler, the first few times. `connect`: sockets for TCP
 * may be made. *enforced is false when the kernel has no seccomp.
 */
typedef void confine_refused_fn(int call);
PB_MUST_USE int confine_calls(enum confine_role role, bool connect, confine_refused_fn *refused,
                              bool *enforced, struct pb_error *err);

#endif
