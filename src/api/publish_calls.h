/* How a server publishes what was uploaded to it. */
#ifndef PB_API_PUBLISH_CALLS_H
#define PB_API_PUBLISH_CALLS_H

#include "serve/live/uploads.h"

extern const struct publish_calls publish_calls;

#endif
