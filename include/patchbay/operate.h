/*
 * For those who run a server: bans, and what a running server says of itself. docs/operations.md.
 */
#ifndef PATCHBAY_OPERATE_H
#define PATCHBAY_OPERATE_H

#include "patchbay/depot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One ban, as pb_bans shows it; valid only during the callback. */
struct pb_ban {
    const char *range;  /* "192.0.2.7", "192.0.2.0/24", "2001:db8::/32" */
    const char *reason; /* may be "" */
    int64_t added;      /* Unix seconds */
    int64_t expires;    /* Unix seconds; 0: never */
};

/*
 * Bans an address or a CIDR range from all servers of this depot, running ones within a moment. What is on
 * its way to such an address is broken off; its requests are answered with 403 (over POLP: closed). Bits
 * behind the prefix do not count. Replaces an earlier ban of the same range. `reason` is one line of at most
 * 200 bytes, or NULL; `expires` is in Unix seconds, 0 for never. PB_INVALID: not an address or a range, or
 * the reason can't be, or the ban would have ended already.
 */
PB_API PB_MUST_USE int pb_ban(struct pb_depot *depot, const char *range, const char *reason, int64_t expires,
                              struct pb_error *err);

/* Lifts the ban of just this range. PB_NOT_FOUND when there is none. */
PB_API PB_MUST_USE int pb_unban(struct pb_depot *depot, const char *range, struct pb_error *err);

/* Anything but 0 ends the listing, which then fails with PB_CANCELLED. */
typedef int pb_ban_fn(void *arg, const struct pb_ban *ban);

/* All bans that have not expired, in order of their ranges. */
PB_API PB_MUST_USE int pb_bans(struct pb_depot *depot, pb_ban_fn *fn, void *arg, struct pb_error *err);

/*
 * Asks a running server for its state: JSON, as its /status has it (docs/operations.md). `address` is its
 * admin address, "127.0.0.1:2304". NULL: of the servers that run on this depot, the one that was started last
 * and answers is asked; else the depot may be NULL. On success *json is the caller's: free(). PB_NOT_FOUND:
 * no server of the depot has an admin address; PB_NETWORK: none answers.
 */
PB_API PB_MUST_USE int pb_server_status(struct pb_depot *depot, const char *address, char **json,
                                        struct pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
