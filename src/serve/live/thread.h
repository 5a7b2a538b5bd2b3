/* Threads of the server. */
#ifndef PB_SERVE_LIVE_THREAD_H
#define PB_SERVE_LIVE_THREAD_H

#include "base/error.h"

#include <pthread.h>

/* Starts a thread with all signals blocked, so that the embedding program receives them. */
PB_MUST_USE int thread_start(pthread_t *thread, void *(*run)(void *), void *arg, struct pb_error *err);

#endif
