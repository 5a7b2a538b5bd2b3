/* Protects the calling program from SIGPIPE, which sendfile and TLS libraries raise when a peer has closed.
 */
#ifndef PB_BASE_SIGPIPE_H
#define PB_BASE_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe {
    sigset_t before;
    bool pending; /* one was pending before */
};

/* sigpipe_block blocks SIGPIPE in this thread. sigpipe_restore discards one that was raised meanwhile, and
 * restores the signal mask. */
void sigpipe_block(struct sigpipe *s);
void sigpipe_restore(const struct sigpipe *s);

#endif
