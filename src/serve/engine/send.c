/* Sending. */
#include "serve/engine/send.h"

#include "base/file.h"
#include "serve/engine/conn_state.h"
#include "serve/engine/cursor.h"
#include "serve/engine/exchange.h"
#include "serve/engine/noted.h"
#include "serve/engine/relay.h"
#include "serve/engine/tally.h"

#include <stddef.h>

enum {
    SEAL_STEP = 64 * 1024,            /* bytes hashed in a turn: about 100 microseconds */
    BYTES_PER_TURN = 512 * 1024,      /* of one connection: others wait no longer than its sendfile takes */
    FEED_PIECE_MAX = 4 * 1024 * 1024, /* bytes of one piece of a reply that goes on */
    FEED_LATE_MAX = 10,               /* turns that its client may leave what it got untaken */
};

/* A reply that is not through yet. Holds what its bytes belong to: a snapshot, or an open object. */
struct conn_out {
    struct snapshot *snapshot;
    struct open_object *object;
    const char *memory; /* NULL: from the object's descriptor */
    uint64_t offset;    /* of the next byte: in the object, or in memory */
    uint64_t left;      /* of the body */
    uint64_t sent;      /* of the body, for the log */
    uint16_t head_at, head_length;
    int64_t taken; /* bytes that the peer had when we looked last, from some beginning */
    bool measured; /* did we look? */
    char *owned;   /* memory that is ours to free */
    struct tally tally;
    bool close;
    struct log_line *line;   /* NULL: no access log */
    struct reply_seal seal;  /* from != 0: the head can't leave yet */
    struct relay *relay;     /* what it sends comes first, and in place of this if there is any */
    struct reply_feed *feed; /* the reply goes on with it; NULL: it ends */
    uint64_t feed_due;       /* when the next piece is; monotonic ms */
    unsigned late;           /* turns since its client has taken everything */
    struct digest digest;    /* of the sealed bytes so far */
    uint64_t sealed;         /* bytes of the body in it */
    char head[];
};

static enum sent reply_done(struct loop *l, const struct tally *t, struct log_line *line, uint64_t sent,
                            bool close)
{
    tally_end(t, true);
    if (line != NULL)
        log_line_finish(l->log, &l->batch, line, sent);
    return close ? SENT_CLOSE : SENT_ALL;
}

static enum sent reply_failed(struct loop *l, struct conn *c, const struct tally *t, struct log_line *line,
                              uint64_t sent)
{
    visitor_stop(&l->gate, &c->visitor, t->meter);
    tally_end(t, false);
    if (line != NULL)
        log_line_finish(l->log, &l->batch, line, sent);
    return SENT_FAILED;
}

static enum sent sent_of(enum cursor_end end)
{
    static const enum sent of[] = {[CURSOR_THROUGH] = SENT_ALL,
                                   [CURSOR_BLOCKED] = SENT_BLOCKED,
                                   [CURSOR_SPENT] = SENT_SOME,
                                   [CURSOR_BROKEN] = SENT_FAILED};
    return of[end];
}

/* Sends what admission allows, and at most BYTES_PER_TURN. */
static enum sent counted_send(struct loop *l, struct conn *c, const struct tally *t, struct cursor *s)
{
    uint64_t turn = 0;
    enum cursor_end end = CURSOR_SPENT;
    while (end == CURSOR_SPENT && turn < BYTES_PER_TURN) {
        uint64_t before = cursor_left(s), need = before < BYTES_PER_TURN ? before : BYTES_PER_TURN;
        struct admit may = admit_bytes(&l->gate, &c->visitor, t->meter, need);
        if (may.kind != ADMIT_NOW)
            return turn > 0 ? SENT_LATER : SENT_HELD;
        s->budget = may.bytes;
        end = cursor_send(s);
        uint64_t n = before - cursor_left(s);
        turn += n;
        tally_bytes(t, n);
        visitor_sent(&l->gate, &c->visitor, t->meter, n);
    }
    if (end != CURSOR_SPENT)
        visitor_stop(&l->gate, &c->visitor, t->meter);
    return sent_of(end);
}

/* ---- plans and what is left of them ---- */

/* Keeps the rest of a plan for later. False: memory is out. */
static bool out_keep(struct loop *l, struct conn *c, const struct cursor *s, const struct tally *tally,
                     struct open_object *object)
{
    struct conn_out *out = malloc(offsetof(struct conn_out, head) + s->head_n);
    struct log_line *line = NULL;
    bool logged = l->log != NULL && !c->protocol->for_operator;
    if (out != NULL && logged) {
        size_t n = offsetof(struct log_line, text) + l->line.before + l->line.after;
        line = malloc(n);
        if (line != NULL)
            memcpy(line, &l->line, n);
    }
    if (out == NULL || (logged && line == NULL)) {
        free(out);
        return false;
    }
    *out = (struct conn_out){.snapshot = l->snapshot,
                             .object = object,
                             .memory = s->memory,
                             .offset = s->offset,
                             .left = s->left,
                             .sent = l->plan.length - s->left,
                             .head_length = (uint16_t)s->head_n,
                             .close = l->plan.close,
                             .owned = l->plan.owned ? (char *)l->plan.memory : NULL,
                             .tally = *tally,
                             .line = line};
    l->plan.owned = false;
    out->feed = l->plan.feed;
    out->feed_due = l->gate.now + FEED_MS;
    l->plan.feed = NULL;
    memcpy(out->head, s->head, s->head_n);
    out->seal = l->plan.seal;
    snapshot_hold(out->snapshot);
    if (object != NULL)
        object->users++;
    c->out = out;
    tally_active(tally, 1);
    return true;
}

/* Finds the bytes of the plan's body. False: they can't be had. */
static bool plan_body(struct loop *l, struct open_object **object, struct cursor *s)
{
    const struct reply_plan *p = &l->plan;
    if (p->body == BODY_MEMORY) {
        s->memory = p->memory;
    } else if (p->body == BODY_OBJECT) {
        *object = object_take(&l->objects, p->object, p->object_size);
        if (*object == NULL)
            return false;
        s->file = (*object)->fd;
        s->offset = p->offset;
        s->memory = (*object)->bytes;
    }
    s->left = p->length;
    return true;
}

/* Covers some more of the body; true when all of it is, and the head has its seal. Reading fails the reply.
 */
static enum sent seal_more(struct conn_out *out)
{
    char step[SEAL_STEP];
    uint64_t left = out->left - out->sealed, n = left < sizeof step ? left : sizeof step;
    struct digest_result r;
    if (out->digest.md5 == NULL) {
        if (digest_start(&out->digest, DIGEST_MD5, NULL) < 0)
            return SENT_FAILED;
        digest_add(&out->digest, out->head + out->seal.from, (size_t)(out->head_length - out->seal.from));
    }
    if (n > 0 && out->memory == NULL &&
        file_read_at(out->object->fd, step, (size_t)n, out->offset + out->sealed, NULL) < 0)
        return SENT_FAILED;
    digest_add(&out->digest, out->memory != NULL ? out->memory + out->offset + out->sealed : step, (size_t)n);
    out->sealed += n;
    if (out->sealed < out->left)
        return SENT_SOME;
    digest_finish(&out->digest, &r);
    memcpy(out->head + out->seal.at, r.md5.bytes, 4);
    out->seal.from = 0;
    if (out->seal.done != NULL)
        out->seal.done(out->seal.arg, out->seal.key, r.md5.bytes);
    return SENT_ALL;
}

enum sent send_plan(struct loop *l, struct conn *c, const struct exchange *x, struct slice input,
                    const struct access *access)
{
    struct reply_plan *p = &l->plan;
    struct open_object *object = NULL;
    struct cursor s = {.channel = &c->channel, .file = -1};
    bool logged = l->log != NULL && !c->protocol->for_operator, broken = false;
    if (!plan_body(l, &object, &s)) {
        broken = true;
        bool damaged = p->body == BODY_OBJECT && damaged_has(l->snapshot->damaged, p->object);
        c->protocol->refuse(x, input.p, input.n, damaged ? REFUSAL_DAMAGED : REFUSAL_BROKEN, p);
        if (!plan_body(l, &object, &s))
            return SENT_FAILED;
    }
    s.head = p->head;
    s.head_n = p->head_length;
    struct tally tally = tally_of(l, c);
    struct relay *relay = p->relay != NULL ? relay_open(l, c, p->relay) : NULL;
    p->relay = NULL;
    tally_request(&tally, p->refused);
    if (p->refused && relay == NULL)
        note_refusal(l, c, access, broken);
    if (logged)
        log_line_start(&l->line, x->snapshot->settings->log_format, l->unix_now, &c->remote.any, access,
                       p->status);
    enum sent sent = relay != NULL       ? SENT_RELAY
                     : p->seal.from != 0 ? SENT_SOME
                                         : counted_send(l, c, &tally, &s);
    if (sent == SENT_ALL && p->feed != NULL)
        sent = SENT_FEED;
    if (sent == SENT_ALL)
        sent = reply_done(l, &tally, logged ? &l->line : NULL, p->length, p->close);
    else if (sent == SENT_FAILED || !out_keep(l, c, &s, &tally, object))
        sent = reply_failed(l, c, &tally, logged ? &l->line : NULL, p->length - s.left);
    if (c->out != NULL)
        c->out->relay = relay;
    else
        relay_close(l, relay);
    reply_plan_drop(p);
    if (object != NULL)
        object_drop(object);
    return sent;
}

static void out_free(struct loop *l, struct conn *c)
{
    struct conn_out *out = c->out;
    visitor_stop(&l->gate, &c->visitor, out->tally.meter);
    tally_active(&out->tally, -1);
    if (out->object != NULL)
        object_drop(out->object);
    snapshot_release(out->snapshot);
    relay_close(l, out->relay);
    if (out->feed != NULL)
        out->feed->free(out->feed);
    digest_free(&out->digest);
    free(out->line);
    free(out->owned);
    free(out);
    c->out = NULL;
}

/* What goes into the log: of another server's answer, too, the head does not count. */
static uint64_t out_logged(const struct conn_out *out)
{
    return out->relay != NULL ? relay_body(out->relay, out->sent) : out->sent;
}

/* Sends the piece of the other server's answer that is there. */
static enum sent piece_send(struct loop *l, struct conn *c, struct slice piece)
{
    struct conn_out *out = c->out;
    struct cursor s = {.channel = &c->channel, .memory = piece.p, .file = -1, .left = piece.n};
    enum sent sent = counted_send(l, c, &out->tally, &s);
    relay_sent(out->relay, piece.n - (size_t)s.left);
    out->sent += piece.n - s.left;
    return sent == SENT_BLOCKED && relay_has_turn(out->relay) ? SENT_SOME : sent;
}

/* SENT_ALL: there is nothing to relay, and the plan itself is to be sent. */
static enum sent relay_more(struct loop *l, struct conn *c)
{
    enum { PIECES_PER_TURN = 4 };
    struct conn_out *out = c->out;
    for (int i = 0; i < PIECES_PER_TURN; i++) {
        struct slice piece;
        enum sent sent;
        switch (relay_step(l, c, out->relay, &piece)) {
        case RELAY_WAITS:
            return SENT_RELAY;
        case RELAY_TURN:
            return SENT_SOME;
        case RELAY_PIECE:
            sent = piece_send(l, c, piece);
            if (sent != SENT_ALL)
                return sent;
            break;
        case RELAY_ENDS:
            reply_done(l, &out->tally, out->line, out_logged(out), true);
            out_free(l, c);
            return SENT_CLOSE;
        case RELAY_SILENT:
            relay_close(l, out->relay);
            out->relay = NULL;
            return SENT_ALL;
        case RELAY_BREAKS:
            return SENT_FAILED;
        }
    }
    return SENT_SOME;
}

/* SENT_ALL: the next piece is there, and is to be sent. Its bytes are the connection's own, so that a reply
 * of hours keeps no old snapshot. A client that does not take them gets no more, and is dropped in the end.
 */
static enum sent feed_more(struct loop *l, struct conn *c)
{
    struct conn_out *out = c->out;
    struct exchange x = exchange_of(l, c);
    _cleanup_buffer_ struct buffer piece;
    buffer_init(&piece, FEED_PIECE_MAX);
    if (c->ended)
        return SENT_FAILED;
    if (l->gate.now < out->feed_due && l->stop_at == 0)
        return SENT_FEED; /* the client has sent something, which is not for us */
    out->feed_due = l->gate.now + FEED_MS;
    if (c->channel.transport->unsent(&c->channel) > 0 && l->stop_at == 0)
        return ++out->late < FEED_LATE_MAX ? SENT_FEED : SENT_FAILED;
    out->late = 0;
    if (l->stop_at != 0 || !c->protocol->more(&x, out->feed, &piece) || piece.failed) {
        reply_done(l, &out->tally, out->line, out->sent, true);
        out_free(l, c);
        return SENT_CLOSE;
    }
    snapshot_hold(l->snapshot);
    snapshot_release(out->snapshot);
    out->snapshot = l->snapshot;
    if (piece.n == 0)
        return SENT_FEED;
    free(out->owned);
    out->memory = out->owned = piece.p;
    out->offset = 0;
    out->left = piece.n;
    piece.p = NULL;
    return SENT_ALL;
}

/* Has the object been found to be damaged since the reply began? It ends short then, so that the client knows
 * that it has nothing whole. */
static bool damaged_meanwhile(const struct loop *l, const struct conn_out *out)
{
    return out->object != NULL && l->snapshot->damaged != out->snapshot->damaged &&
           damaged_has(l->snapshot->damaged, &out->object->name);
}

enum sent send_more(struct loop *l, struct conn *c)
{
    struct conn_out *out = c->out;
    if (out->relay != NULL) {
        enum sent relayed = relay_more(l, c);
        if (relayed != SENT_ALL)
            return relayed;
    }
    if (out->feed != NULL && out->left == 0 && out->head_at == out->head_length) {
        enum sent fed = feed_more(l, c);
        if (fed != SENT_ALL)
            return fed;
    }
    if (out->seal.from != 0) {
        enum sent sealed = seal_more(out);
        if (sealed != SENT_ALL)
            return sealed;
    }
    if (damaged_meanwhile(l, out))
        return SENT_FAILED;
    struct cursor s = {.channel = &c->channel,
                       .head = out->head + out->head_at,
                       .head_n = (size_t)(out->head_length - out->head_at),
                       .memory = out->memory,
                       .file = out->object != NULL ? out->object->fd : -1,
                       .offset = out->offset,
                       .left = out->left};
    enum sent sent = counted_send(l, c, &out->tally, &s);
    out->sent += out->left - s.left;
    out->head_at = (uint16_t)(out->head_length - s.head_n);
    out->offset = s.offset;
    out->left = s.left;
    if (sent == SENT_ALL && out->feed != NULL)
        return SENT_FEED;
    if (sent == SENT_ALL) {
        sent = reply_done(l, &out->tally, out->line, out->sent, out->close);
        out_free(l, c);
    }
    return sent;
}

bool out_goes_on(const struct conn *c)
{
    return c->out != NULL && c->out->feed != NULL;
}

void send_measure_begin(struct conn *c)
{
    c->out->measured = false;
}

bool send_measure(const struct loop *l, struct conn *c)
{
    const struct serve_settings *s = l->snapshot->settings;
    struct conn_out *out = c->out;
    int64_t queued = c->channel.transport->unsent(&c->channel);
    if (queued < 0)
        return false;
    int64_t taken = (int64_t)(out->sent + out->head_at) - queued, before = out->taken;
    int64_t least = (int64_t)(s->limits.least_rate * s->send_ms / 1000);
    bool first = !out->measured;
    out->taken = taken;
    out->measured = true;
    return first || taken - before >= (least > 0 ? least : 1);
}

void out_drop(struct loop *l, struct conn *c)
{
    struct conn_out *out = c->out;
    if (out == NULL)
        return;
    tally_end(&out->tally, false); /* broken off: the log says how much had left */
    if (out->line != NULL)
        log_line_finish(l->log, &l->batch, out->line, out_logged(out));
    out_free(l, c);
}
