/* The account of the day (UTC): bytes sent today, of the server and of each title. It is stored in the
 * operator's record, so that it survives a restart and includes other servers of the depot. It decides the
 * states of the daily caps. Watcher thread only. */
#ifndef PB_SERVE_LIVE_ACCOUNT_H
#define PB_SERVE_LIVE_ACCOUNT_H

#include "serve/live/watch.h"

/* Sets the current day. */
void account_start(struct watcher *w);
/* Sets rates and caps of all meters from the snapshot's settings, and reads what the record has of new
 * meters. */
void account_limits(struct watcher *w, const struct snapshot *s);
/* Adds up, sets the states of the caps, and calls account_save every few seconds. */
void account_look(struct watcher *w);
/* Writes what is new into the record, in one transaction. */
void account_save(struct watcher *w);

#endif
