/*
 * A turn: read, answer, send, or read on until the peer's end. Sockets are edge-triggered and registered
 * once, so that a request costs no epoll_ctl; what one turn leaves undone puts the connection on the ready
 * list.
 */
#include "serve/engine/conn.h"

#include "serve/engine/answer.h"
#include "serve/engine/conn_end.h"
#include "serve/engine/conn_state.h"
#include "serve/engine/conn_table.h"
#include "serve/engine/proxied.h"
#include "serve/engine/send.h"
#include "serve/engine/take.h"

#include <sys/epoll.h>

enum {
    READS_PER_TURN = 4,
    CLOSING_READS = 16, /* of CONN_BATCH bytes a turn, thrown away */
};

/* ---- reading ---- */

/* Answers what `n` bytes of l->input hold. True: the connection may read on. Requests may hold passwords,
 * which do not outlive their answer; to look for one would cost more than to wipe them all. */
static bool input_answer(struct loop *l, struct conn *c, size_t n)
{
    enum batch_end end = batch_answer(l, c, n);
    explicit_bzero(l->input, n);
    if (end == BATCH_TURN)
        ready_join(l, c);
    return end == BATCH_USED;
}

/* The peer has as long for a handshake as for a request's head. */
static void handshake_waits(struct loop *l, struct conn *c)
{
    if (c->channel.opening && c->state == CONN_IDLE)
        conn_move(l, c, CONN_HEAD);
    else if (!c->channel.opening && c->state == CONN_HEAD && c->in_n == 0)
        conn_move(l, c, CONN_IDLE);
}

/* Reads once behind what is kept, and answers. True: there may be more to read. */
static bool conn_read(struct loop *l, struct conn *c)
{
    size_t kept = c->in_n;
    if (kept > 0)
        memcpy(l->input, c->in, kept);
    ssize_t n = c->channel.transport->receive(&c->channel, l->input + kept, CONN_BATCH);
    if (n == CHANNEL_WAIT) {
        handshake_waits(l, c);
        return false;
    }
    if (n <= 0) { /* at the peer's end, too: complete requests that were kept are answered already */
        conn_close(l, c);
        return false;
    }
    /* A short read empties the channel; the next byte makes a new edge. An end that came with it does not. */
    return input_answer(l, c, kept + (size_t)n) && (n == CONN_BATCH || c->ended);
}

static void conn_reading(struct loop *l, struct conn *c)
{
    uint32_t generation = c->generation;
    if (proxied_waits(c) && !proxied_header(l, c))
        return;
    for (int i = 0; i < READS_PER_TURN; i++) {
        if (!conn_read(l, c))
            return;
    }
    if (c->generation == generation)
        ready_join(l, c);
}

/* Answers what was kept while a reply was being sent, or a request was held; then reads on. */
static void conn_answering(struct loop *l, struct conn *c)
{
    if (c->in_n > 0) {
        memcpy(l->input, c->in, c->in_n);
        if (!input_answer(l, c, c->in_n))
            return;
    }
    conn_reading(l, c);
}

/* ---- sending ---- */

static void reply_left(struct loop *l, struct conn *c)
{
    uint32_t generation = c->generation;
    if (c->proxy != NULL)
        proxied_answered(l, c);
    conn_move(l, c, CONN_IDLE);
    conn_answering(l, c);
    if (l->stop_at != 0 && c->generation == generation && conn_is_idle(c))
        conn_finish(l, c);
}

/* The time that a client has for its share of a reply is not prolonged by each byte that it takes. */
static void reply_waits(struct loop *l, struct conn *c)
{
    if (c->state == CONN_SENDING)
        return;
    send_measure_begin(c);
    conn_move(l, c, CONN_SENDING);
}

static void conn_sending(struct loop *l, struct conn *c)
{
    switch (send_more(l, c)) {
    case SENT_ALL:
        reply_left(l, c);
        return;
    case SENT_CLOSE:
        conn_finish(l, c);
        return;
    case SENT_FAILED: /* the peer must not take what it has for all of it */
        conn_abort(l, c);
        return;
    case SENT_LATER:
        conn_move(l, c, CONN_PACED);
        return;
    case SENT_HELD:
        conn_hold(l, c, CONN_PACED);
        return;
    case SENT_RELAY:
        conn_move(l, c, CONN_RELAYING);
        return;
    case SENT_FEED:
        conn_move(l, c, CONN_FOLLOWING);
        return;
    case SENT_SOME:
        ready_join(l, c);
        reply_waits(l, c);
        return;
    case SENT_BLOCKED:
        reply_waits(l, c);
        return;
    }
}

/* ---- the body of a request ---- */

static void conn_taking(struct loop *l, struct conn *c)
{
    uint32_t generation = c->generation;
    switch (take_more(l, c)) {
    case TAKE_WAITS:
        return;
    case TAKE_TURN:
        ready_join(l, c);
        return;
    case TAKE_GONE:
        conn_close(l, c);
        return;
    case TAKE_ALL:
        break;
    }
    if (take_answer(l, c) != BATCH_USED)
        return;
    conn_answering(l, c);
    if (l->stop_at != 0 && c->generation == generation && conn_is_idle(c))
        conn_finish(l, c);
}

/* ---- closing ---- */

/* Reads and throws away, until the peer closes or its time is over. */
static void conn_closing(struct loop *l, struct conn *c)
{
    for (int i = 0; i < CLOSING_READS; i++) {
        ssize_t n = c->channel.transport->receive(&c->channel, l->input, CONN_BATCH);
        if (n == CHANNEL_WAIT)
            return;
        if (n <= 0) {
            conn_close(l, c);
            return;
        }
        explicit_bzero(l->input, (size_t)n);
    }
    ready_join(l, c);
}

/* ---- turns ---- */

void conn_continue(struct loop *l, struct conn *c)
{
    ready_leave(l, c);
    if (conn_replies(c))
        conn_sending(l, c);
    else if (c->state == CONN_TAKING)
        conn_taking(l, c);
    else if (c->state == CONN_CLOSING)
        conn_closing(l, c);
    else if (c->state != CONN_FREE)
        conn_answering(l, c);
}

void conn_event(struct loop *l, uint32_t index, uint32_t generation, uint32_t events)
{
    bool upstream = (index & CONN_UPSTREAM) != 0;
    struct conn *c = conn_table_at(&l->conns, index & ~(uint32_t)CONN_UPSTREAM);
    if (c == NULL || c->generation != generation || c->state == CONN_FREE)
        return;
    if (events & (EPOLLERR | EPOLLHUP) && !upstream) {
        conn_close(l, c);
        return;
    }
    if (events & EPOLLRDHUP && !upstream)
        c->ended = true;
    if (c->wait == WAIT_RATE || c->ready) /* its turn comes with the list's */
        return;
    if (conn_replies(c))
        conn_sending(l, c);
    else if (c->state == CONN_TAKING && !upstream)
        conn_taking(l, c);
    else if ((events & (EPOLLIN | EPOLLRDHUP) || c->channel.stuck) && !upstream)
        c->state == CONN_CLOSING ? conn_closing(l, c) : conn_reading(l, c);
}
