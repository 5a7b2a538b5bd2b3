/*
 * A child process for work on bytes from outside: unpacking, and parsing by a library. It has the files that
 * it is handed, memory, threads of its own, and a socket to its parent. The kernel refuses it everything
 * else: it can open no file, reach no network and start no program (seccomp). A fault in a decoder then ends
 * a fetch with an error.
 *
 * The child is made by fork() and sees what its parent had in memory then. It must not use what other threads
 * of the parent may have held: no stdio, no libcurl, no SQLite.
 */
#ifndef PB_BASE_CHILD_H
#define PB_BASE_CHILD_H

#include "base/bytes.h"

#include <sys/types.h>

struct child {
    pid_t pid;
    int socket; /* of the parent; SOCK_SEQPACKET */
};

/* A child that was not started. */
#define CHILD_NONE                                                                                           \
    (struct child)                                                                                           \
    {                                                                                                        \
        .socket = -1                                                                                         \
    }

enum { CHILD_FDS = 2, CHILD_MESSAGE_MAX = 32 * 1024 };

/* What the child does; its return ends the child. */
typedef void child_run_fn(void *arg, int socket);

/* Starts a child. PB_FAILED: the system has no more processes or descriptors. */
PB_MUST_USE int child_start(struct child *c, child_run_fn *run, void *arg, struct pb_error *err);
/* Ends it at once, whatever it does. Accepts a child that was not started. */
void child_end(struct child *c);

/* Sends one message with up to CHILD_FDS descriptors, which the receiver gets copies of. On either side.
 * PB_FAILED: the other side is gone, or does not read for a minute. */
PB_MUST_USE int child_send(int socket, const void *p, size_t n, const int *fds, size_t fd_count,
                           struct pb_error *err);

enum child_event { CHILD_MESSAGE, CHILD_SILENT, CHILD_GONE };

/* Waits up to `ms` (-1: for ever) for a message of exactly n bytes. fds[CHILD_FDS], which may be NULL, gets
 * the descriptors that come with it, then -1. CHILD_GONE: the other side has ended, or sent something else.
 */
enum child_event child_receive(int socket, void *p, size_t n, int *fds, int ms);

/* A status that a child names; PB_DAMAGED, if it is none of ours. */
int child_status(int status);

/* The error for CHILD_GONE: PB_DAMAGED, as it is the bytes that brought it down. `c`: the child, which is
 * ended. */
int child_fallen(struct child *c, struct pb_error *err);

/*
 * Makes `out` of `in` by `fn`, in a child of its own: for documents. `out` is initialised; its ceiling bounds
 * what is taken. The error is that of `fn`.
 */
typedef int child_convert_fn(struct slice in, struct buffer *out, struct pb_error *err);
PB_MUST_USE int child_convert(child_convert_fn *fn, struct slice in, struct buffer *out,
                              struct pb_error *err);

#endif
