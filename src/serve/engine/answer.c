/* Requests: parsed and planned by the protocol, admitted, sent. */
#include "serve/engine/answer.h"

#include "serve/engine/conn_end.h"
#include "serve/engine/conn_state.h"
#include "serve/engine/exchange.h"
#include "serve/engine/proxied.h"
#include "serve/engine/send.h"
#include "serve/engine/take.h"

enum { REQUESTS_PER_TURN = 8 /* pipelined ones; others wait no longer than these take */ };

/* What became of one request. */
enum request_end {
    REQUEST_ANSWERED, /* its reply has left */
    REQUEST_PARTIAL,  /* it is not complete */
    REQUEST_HELD,     /* it waits for its rate, and is to be kept */
    REQUEST_REPLIES,  /* its reply is under way */
    REQUEST_TAKES,    /* its body is to come, and c->intake takes it */
    REQUEST_OVER,     /* the connection is closing or closed */
};

/* ---- one request ---- */

/* The plan as admission needs it. */
static struct wanted wanted_of(const struct reply_plan *p)
{
    return (struct wanted){.meter = p->title != NULL ? p->title->meter : NULL,
                           .refused = p->refused,
                           .capped = p->dialect != REPLY_NO_DIALECT,
                           .starts_download = p->starts_download};
}

static void plan_refuse(struct loop *l, const struct conn *c, const struct exchange *x, struct slice in,
                        enum refusal why)
{
    reply_plan_drop(&l->plan);
    c->protocol->refuse(x, in.p, in.n, why, &l->plan);
}

static enum refusal refusal_of(enum admit_reason reason)
{
    return reason == ADMIT_HARD_CAP   ? REFUSAL_HARD_CAP
           : reason == ADMIT_SOFT_CAP ? REFUSAL_SOFT_CAP
                                      : REFUSAL_CROWD;
}

/* A reply to HEAD opens no object, and must not promise what GET would refuse. */
static bool promises_damage(const struct loop *l)
{
    const struct damaged *damaged = l->snapshot->damaged;
    return damaged != NULL && l->plan.body == BODY_NONE && l->plan.object != NULL &&
           damaged_has(damaged, l->plan.object);
}

/* Sends l->plan, which answers the request at the beginning of `in`. */
static enum request_end plan_send(struct loop *l, struct conn *c, const struct exchange *x, struct slice in,
                                  const struct access *access)
{
    c->visitor.pace = l->plan.pace;
    enum sent sent = send_plan(l, c, x, in, access);
    c->served = true;
    switch (sent) {
    case SENT_ALL:
        if (c->proxy != NULL)
            proxied_answered(l, c);
        return REQUEST_ANSWERED;
    case SENT_CLOSE:
        conn_finish(l, c);
        return REQUEST_OVER;
    case SENT_FAILED:
        conn_close(l, c);
        return REQUEST_OVER;
    case SENT_LATER:
    case SENT_HELD:
        conn_move(l, c, CONN_PACED);
        break;
    case SENT_RELAY:
        conn_move(l, c, CONN_RELAYING);
        break;
    case SENT_FEED:
        conn_move(l, c, CONN_FOLLOWING);
        break;
    case SENT_SOME:
        ready_join(l, c);
        conn_move(l, c, CONN_SENDING);
        break;
    case SENT_BLOCKED:
        conn_move(l, c, CONN_SENDING);
        break;
    }
    return REQUEST_REPLIES;
}

static enum request_end request_answer(struct loop *l, struct conn *c, struct slice in, size_t *used)
{
    struct access access = {.minor = -1};
    bool welcome = c->proxy == NULL || proxied_request(l, c, in);
    struct exchange x = exchange_of(l, c);
    enum verdict verdict = c->protocol->next(&x, in.p, in.n, used, &l->plan, &access);
    if (verdict == VERDICT_MORE && in.n < c->protocol->input_max)
        return REQUEST_PARTIAL;
    if (verdict == VERDICT_TAKE) {
        c->intake = l->plan.intake;
        l->plan.intake = NULL;
        return REQUEST_TAKES;
    }
    if (verdict != VERDICT_REPLY) {
        conn_close(l, c);
        return REQUEST_OVER;
    }
    struct wanted wanted = wanted_of(&l->plan);
    struct admit may = {ADMIT_NEVER, .reason = ADMIT_ADDRESS_FULL};
    if (welcome)
        may = admit_request(&l->gate, &c->visitor, &wanted);
    if (may.kind == ADMIT_LATER) {
        reply_plan_drop(&l->plan);
        conn_hold(l, c, CONN_HELD);
        *used = 0;
        return REQUEST_HELD;
    }
    if (may.kind == ADMIT_NEVER)
        plan_refuse(l, c, &x, in, refusal_of(may.reason));
    else if (promises_damage(l))
        plan_refuse(l, c, &x, in, REFUSAL_DAMAGED);
    return plan_send(l, c, &x, in, &access);
}

/* ---- a batch of them ---- */

/* Keeps the bytes that can't be used yet. Without memory for them the connection closes: BATCH_OVER. */
static enum batch_end input_keep(struct loop *l, struct conn *c, struct slice rest, enum batch_end end)
{
    char *kept = NULL;
    if (rest.n > 0) {
        kept = malloc(rest.n);
        if (kept == NULL) {
            conn_close(l, c);
            return BATCH_OVER;
        }
        memcpy(kept, rest.p, rest.n);
    }
    secret_free(c->in, c->in_n);
    c->in = kept;
    c->in_n = (uint16_t)rest.n;
    return end;
}

/* All complete requests are answered, and have left. */
static enum batch_end batch_used(struct loop *l, struct conn *c, struct slice rest, bool answered)
{
    bool same_head = c->state == CONN_HEAD && c->in_n > 0 && !answered;
    if (input_keep(l, c, rest, BATCH_USED) == BATCH_OVER)
        return BATCH_OVER;
    if (c->in_n == 0 && l->stop_at != 0) {
        conn_finish(l, c);
        return BATCH_OVER;
    }
    if (c->in_n == 0)
        conn_move(l, c, CONN_IDLE);
    else if (!same_head) /* the time for a head runs from its first byte, and further ones don't prolong it */
        conn_move(l, c, CONN_HEAD);
    return BATCH_USED;
}

/* The body comes next, in turns of its own. */
static enum batch_end take_keep(struct loop *l, struct conn *c, struct slice rest)
{
    if (input_keep(l, c, rest, BATCH_WAITS) == BATCH_OVER)
        return BATCH_OVER;
    take_begin(l, c);
    conn_move(l, c, CONN_TAKING);
    return BATCH_TURN;
}

enum batch_end take_answer(struct loop *l, struct conn *c)
{
    struct access access = {.minor = -1};
    struct exchange x = exchange_of(l, c);
    reply_plan_start(&l->plan);
    c->intake->end(c->intake, l->date, &l->plan);
    l->plan.close |= c->intake->left > 0; /* what else comes is no request */
    intake_free(c->intake);
    c->intake = NULL;
    switch (plan_send(l, c, &x, (struct slice){0}, &access)) {
    case REQUEST_ANSWERED:
        conn_move(l, c, CONN_IDLE);
        return BATCH_USED;
    case REQUEST_OVER:
        return BATCH_OVER;
    default:
        return BATCH_WAITS;
    }
}

enum batch_end batch_answer(struct loop *l, struct conn *c, size_t n)
{
    const int most = c->protocol->for_operator ? 1 : REQUESTS_PER_TURN; /* the operator's may take long */
    struct slice rest = {l->input, n};
    for (int i = 0; rest.n > 0; i++) {
        size_t used = 0;
        if (i == most)
            return input_keep(l, c, rest, BATCH_TURN);
        enum request_end end = request_answer(l, c, rest, &used);
        if (end == REQUEST_OVER)
            return BATCH_OVER;
        if (end == REQUEST_PARTIAL)
            break;
        rest = (struct slice){rest.p + used, rest.n - used};
        if (end == REQUEST_HELD || end == REQUEST_REPLIES)
            return input_keep(l, c, rest, BATCH_WAITS);
        if (end == REQUEST_TAKES)
            return take_keep(l, c, rest);
    }
    return batch_used(l, c, rest, rest.p != l->input);
}
