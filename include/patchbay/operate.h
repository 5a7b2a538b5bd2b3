/*
 * For operators: bans, tokens, and the state of a running server (docs/operations.md).
 *
 * Threads: as in depot.h. pb_server_status without a depot may be called from several at once.
 */
#ifndef PATCHBAY_OPERATE_H
#define PATCHBAY_OPERATE_H

#include "patchbay/depot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One ban. Valid during the callback only. */
struct pb_ban {
    const char *range;  /* "192.0.2.7", "192.0.2.0/24", "2001:db8::/32" */
    const char *reason; /* may be "" */
    int64_t added;      /* Unix seconds */
    int64_t expires;    /* Unix seconds; 0: never */
};

/*
 * Bans an address or a CIDR range from all servers of the depot. Running servers apply the ban within a
 * second: replies under way are broken off, new requests are answered with 403 (POLP: the connection is
 * closed). Bits behind the prefix are ignored. A ban of the same range is replaced. `reason` is one line of
 * at most 200 bytes, or NULL. `expires` is in Unix seconds; 0: never. PB_INVALID: `range` is no address or
 * range, `reason` is too long or has control characters, `expires` is in the past.
 */
PB_API PB_MUST_USE int pb_ban(struct pb_depot *depot, const char *range, const char *reason, int64_t expires,
                              struct pb_error *err);

/* Lifts the ban of exactly this range. PB_NOT_FOUND: there is none. */
PB_API PB_MUST_USE int pb_unban(struct pb_depot *depot, const char *range, struct pb_error *err);

/* A return value other than 0 ends the listing, which then returns PB_CANCELLED. */
typedef int pb_ban_fn(void *arg, const struct pb_ban *ban);

/* Lists all bans that have not expired, sorted by range. */
PB_API PB_MUST_USE int pb_bans(struct pb_depot *depot, pb_ban_fn *fn, void *arg, struct pb_error *err);

/* What the owner of a token may do at the admin addresses of the depot's servers. */
enum pb_token_right {
    PB_TOKEN_LOOK = 1,    /* see figures and state */
    PB_TOKEN_BAN = 2,     /* ban addresses and lift bans */
    PB_TOKEN_PUBLISH = 4, /* upload maps and publish them, where the server has `publish = yes` */
};

/* Bytes of a token's text with its NUL. */
enum { PB_TOKEN_SIZE = 80 };

/* One token. Valid during the callback only. */
struct pb_token {
    const char *name;
    unsigned rights; /* enum pb_token_right, or-ed */
    int64_t added;   /* Unix seconds */
    int64_t expires; /* Unix seconds; 0: never */
    int64_t used;    /* Unix seconds, to a minute; 0: never */
};

/*
 * Makes a token, and writes it to `token`. The depot keeps its hash only, so this is the one time that it can
 * be seen. Running servers accept it within a second. `name` is 1 to 64 letters, digits, '-', '_', '.' or
 * '@'. `expires` is in Unix seconds; 0: never. PB_INVALID: the name is not allowed or taken; no or unknown
 * rights; `expires` is in the past.
 */
PB_API PB_MUST_USE int pb_token_add(struct pb_depot *depot, const char *name, unsigned rights,
                                    int64_t expires, char token[PB_TOKEN_SIZE], struct pb_error *err);

/* Ends a token's validity: running servers refuse it within a second, and drop what it has uploaded but not
 * published. PB_NOT_FOUND: there is no token of this name. */
PB_API PB_MUST_USE int pb_token_revoke(struct pb_depot *depot, const char *name, struct pb_error *err);

/* A return value other than 0 ends the listing, which then returns PB_CANCELLED. */
typedef int pb_token_fn(void *arg, const struct pb_token *token);

/* Lists all tokens, sorted by name. Those that have ended are among them until the next one is made: while
 * there are any, requests need one. */
PB_API PB_MUST_USE int pb_tokens(struct pb_depot *depot, pb_token_fn *fn, void *arg, struct pb_error *err);

/*
 * Asks a running server for its state: the JSON of /status (docs/operations.md). `address` is the server's
 * admin address, such as "127.0.0.1:2304" or "https://127.0.0.1:2305"; `depot` may then be NULL. With address
 * NULL the servers of the depot are asked, the newest first. `token_file` is what the server was given as
 * admin_token_file; NULL: nothing. `ca_file`: certificates to trust, PEM; NULL: as fetch.h says. On success
 * the caller owns *json and frees it with free(). PB_NOT_FOUND: no server of the depot has an admin address,
 * or it refuses us. PB_NETWORK: none answers. PB_INVALID: the file has no token.
 */
PB_API PB_MUST_USE int pb_server_status(struct pb_depot *depot, const char *address, const char *token_file,
                                        const char *ca_file, char **json, struct pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
