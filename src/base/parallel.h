/* Doing the same for many items, on all cores. */
#ifndef PB_BASE_PARALLEL_H
#define PB_BASE_PARALLEL_H

#include "base/error.h"

#include <stddef.h>

enum { PARALLEL_MAX = 16 /* threads */ };

/* Does item i of n. Called in several threads at once. */
typedef int parallel_fn(void *arg, size_t i, struct pb_error *err);

/* Calls fn for each of 0 to n - 1, begun in this order, and returns when all are done. One of the threads is
 * the caller's; where others can't be had, fewer do it. After a negative return value of fn no item is begun,
 * and the first such value is the result, *err that call's. `err` may be NULL. */
PB_MUST_USE int parallel_run(size_t n, parallel_fn *fn, void *arg, struct pb_error *err);

/* How many threads parallel_run would use for many items: 1 to PARALLEL_MAX. */
unsigned parallel_threads(void);

#endif
