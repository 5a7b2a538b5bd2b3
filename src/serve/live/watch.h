/* The state of the watcher, and its reports of faults. watcher.h has its functions. */
#ifndef PB_SERVE_LIVE_WATCH_H
#define PB_SERVE_LIVE_WATCH_H

#include "depot/state.h"
#include "serve/live/shared.h"
#include "serve/live/snapshot.h"

/* Called in the watcher's thread with one line of text: a title can't be served, a reload failed, an address
 * was banned. */
typedef void server_report_fn(void *arg, const char *text);

struct scrub;

struct watcher {
    struct depot *depot;   /* catalog reads only */
    struct state *state;   /* the operator's record; NULL while it can't be opened */
    struct shared *shared; /* not owned */
    server_report_fn *report;
    void *report_arg;

    pthread_mutex_t mutex;                /* snapshot, generation, settings_next */
    struct snapshot *snapshot;            /* the newest */
    uint64_t generation;                  /* atomic; changed under the mutex */
    struct serve_settings *settings_next; /* of a reload that is still to be done; NULL: none */

    struct scrub *scrub;     /* NULL: none */
    struct damaged *damaged; /* as it found them; for snapshots */
    struct tokens *tokens;   /* of the record, as last read; for snapshots */

    int64_t catalog_seen; /* catalog_version of the snapshot */
    int64_t state_seen;   /* state_version of its bans */
    uint64_t watched_at;
    int64_t costs_seen;  /* catalog_seen of the costs */
    uint64_t costs_next; /* not to be added up before; monotonic ms; 0: they were never */
    uint64_t disk_seen;  /* when free space was last looked at; monotonic ms */
    uint64_t saved_at;   /* when the account was last saved; monotonic ms */
    int64_t day;         /* of the account; days since 1970 (UTC) */
    size_t metered;      /* number of meters when limits were last set */
    bool unread;         /* the record has not been read for some meters */

    bool failing;         /* the last snapshot could not be made; reported */
    bool state_failing;   /* the record can't be opened or written; reported */
    uint64_t state_tried; /* when opening it was last tried; monotonic ms */
    int wake;             /* eventfd */
    bool stop;            /* atomic */
    bool running;
    pthread_t thread;
};

/* Reports one line of text to the operator. */
void watch_report(const struct watcher *w, const char *text);
/* The last access to the record failed with `err`, or (NULL) succeeded. A fault is reported once until an
 * access succeeds. */
void watch_state_failed(struct watcher *w, const struct pb_error *err);

#endif
