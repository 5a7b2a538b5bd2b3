/* Numbers and times for people. */
#ifndef PB_CLI_TEXT_H
#define PB_CLI_TEXT_H

#include <stdint.h>

enum { TEXT_SIZE = 32 };
void text_bytes(uint64_t bytes, char out[TEXT_SIZE]); /* "27.2 MiB" */
/* At most five columns, with k, M, G of `base`: "999", "1.2M", "1023k". */
void text_short(double v, double base, char out[TEXT_SIZE]);
void text_grouped(uint64_t number, char out[TEXT_SIZE]);   /* "28,544,136" */
void text_time(int64_t unix_seconds, char out[TEXT_SIZE]); /* "2026-11-21 09:30" UTC */

#endif
