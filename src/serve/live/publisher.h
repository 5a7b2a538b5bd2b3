/* The publisher: a thread that publishes what was uploaded, one after the other. */
#ifndef PB_SERVE_LIVE_PUBLISHER_H
#define PB_SERVE_LIVE_PUBLISHER_H

#include "serve/live/uploads.h"

struct publisher;

/* The depot's path and the calls must outlive it. */
PB_MUST_USE int publisher_start(struct uploads *u, const char *depot, const struct publish_calls *calls,
                                struct publisher **out, struct pb_error *err);
/* Breaks off what is under way, and ends the thread. Accepts NULL. */
void publisher_stop(struct publisher *p);

#endif
