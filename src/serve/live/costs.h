/* What the depot costs on its disk: added up by the watcher when the catalog has changed, and read by
 * reports. */
#ifndef PB_SERVE_LIVE_COSTS_H
#define PB_SERVE_LIVE_COSTS_H

#include "serve/live/watch.h"

/* Looks whether it is time to add up again, and how much space is free. Watcher thread. */
void costs_look(struct watcher *w);

#endif
