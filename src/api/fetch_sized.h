/* The sizes that callers of pb_fetch and pb_fetch_start may bring. */
#ifndef PB_API_FETCH_SIZED_H
#define PB_API_FETCH_SIZED_H

#include "api/sized.h"

extern const struct sized fetch_options_sized, fetch_result_sized;

#endif
