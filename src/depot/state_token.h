/* Tokens of the operator's record: who may do what at an admin address. The record has their hashes only. */
#ifndef PB_DEPOT_STATE_TOKEN_H
#define PB_DEPOT_STATE_TOKEN_H

#include "base/digest.h"
#include "depot/state.h"

/* TOKENS_MAX: of one depot. Each request that brings a token is compared with all of them. */
enum { TOKEN_NAME_MAX = 64, TOKENS_MAX = 256 };

struct state_token {
    const char *name;
    struct sha256 hash; /* of the token's text */
    unsigned rights;
    int64_t added;   /* Unix seconds */
    int64_t expires; /* Unix seconds; 0: never */
    int64_t used;    /* Unix seconds, to a minute; 0: never */
};

/* Removes expired tokens as well. PB_INVALID: there is a token of this name, or there are TOKENS_MAX. */
PB_MUST_USE int state_token_add(struct state *s, const struct state_token *token, struct pb_error *err);
/* PB_NOT_FOUND: there is no token of this name. */
PB_MUST_USE int state_token_revoke(struct state *s, const char *name, struct pb_error *err);
/* Lists tokens, sorted by name; those that have expired, too: an address that asked for tokens must not open
 * when the last one ends. A negative return value of fn ends the listing and is its result. */
typedef int state_token_fn(void *arg, const struct state_token *token, struct pb_error *err);
PB_MUST_USE int state_tokens(struct state *s, state_token_fn *fn, void *arg, struct pb_error *err);
/* Writes down when it was used. Succeeds also when the token is gone. */
PB_MUST_USE int state_token_used(struct state *s, const struct sha256 *hash, int64_t when,
                                 struct pb_error *err);

#endif
