/*
 * The operator's record, beside the catalog: who is banned, how much was served today, where running servers
 * answer the operator. A database of its own, as servers write to it, and nothing in it is content: it may
 * be deleted while no server runs. docs/formats/depot.md.
 */
#ifndef PB_DEPOT_STATE_H
#define PB_DEPOT_STATE_H

#include "base/bytes.h"

#define STATE_FILE "state.sqlite"

struct state;

/* STATE_SERVERS_MAX: more servers than these are not remembered; those that were killed leave their rows. */
enum { STATE_REASON_MAX = 200, STATE_ADMIN_MAX = 80, STATE_SERVERS_MAX = 32 };

/* Opens it, makes it where it is missing, and takes over what an earlier program wrote. `depot` is the
 * depot's folder. One thread at a time. */
PB_MUST_USE int state_open(const char *depot, struct state **out, struct pb_error *err);
void state_close(struct state *s); /* NULL does no harm */

/* Changes whenever somebody else commits. */
PB_MUST_USE int state_version(struct state *s, int64_t *version, struct pb_error *err);

struct state_ban {
    const char *range; /* as range_text writes it */
    const char *reason;
    int64_t added;   /* Unix seconds */
    int64_t expires; /* Unix seconds; 0: never */
};
/* Replaces an earlier ban of the same range; with `only_longer` not one that ends later. Those that have
 * expired are forgotten. */
PB_MUST_USE int state_ban(struct state *s, const struct state_ban *ban, bool only_longer,
                          struct pb_error *err);
/* PB_NOT_FOUND when there is no ban of just this range. */
PB_MUST_USE int state_unban(struct state *s, const char *range, struct pb_error *err);
/* Those that have not expired, in order of their ranges. A negative return of fn ends it. */
typedef int state_ban_fn(void *arg, const struct state_ban *ban, struct pb_error *err);
PB_MUST_USE int state_bans(struct state *s, state_ban_fn *fn, void *arg, struct pb_error *err);

/* Adds to what was served on a day (Unix days) of a scope: "" for all, or a title. *today: the sum, with what
 * other servers on this depot added. Adding 0 only reads. */
PB_MUST_USE int state_use_add(struct state *s, const char *scope, int64_t day, uint64_t bytes,
                              uint64_t *today, struct pb_error *err);

/* Several changes as one. */
PB_MUST_USE int state_begin(struct state *s, struct pb_error *err);
PB_MUST_USE int state_end(struct state *s, struct pb_error *err); /* none of them are made when it fails */
void state_abandon(struct state *s);

/* How long calls wait for another program's transaction before they fail with PB_BUSY; 30 s until this is
 * called. */
void state_patience(struct state *s, unsigned ms);

/* A server that runs, or was killed. */
struct state_server {
    int64_t id;
    int64_t started;             /* Unix seconds; 0: not known */
    char admin[STATE_ADMIN_MAX]; /* where it answers the operator: "ADDRESS:PORT" */
};
/* Adds one, in place of an earlier one of the same address. Only the newest STATE_SERVERS_MAX stay. */
PB_MUST_USE int state_server_add(struct state *s, const char *admin, int64_t started, int64_t *id,
                                 struct pb_error *err);
/* No error when it is gone already. */
PB_MUST_USE int state_server_remove(struct state *s, int64_t id, struct pb_error *err);
/* The newest first. */
PB_MUST_USE int state_servers(struct state *s, struct state_server out[STATE_SERVERS_MAX], size_t *n,
                              struct pb_error *err);

#endif
