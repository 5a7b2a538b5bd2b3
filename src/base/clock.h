/* Time: monotonic milliseconds for deadlines, microseconds for short turns, Unix seconds for people, Unix
 * nanoseconds for the times of files. */
#ifndef PB_BASE_CLOCK_H
#define PB_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void);
int64_t clock_unix(void);
int64_t clock_unix_ns(void);

#endif
