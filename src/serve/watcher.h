/*
 * The watcher: one thread that looks at the catalog and at the operator's record, and makes a new snapshot
 * when either changed or new settings came. It also keeps the day's account. Loops pick the snapshot up
 * between events.
 */
#ifndef PB_SERVE_WATCHER_H
#define PB_SERVE_WATCHER_H

#include "depot/state.h"
#include "serve/loop.h"

/* Told when a title is left out of the site, a reload failed or an address was banned. From the watcher's
 * thread; one line of text. */
typedef void server_report_fn(void *arg, const char *text);

struct watcher {
    struct depot *depot;   /* catalog reads only */
    struct state *state;   /* NULL: it can't be opened, and the server does without */
    struct shared *shared; /* not owned */
    server_report_fn *report;
    void *report_arg;

    pthread_mutex_t mutex;                /* snapshot, generation, settings_next */
    struct snapshot *snapshot;            /* the newest */
    uint64_t generation;                  /* atomic; changed under the mutex */
    struct serve_settings *settings_next; /* of a reload; NULL: none */

    int64_t catalog_seen; /* catalog_version of the snapshot */
    int64_t state_seen;   /* state_version of its bans */
    uint64_t watched_at;
    uint64_t saved_at; /* when the day's account was put into the record; monotonic ms */
    int64_t day;       /* Unix days (UTC): which day's account this is */
    size_t metered;    /* meters that there were when limits were set last */
    bool unread;       /* some of their accounts have not been read from the record yet */

    bool failing;         /* the last snapshot could not be made, and that was reported */
    bool state_failing;   /* the record can't be had or written, and that was reported */
    uint64_t state_tried; /* when it was to be opened last; monotonic ms */
    int wake;             /* eventfd */
    bool stop;            /* atomic */
    bool running;
    pthread_t thread;
};

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

/* The operator's record failed, or (NULL) it did not: said once. */
void watcher_state_failed(struct watcher *w, const struct pb_error *err);

/* Signals are for the program that we live in. */
PB_MUST_USE int thread_start(pthread_t *thread, void *(*run)(void *), void *arg, struct pb_error *err);

#endif
