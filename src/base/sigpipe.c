/* SIGPIPE, blocked for a while in one thread. */
#include "base/sigpipe.h"

#include <stddef.h>
#include <time.h>

static bool is_pending(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void sigpipe_block(struct sigpipe *s)
{
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    s->pending = is_pending();
    pthread_sigmask(SIG_BLOCK, &only, &s->before);
}

void sigpipe_restore(const struct sigpipe *s)
{
    static const struct timespec at_once = {0, 0};
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    if (!s->pending && is_pending())
        sigtimedwait(&only, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}
