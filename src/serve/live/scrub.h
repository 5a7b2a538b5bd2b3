/*
 * The scrubber: one thread of low priority that reads each object of the site once, slowly, and compares it
 * with its SHA-256. It first reads what players have just asked for. Damaged objects are looked at again when
 * their files change. The watcher brings it sites, and takes what it found.
 */
#ifndef PB_SERVE_LIVE_SCRUB_H
#define PB_SERVE_LIVE_SCRUB_H

#include "serve/live/shared.h"
#include "serve/live/snapshot.h"

struct scrub;

/* Who is told of each damaged object, as an entry of a title that has it. Called in the scrubber's thread. */
struct damage_listener {
    void (*fn)(void *arg, const struct site_title *title, const struct site_entry *entry); /* NULL: nobody */
    void *arg;
};

/* Starts the thread. `objects`: descriptor of the depot's folder of objects. */
PB_MUST_USE int scrub_start(struct shared *shared, int objects, const struct damage_listener *listener,
                            struct scrub **out, struct pb_error *err);
void scrub_stop(struct scrub *s); /* ends the thread and frees; accepts NULL */

/* What is to be checked from now on. Never waits; call it now and then. */
void scrub_offer(struct scrub *s, const struct snapshot *snapshot);

/* True when the set of damaged objects has changed; *out is the new one then, held for the caller. `report`
 * is called with a line for each change. Never waits. */
bool scrub_take(struct scrub *s, struct damaged **out, void (*report)(void *arg, const char *text),
                void *arg);

#endif
