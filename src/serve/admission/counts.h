/* Counters. A loop's counters are written by its thread alone, a title's by all threads. Any thread may read
 * them. All count from the start of the server. */
#ifndef PB_SERVE_ADMISSION_COUNTS_H
#define PB_SERVE_ADMISSION_COUNTS_H

#include <stdint.h>

/* Of replies: one set for each dialect in each loop, one for each title. */
struct counts {
    uint64_t requests;
    uint64_t bytes;      /* sent, heads included */
    uint64_t errors;     /* requests answered with an error */
    uint64_t completed;  /* downloads sent to the end: see reply_plan.ends_download */
    uint64_t broken_off; /* replies cut short by the client or by a limit */
    uint64_t opened;     /* connections whose first reply it was */
    uint64_t active;     /* replies under way now; those sent in one call are not counted here */
};

/* Of TLS; all threads write them. */
struct tls_counts {
    uint64_t handshakes; /* done */
    uint64_t resumed;    /* those of them that went on with an earlier session */
    uint64_t failed;     /* begun and not done */
};

enum { COUNTS_DIALECTS = 8 }; /* the last set counts requests that no dialect answers */

struct loop_counts {
    uint64_t seen;        /* when the loop last turned; monotonic ms */
    uint64_t connections; /* open now */
    uint64_t waiting;     /* open now and held back by a rate */
    uint64_t accepted;
    uint64_t refused_total;   /* over max_connections, or memory is out */
    uint64_t refused_address; /* over address_connections */
    uint64_t delayed;         /* times that a request or a reply had to wait for a rate */
    uint64_t timeouts;        /* connections closed for being idle, or slow with a request or a reply */
    struct counts dialects[COUNTS_DIALECTS];
    struct counts of_operator; /* requests to the operator's address; not reported */
};

static inline uint64_t count_read(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

/* Adds to a counter of the calling thread, without a locked instruction. */
static inline void count_own(uint64_t *at, uint64_t n)
{
    __atomic_store_n(at, *at + n, __ATOMIC_RELAXED);
}

/* Adds to a counter that other threads write, too. */
static inline void count_shared(uint64_t *at, uint64_t n)
{
    __atomic_fetch_add(at, n, __ATOMIC_RELAXED);
}

#endif
