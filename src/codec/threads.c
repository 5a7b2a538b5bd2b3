/* Threads of the codecs, on POSIX threads. */
#include "codec/threads.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

unsigned thread_cores(unsigned most)
{
    cpu_set_t set;
    /* More cores than a cpu_set_t has room for: then all of them are as good as any number. */
    long cores =
        sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > (long)most ? most : (unsigned)cores;
}

int monitor_open(struct monitor *m, struct pb_error *err)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return error_memory(err);
    /* A clock that is set must not make a wait longer. */
    int number = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (number == 0)
        number = pthread_cond_init(&m->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (number == 0 && (number = pthread_mutex_init(&m->mutex, NULL)) != 0)
        pthread_cond_destroy(&m->changed);
    return number != 0 ? error_errno(err, number, "a lock") : PB_OK;
}

void monitor_close(struct monitor *m)
{
    pthread_mutex_destroy(&m->mutex);
    pthread_cond_destroy(&m->changed);
}

void monitor_enter(struct monitor *m)
{
    pthread_mutex_lock(&m->mutex);
}

void monitor_leave(struct monitor *m)
{
    pthread_mutex_unlock(&m->mutex);
}

void monitor_tell(struct monitor *m)
{
    pthread_cond_broadcast(&m->changed);
}

void monitor_wait(struct monitor *m)
{
    pthread_cond_wait(&m->changed, &m->mutex);
}

void monitor_wait_ms(struct monitor *m, unsigned ms)
{
    enum { NANO = 1000000000 };
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * (NANO / 1000);
    if (until.tv_nsec >= NANO) {
        until.tv_sec++;
        until.tv_nsec -= NANO;
    }
    pthread_cond_timedwait(&m->changed, &m->mutex, &until);
}
