/* Tokens for the admin address: patchbay/operate.h. */
#include "patchbay/operate.h"

#include "base/clock.h"
#include "depot/depot.h"
#include "depot/state_token.h"

#include <stdio.h>

enum {
    RANDOM = 32, /* bytes: more than can be guessed, so the hash needs no salt and no rounds */
    RIGHTS = PB_TOKEN_LOOK | PB_TOKEN_BAN | PB_TOKEN_PUBLISH,
};
#define TOKEN_BEGINS "pbt_" /* so that whoever finds one knows what it is */

_Static_assert(sizeof TOKEN_BEGINS + 2 * RANDOM <= PB_TOKEN_SIZE, "a token fits");

static int state_of(struct pb_depot *depot, struct state **out, struct pb_error *err)
{
    return state_open(((struct depot *)depot)->path, out, err);
}

static int name_check(const char *name, struct pb_error *err)
{
    size_t n = strlen(name);
    bool good = n > 0 && n <= TOKEN_NAME_MAX;
    for (size_t i = 0; good && i < n; i++) {
        char c = ascii_lower(name[i]);
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("-_.@", c) != NULL;
    }
    return good ? PB_OK
                : error_set(err, PB_INVALID,
                            "the name of a token is 1 to %d letters, digits, '-', '_', '.' or '@'",
                            TOKEN_NAME_MAX);
}

static int token_make(char token[PB_TOKEN_SIZE], struct sha256 *hash, struct pb_error *err)
{
    uint8_t random[RANDOM];
    struct digest_result digest;
    int rc = bytes_random(random, sizeof random, err);
    if (rc < 0)
        return rc;
    memcpy(token, TOKEN_BEGINS, sizeof TOKEN_BEGINS);
    hex_encode(random, sizeof random, token + sizeof TOKEN_BEGINS - 1);
    explicit_bzero(random, sizeof random);
    rc = digest_bytes(DIGEST_SHA256, token, strlen(token), &digest, err);
    *hash = digest.sha256;
    return rc;
}

int pb_token_add(struct pb_depot *depot, const char *name, unsigned rights, int64_t expires,
                 char token[PB_TOKEN_SIZE], struct pb_error *err)
{
    struct state *state = NULL;
    struct state_token t = {.name = name, .rights = rights, .added = clock_unix(), .expires = expires};
    int rc = name_check(name, err);
    if (rc == PB_OK && (rights == 0 || (rights & ~(unsigned)RIGHTS) != 0))
        rc = error_set(err, PB_INVALID, "a token has one or more of the rights look, ban and publish");
    if (rc == PB_OK && expires != 0 && expires <= t.added)
        rc = error_set(err, PB_INVALID, "the token would have ended already");
    if (rc == PB_OK)
        rc = token_make(token, &t.hash, err);
    if (rc == PB_OK)
        rc = state_of(depot, &state, err);
    if (rc == PB_OK)
        rc = state_token_add(state, &t, err);
    state_close(state);
    if (rc < 0)
        explicit_bzero(token, PB_TOKEN_SIZE);
    return rc < 0 ? error_context(err, "token") : rc;
}

int pb_token_revoke(struct pb_depot *depot, const char *name, struct pb_error *err)
{
    struct state *state = NULL;
    int rc = state_of(depot, &state, err);
    if (rc < 0)
        return rc;
    rc = state_token_revoke(state, name, err);
    state_close(state);
    return rc;
}

struct listing {
    pb_token_fn *fn;
    void *arg;
};

static int token_show(void *arg, const struct state_token *t, struct pb_error *err)
{
    const struct listing *l = arg;
    struct pb_token shown = {t->name, t->rights, t->added, t->expires, t->used};
    return l->fn(l->arg, &shown) == 0 ? PB_OK : error_set(err, PB_CANCELLED, "cancelled");
}

int pb_tokens(struct pb_depot *depot, pb_token_fn *fn, void *arg, struct pb_error *err)
{
    struct listing l = {fn, arg};
    struct state *state = NULL;
    int rc = state_of(depot, &state, err);
    if (rc < 0)
        return rc;
    rc = state_tokens(state, token_show, &l, err);
    state_close(state);
    return rc;
}
