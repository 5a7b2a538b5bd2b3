/* Reading tokens, and finding one. */
#include "serve/live/tokens.h"

#include <stdio.h>

enum { RECORD_S = 60 };

static int token_take(void *arg, const struct state_token *from, struct pb_error *err)
{
    struct tokens *t = arg;
    struct token *to = &t->list[t->n];
    (void)err;
    if (t->n == TOKENS_MAX)
        return PB_OK;
    *to = (struct token){.hash = from->hash,
                         .rights = from->rights,
                         .expires = from->expires,
                         .recorded = from->used,
                         .used = from->used};
    char hash[SHA256_HEX + 1];
    hex_encode(from->hash.bytes, sizeof from->hash.bytes, hash);
    snprintf(to->id, sizeof to->id, "%.*s %s", TOKEN_NAME_MAX, from->name, hash);
    t->n++;
    return PB_OK;
}

int tokens_read(struct state *s, struct tokens **out, struct pb_error *err)
{
    struct tokens *t = calloc(1, sizeof *t + TOKENS_MAX * sizeof t->list[0]);
    if (t == NULL)
        return error_memory(err);
    t->references = 1;
    int rc = state_tokens(s, token_take, t, err);
    if (rc < 0) {
        tokens_release(t);
        return rc;
    }
    *out = t;
    return PB_OK;
}

void tokens_hold(struct tokens *t)
{
    if (t != NULL)
        __atomic_add_fetch(&t->references, 1, __ATOMIC_RELAXED);
}

void tokens_release(struct tokens *t)
{
    if (t != NULL && __atomic_sub_fetch(&t->references, 1, __ATOMIC_ACQ_REL) == 0)
        free(t);
}

static size_t count_of(const struct tokens *t)
{
    return t != NULL ? t->n : 0;
}

bool tokens_equal(const struct tokens *a, const struct tokens *b)
{
    if (count_of(a) != count_of(b))
        return false;
    for (size_t i = 0; i < count_of(a); i++) {
        const struct token *x = &a->list[i], *y = &b->list[i];
        if (strcmp(x->id, y->id) != 0 || x->rights != y->rights || x->expires != y->expires)
            return false;
    }
    return true;
}

struct token *tokens_find(struct tokens *t, struct slice text, int64_t now)
{
    struct digest_result sent;
    struct token *found = NULL;
    if (t == NULL || digest_bytes(DIGEST_SHA256, text.p, text.n, &sent, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < t->n; i++) {
        if (bytes_equal_constant_time(&t->list[i].hash, &sent.sha256, sizeof sent.sha256))
            found = &t->list[i];
    }
    return found != NULL && (found->expires == 0 || found->expires > now) ? found : NULL;
}

const struct token *tokens_with(const struct tokens *t, const char *id, unsigned rights, int64_t now)
{
    for (size_t i = 0; i < count_of(t); i++) {
        const struct token *one = &t->list[i];
        if (strcmp(one->id, id) == 0)
            return (one->rights & rights) == rights && (one->expires == 0 || one->expires > now) ? one : NULL;
    }
    return NULL;
}

int tokens_record(struct tokens *t, struct state *s, struct pb_error *err)
{
    for (size_t i = 0; i < count_of(t); i++) {
        struct token *one = &t->list[i];
        int64_t used = __atomic_load_n(&one->used, __ATOMIC_RELAXED);
        if (used < one->recorded + RECORD_S)
            continue;
        int rc = state_token_used(s, &one->hash, used, err);
        if (rc < 0)
            return rc;
        one->recorded = used;
    }
    return PB_OK;
}
