/* What the watcher knows, and how it tells of what goes wrong. watcher.h has what it does. */
#ifndef PB_SERVE_LIVE_WATCH_H
#define PB_SERVE_LIVE_WATCH_H

#include "depot/state.h"
#include "serve/live/shared.h"
#include "serve/live/snapshot.h"

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

/* One line for the operator. */
void watch_report(const struct watcher *w, const char *text);
/* The operator's record failed, or (NULL) it did not: said once. */
void watch_state_failed(struct watcher *w, const struct pb_error *err);

#endif
