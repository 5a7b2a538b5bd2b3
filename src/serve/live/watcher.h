/*
 * The watcher: one thread that looks at the catalog and at the operator's record, and makes a new snapshot
 * when either changed or new settings came. It also keeps the day's account. Loops pick the snapshot up
 * between events.
 */
#ifndef PB_SERVE_LIVE_WATCHER_H
#define PB_SERVE_LIVE_WATCHER_H

#include "serve/live/watch.h"

/* PATIENCE_MS: how long we wait for somebody else's transaction on the record; there is a next time. */
enum { WATCH_MS = 200, PATIENCE_MS = 50 };

/* Opens the depot and makes the first snapshot. Takes over `settings`, also when it fails. watcher_free in
 * any case. */
PB_MUST_USE int watcher_init(struct watcher *w, const char *depot, struct serve_settings *settings,
                             struct shared *shared, server_report_fn *report, void *report_arg,
                             struct pb_error *err);
struct snapshot_source watcher_source(struct watcher *w);
PB_MUST_USE int watcher_start(struct watcher *w, struct pb_error *err);
/* New settings from the next look on, which is at once. Takes them over. From any thread. */
void watcher_reload(struct watcher *w, struct serve_settings *settings);
/* Without a thread: looks, if it is time. */
void watcher_step(struct watcher *w);
void watcher_stop(struct watcher *w); /* ends the thread */
void watcher_free(struct watcher *w); /* ... and saves the account */

/* Signals are for the program that we live in. */
PB_MUST_USE int thread_start(pthread_t *thread, void *(*run)(void *), void *arg, struct pb_error *err);

#endif
