/* The table of moves, and the lists. */
#include "serve/engine/conn_state.h"

#include "serve/engine/relay.h"
#include "serve/engine/ticks.h"

#include <assert.h>

#define TO(state) (1u << (state))

/*
 * Who may move a connection, and to which states. Every reply ends in CONN_IDLE or CONN_CLOSING, and every
 * connection in CONN_FREE.
 *
 *   accept.c, conn_open      FREE -> IDLE                accepted and admitted
 *   proxied.c                IDLE -> HEAD             a PROXY header is to come first
 *                            HEAD -> IDLE             it has come
 *   answer.c, batch_answer   IDLE, HEAD, HELD ->
 *                                HELD                    admit_request says later
 *                                SENDING                 the socket takes no more of the reply
 *                                PACED                   admit_bytes says later
 *                                RELAYING                another server is asked
 *                                TAKING                  a body follows, and the protocol takes it
 *                                FOLLOWING               the reply goes on, and what there is of it has left
 *                                CLOSING                 the reply was the last
 *                                HEAD                    all is answered but the beginning of a request
 *                                IDLE                    all is answered
 *   conn.c, conn_taking      TAKING ->
 *                                SENDING                 all is here; the socket takes no more of the reply
 *                                PACED                   admit_bytes says later
 *                                IDLE                    the reply has left
 *                                CLOSING                 the reply has left, and was the last
 *   conn.c, handshake_waits  IDLE <-> HEAD               a handshake is under way, or done
 *   conn.c, conn_sending     SENDING, PACED, RELAYING, FOLLOWING ->
 *                                SENDING                 the socket takes no more
 *                                PACED                   admit_bytes says later
 *                                RELAYING                the other server has to send first
 *                                FOLLOWING               the reply goes on, and what there is of it has left
 *                                IDLE                    the reply has left
 *                                CLOSING                 the reply has left, and was the last
 *   conn_all.c, deadline_come    TAKING -> TAKING        the client has sent enough for its time
 *   conn.c, conn_all.c       IDLE -> CLOSING             the server stops, and all that came is answered
 *   conn_end.c, conn_close   any -> FREE                 the peer has gone, a deadline, a fault
 */
static const unsigned moves[CONN_STATES] = {
    [CONN_FREE] = TO(CONN_IDLE),
    [CONN_IDLE] = TO(CONN_IDLE) | TO(CONN_HEAD) | TO(CONN_HELD) | TO(CONN_SENDING) | TO(CONN_PACED) |
                  TO(CONN_RELAYING) | TO(CONN_TAKING) | TO(CONN_FOLLOWING) | TO(CONN_CLOSING) | TO(CONN_FREE),
    [CONN_HEAD] = TO(CONN_IDLE) | TO(CONN_HEAD) | TO(CONN_HELD) | TO(CONN_SENDING) | TO(CONN_PACED) |
                  TO(CONN_RELAYING) | TO(CONN_TAKING) | TO(CONN_FOLLOWING) | TO(CONN_CLOSING) | TO(CONN_FREE),
    [CONN_HELD] = TO(CONN_IDLE) | TO(CONN_HEAD) | TO(CONN_HELD) | TO(CONN_SENDING) | TO(CONN_PACED) |
                  TO(CONN_RELAYING) | TO(CONN_TAKING) | TO(CONN_FOLLOWING) | TO(CONN_CLOSING) | TO(CONN_FREE),
    [CONN_TAKING] = TO(CONN_TAKING) | TO(CONN_SENDING) | TO(CONN_PACED) | TO(CONN_IDLE) | TO(CONN_CLOSING) |
                    TO(CONN_FREE),
    [CONN_SENDING] = TO(CONN_SENDING) | TO(CONN_PACED) | TO(CONN_RELAYING) | TO(CONN_FOLLOWING) |
                     TO(CONN_IDLE) | TO(CONN_CLOSING) | TO(CONN_FREE),
    [CONN_PACED] = TO(CONN_SENDING) | TO(CONN_PACED) | TO(CONN_RELAYING) | TO(CONN_FOLLOWING) |
                   TO(CONN_IDLE) | TO(CONN_CLOSING) | TO(CONN_FREE),
    [CONN_RELAYING] = TO(CONN_SENDING) | TO(CONN_PACED) | TO(CONN_RELAYING) | TO(CONN_IDLE) |
                      TO(CONN_CLOSING) | TO(CONN_FREE),
    [CONN_FOLLOWING] =
        TO(CONN_SENDING) | TO(CONN_PACED) | TO(CONN_FOLLOWING) | TO(CONN_CLOSING) | TO(CONN_FREE),
    [CONN_CLOSING] = TO(CONN_FREE),
};

/* ---- the lists of waiting connections ---- */

unsigned wait_ms(const struct serve_settings *s, enum conn_wait wait)
{
    const unsigned ms[WAIT_KINDS] = {
        [WAIT_IDLE] = s->idle_ms,     [WAIT_IDLE_SHORT] = s->short_idle_ms,
        [WAIT_HEAD] = s->head_ms,     [WAIT_TAKE] = s->send_ms,
        [WAIT_SEND] = s->send_ms,     [WAIT_CLOSE] = CLOSING_MS,
        [WAIT_RELAY] = RELAY_LOOK_MS, [WAIT_FEED] = FEED_MS,
    };
    return ms[wait];
}

static enum conn_wait wait_of(const struct conn *c, enum conn_state state)
{
    static const uint8_t waits[CONN_STATES] = {
        [CONN_HEAD] = WAIT_HEAD,     [CONN_TAKING] = WAIT_TAKE,    [CONN_HELD] = WAIT_RATE,
        [CONN_SENDING] = WAIT_SEND,  [CONN_PACED] = WAIT_RATE,     [CONN_RELAYING] = WAIT_RELAY,
        [CONN_CLOSING] = WAIT_CLOSE, [CONN_FOLLOWING] = WAIT_FEED,
    };
    if (state == CONN_IDLE)
        return c->protocol->short_idle ? WAIT_IDLE_SHORT : WAIT_IDLE;
    return (enum conn_wait)waits[state];
}

static void wait_leave(struct loop *l, struct conn *c)
{
    struct conn_list *list = &l->conns.waits[c->wait];
    *(c->before != NULL ? &c->before->next : &list->first) = c->next;
    *(c->next != NULL ? &c->next->before : &list->last) = c->before;
}

static void wait_join(struct loop *l, struct conn *c, enum conn_wait wait)
{
    struct conn_list *list = &l->conns.waits[wait];
    if (wait == WAIT_RATE) {
        ticks_fast(l);
        count_own(&l->counts.delayed, 1);
    }
    c->wait = (uint8_t)wait;
    c->deadline = wait == WAIT_RATE ? UINT64_MAX : l->gate.now + wait_ms(l->snapshot->settings, wait);
    c->next = NULL;
    c->before = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = c;
    list->last = c;
}

void conn_move(struct loop *l, struct conn *c, enum conn_state to)
{
    assert(moves[c->state] & TO(to));
    if (c->state != CONN_FREE)
        wait_leave(l, c);
    c->state = (uint8_t)to;
    if (to != CONN_FREE)
        wait_join(l, c, wait_of(c, to));
}

void conn_hold(struct loop *l, struct conn *c, enum conn_state to)
{
    if (c->state != to)
        conn_move(l, c, to);
}

/* ---- the ready list ---- */

void ready_join(struct loop *l, struct conn *c)
{
    if (c->ready)
        return;
    c->ready = true;
    c->ready_next = NULL;
    c->ready_before = l->ready.last;
    *(l->ready.last != NULL ? &l->ready.last->ready_next : &l->ready.first) = c;
    l->ready.last = c;
}

void ready_leave(struct loop *l, struct conn *c)
{
    if (!c->ready)
        return;
    c->ready = false;
    *(c->ready_before != NULL ? &c->ready_before->ready_next : &l->ready.first) = c->ready_next;
    *(c->ready_next != NULL ? &c->ready_next->ready_before : &l->ready.last) = c->ready_before;
}
