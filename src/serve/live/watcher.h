/*
 * The watcher: one thread that polls the catalog and the operator's record every WATCH_MS. When either has
 * changed, or new settings have come, it makes a new snapshot; loops take it up between events. It also keeps
 * the account of the day.
 */
#ifndef PB_SERVE_LIVE_WATCHER_H
#define PB_SERVE_LIVE_WATCHER_H

#include "serve/live/scrub.h"
#include "serve/live/thread.h"
#include "serve/live/watch.h"

/* PATIENCE_MS: how long an access to the record waits for another program's transaction. It is tried again at
 * the next look. */
enum { WATCH_MS = 200, PATIENCE_MS = 50 };

/* Opens the depot and makes the first snapshot. Takes over `settings`, also when it fails. The caller calls
 * watcher_free in any case. `shared` must outlive the watcher. */
PB_MUST_USE int watcher_init(struct watcher *w, const char *depot, struct serve_settings *settings,
                             struct shared *shared, server_report_fn *report, void *report_arg,
                             struct pb_error *err);
/* For loops. */
struct snapshot_source watcher_source(struct watcher *w);
/* Starts the thread, and the scrubber. */
PB_MUST_USE int watcher_start(struct watcher *w, const struct damage_listener *listener,
                              struct pb_error *err);
/* Wakes the watcher to take new settings up. Takes over the reference. Thread-safe. */
void watcher_reload(struct watcher *w, struct serve_settings *settings);
/* For a server without threads: looks when WATCH_MS have passed. */
void watcher_step(struct watcher *w);
void watcher_stop(struct watcher *w); /* ends the thread, if it runs */
void watcher_free(struct watcher *w); /* stops, saves the account, frees what the watcher owns */

#endif
