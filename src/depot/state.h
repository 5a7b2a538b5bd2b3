/*
 * The operator's record: bans, bytes served today, the admin addresses of running servers, and tokens
 * (state_token.h). It is a database of its own, beside the catalog, because servers write to it. It holds no
 * content and may be deleted while no server runs. docs/formats/depot.md.
 */
#ifndef PB_DEPOT_STATE_H
#define PB_DEPOT_STATE_H

#include "base/bytes.h"

#define STATE_FILE "state.sqlite"

struct state;
struct sqlite3;

/* STATE_SERVERS_MAX: rows of servers that are kept; killed servers leave theirs. */
enum { STATE_REASON_MAX = 200, STATE_ADMIN_MAX = 80, STATE_SERVERS_MAX = 32 };
enum { STATE_PATIENCE_MS = 30000 };

/* Opens the record; creates it if it is missing, and upgrades one of an earlier version. `depot`: path of the
 * depot. A handle belongs to one thread at a time. */
PB_MUST_USE int state_open(const char *depot, struct state **out, struct pb_error *err);
/* The same, and waits no longer than this for other programs' transactions, now and later: see
 * state_patience. */
PB_MUST_USE int state_open_within(const char *depot, unsigned ms, struct state **out, struct pb_error *err);
void state_close(struct state *s); /* accepts NULL */
/* For the files of this folder that have tables of their own in the record. */
struct sqlite3 *state_database(struct state *s);

/* A number that changes when another handle commits. */
PB_MUST_USE int state_version(struct state *s, int64_t *version, struct pb_error *err);

struct state_ban {
    const char *range; /* as range_text writes it */
    const char *reason;
    int64_t added;   /* Unix seconds */
    int64_t expires; /* Unix seconds; 0: never */
};
/* Adds a ban, or replaces that of the same range; with `only_longer` not one that ends later. Removes expired
 * bans. */
PB_MUST_USE int state_ban(struct state *s, const struct state_ban *ban, bool only_longer,
                          struct pb_error *err);
/* PB_NOT_FOUND: there is no ban of exactly this range. */
PB_MUST_USE int state_unban(struct state *s, const char *range, struct pb_error *err);
/* Lists bans that have not expired, sorted by range. A negative return value of fn ends the listing and is
 * its result. */
typedef int state_ban_fn(void *arg, const struct state_ban *ban, struct pb_error *err);
PB_MUST_USE int state_bans(struct state *s, state_ban_fn *fn, void *arg, struct pb_error *err);

/* Adds bytes to the account of a day (days since 1970) for a scope: "" for the whole depot, or a title.
 * *today: the sum over all servers of the depot. Adding 0 only reads. */
PB_MUST_USE int state_use_add(struct state *s, const char *scope, int64_t day, uint64_t bytes,
                              uint64_t *today, struct pb_error *err);

/* A transaction over several changes. */
PB_MUST_USE int state_begin(struct state *s, struct pb_error *err);
PB_MUST_USE int state_end(struct state *s, struct pb_error *err); /* on failure none of the changes is made */
void state_abandon(struct state *s);

/* How long calls wait for another program's transaction before they return PB_BUSY; STATE_PATIENCE_MS by
 * default. */
void state_patience(struct state *s, unsigned ms);

/* A server that is running, or was killed. */
struct state_server {
    int64_t id;
    int64_t started;             /* Unix seconds; 0: not known */
    char admin[STATE_ADMIN_MAX]; /* its admin address: "ADDRESS:PORT" */
};
/* Adds a server, and replaces one of the same address. Only the newest STATE_SERVERS_MAX are kept. */
PB_MUST_USE int state_server_add(struct state *s, const char *admin, int64_t started, int64_t *id,
                                 struct pb_error *err);
/* Succeeds also when there is no such row. */
PB_MUST_USE int state_server_remove(struct state *s, int64_t id, struct pb_error *err);
/* Newest first. */
PB_MUST_USE int state_servers(struct state *s, struct state_server out[STATE_SERVERS_MAX], size_t *n,
                              struct pb_error *err);

#endif
