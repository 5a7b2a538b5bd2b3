/* Keeping SIGPIPE away from a caller who has not asked for it: sendfile, and TLS libraries, raise it where a
 * peer is gone. */
#ifndef PB_BASE_SIGPIPE_H
#define PB_BASE_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe {
    sigset_t before;
    bool pending; /* one was pending already, and stays so */
};

/* Blocks SIGPIPE in this thread until sigpipe_restore, which takes one that came meanwhile off again. */
void sigpipe_block(struct sigpipe *s);
void sigpipe_restore(const struct sigpipe *s);

#endif
