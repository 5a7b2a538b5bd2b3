/* What packing and unpacking with several threads share: how many, and a lock to wait at. */
#ifndef PB_CODEC_THREADS_H
#define PB_CODEC_THREADS_H

#include "base/bytes.h"
#include "base/thread.h"

/* The cores that this process may use; 1 to `most`. */
unsigned thread_cores(unsigned most);

/* A mutex, and a condition that is signalled when anything behind the mutex changes. */
struct monitor {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

PB_MUST_USE int monitor_open(struct monitor *m, struct pb_error *err);
void monitor_close(struct monitor *m);
void monitor_enter(struct monitor *m);
void monitor_leave(struct monitor *m);
/* Wakes all who wait. The caller is inside. */
void monitor_tell(struct monitor *m);
/* Waits for monitor_tell. The caller is inside. May return for no reason. */
void monitor_wait(struct monitor *m);
/* The same, for so many milliseconds at most. */
void monitor_wait_ms(struct monitor *m, unsigned ms);

#endif
