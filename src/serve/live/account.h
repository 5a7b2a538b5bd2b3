/* The day's account: what was served today, of all and of each title, kept across restarts in the depot's
 * record; and the caps that follow from it. A day is one of UTC. The watcher's part. */
#ifndef PB_SERVE_LIVE_ACCOUNT_H
#define PB_SERVE_LIVE_ACCOUNT_H

#include "serve/live/watch.h"

/* Which day it is. */
void account_start(struct watcher *w);
/* Gives the meters the rates and caps of new settings, and new ones what the record has of them. */
void account_limits(struct watcher *w, const struct snapshot *s);
/* Adds up, sets the caps' states, and saves now and then. */
void account_look(struct watcher *w);
void account_save(struct watcher *w);

#endif
