/* Counters. Those of a loop are written by its thread alone and those of a title by all; anybody may read
 * them. */
#ifndef PB_SERVE_ADMISSION_COUNTS_H
#define PB_SERVE_ADMISSION_COUNTS_H

#include <stdint.h>

/* What is counted of replies, for a dialect (in each loop) and for a title. */
struct counts {
    uint64_t requests;
    uint64_t bytes;      /* that left, heads included */
    uint64_t errors;     /* requests that were refused */
    uint64_t completed;  /* downloads: see reply_plan.ends_download */
    uint64_t broken_off; /* replies that the client, or a limit, cut short */
    uint64_t active;     /* replies under way now that did not leave in one go */
};

enum { COUNTS_DIALECTS = 8 }; /* the last is for what is none's */

struct loop_counts {
    uint64_t seen;        /* monotonic milliseconds: when the loop last turned */
    uint64_t connections; /* open now */
    uint64_t waiting;     /* of them, those that a rate holds back now */
    uint64_t accepted;
    uint64_t refused_total;   /* over max_connections, or memory is out */
    uint64_t refused_address; /* over address_connections */
    uint64_t delayed;         /* times that a request or a reply had to wait for a rate */
    uint64_t timeouts;        /* connections closed for being idle, or slow with a request or a reply */
    struct counts dialects[COUNTS_DIALECTS];
    struct counts of_operator; /* the operator's own requests, which nobody asks for */
};

static inline uint64_t count_read(const uint64_t *at)
{
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

/* For the only writer: no locked instruction. */
static inline void count_own(uint64_t *at, uint64_t n)
{
    __atomic_store_n(at, *at + n, __ATOMIC_RELAXED);
}

static inline void count_shared(uint64_t *at, uint64_t n)
{
    __atomic_fetch_add(at, n, __ATOMIC_RELAXED);
}

#endif
