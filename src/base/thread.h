/* Starting threads of the library. */
#ifndef PB_BASE_THREAD_H
#define PB_BASE_THREAD_H

#include "base/error.h"

#include <pthread.h>

/* Starts a thread with all signals blocked: they are the program's, and its own threads receive them. `err`
 * may be NULL. */
PB_MUST_USE int thread_start(pthread_t *thread, void *(*run)(void *), void *arg, struct pb_error *err);

#endif
