/* The tokens of the depot's record, as the operator's address compares requests with them. The watcher renews
 * them; what it made never changes, but for when a token was used. Counted by reference. */
#ifndef PB_SERVE_LIVE_TOKENS_H
#define PB_SERVE_LIVE_TOKENS_H

#include "depot/state_token.h"

enum { TOKEN_ID = TOKEN_NAME_MAX + 1 + SHA256_HEX + 1 };

struct token {
    char id[TOKEN_ID]; /* its name and its hash: a later token of the same name has another */
    struct sha256 hash;
    unsigned rights;
    int64_t expires;  /* Unix seconds; 0: never */
    int64_t recorded; /* when it was used, as the record has it */
    int64_t used;     /* atomic; the same now */
};

struct tokens {
    unsigned references; /* atomic */
    size_t n;
    struct token list[];
};

/* The caller owns the reference in *out. */
PB_MUST_USE int tokens_read(struct state *s, struct tokens **out, struct pb_error *err);
void tokens_hold(struct tokens *t);    /* NULL does no harm */
void tokens_release(struct tokens *t); /* NULL does no harm */

/* May anybody use the same tokens for the same? */
bool tokens_equal(const struct tokens *a, const struct tokens *b);
/* NULL: there is no such token, or it has expired. Hashes are compared in constant time. */
struct token *tokens_find(struct tokens *t, struct slice text, int64_t now);
/* The token of this id, if it has all these rights and has not expired; else NULL. */
const struct token *tokens_with(const struct tokens *t, const char *id, unsigned rights, int64_t now);
static inline bool tokens_any(const struct tokens *t)
{
    return t != NULL && t->n > 0;
}

/* Writes down which tokens were used: to a minute, so that requests cost no transaction each. */
PB_MUST_USE int tokens_record(struct tokens *t, struct state *s, struct pb_error *err);

#endif
