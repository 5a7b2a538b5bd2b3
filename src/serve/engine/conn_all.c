/* Walks over the lists of connections. */
#include "serve/engine/conn_all.h"

#include "serve/engine/conn.h"
#include "serve/engine/conn_end.h"
#include "serve/engine/conn_state.h"
#include "serve/engine/proxied.h"
#include "serve/engine/send.h"
#include "serve/engine/take.h"

enum {
    NEW_MS = 1000,     /* so long a connection is new, and its first request to be expected */
    GIVE_WAY_MS = 500, /* so long one that has been used keeps its descriptor for its next request */
    LOOK_AT = 64,      /* connections of each list, of which one may give way */
};

static void deadline_come(struct loop *l, struct conn *c)
{
    switch ((enum conn_wait)c->wait) {
    case WAIT_RELAY: /* the relay looks at its own deadlines */
    case WAIT_FEED:  /* the next piece is due */
        conn_continue(l, c);
        return;
    case WAIT_TAKE:
        if (take_measure(l, c)) {
            conn_move(l, c, CONN_TAKING);
            return;
        }
        count_own(&l->counts.timeouts, 1);
        conn_close(l, c);
        return;
    case WAIT_SEND:
        if (send_measure(l, c)) {
            conn_move(l, c, CONN_SENDING);
            return;
        }
        count_own(&l->counts.timeouts, 1);
        conn_abort(l, c);
        return;
    default:
        count_own(&l->counts.timeouts, 1);
        conn_close(l, c);
    }
}

void conns_expire(struct loop *l)
{
    for (int wait = 0; wait < WAIT_KINDS; wait++) {
        struct conn *c;
        while ((c = l->conns.waits[wait].first) != NULL && c->deadline <= l->gate.now)
            deadline_come(l, c);
    }
}

/* The list is gone through once. A connection that got something and wants more goes to its end; one that got
 * nothing stays. */
bool conns_rate_turn(struct loop *l)
{
    struct conn_list *list = &l->conns.waits[WAIT_RATE];
    const struct conn *last = list->last;
    uint64_t waiting = 0;
    struct conn *next;
    for (struct conn *c = list->first; c != NULL; c = next) {
        next = c != last ? c->next : NULL;
        if (c->visitor.due <= l->gate.now)
            conn_continue(l, c);
    }
    for (const struct conn *c = list->first; c != NULL; c = c->next)
        waiting++;
    __atomic_store_n(&l->counts.waiting, waiting, __ATOMIC_RELAXED);
    return list->first != NULL;
}

/* Replies that go on end. Whoever has not taken what there was of one is not waited for. */
static void conns_end_feeds(struct loop *l)
{
    struct conn *next;
    for (struct conn *c = l->conns.waits[WAIT_FEED].first; c != NULL; c = next) {
        next = c->next;
        conn_continue(l, c);
    }
    for (struct conn *c = l->conns.waits[WAIT_SEND].first; c != NULL; c = next) {
        next = c->next;
        if (out_goes_on(c))
            conn_abort(l, c);
    }
}

static bool is_new(const struct loop *l, const struct conn *c, unsigned idle_ms)
{
    return !c->served && c->deadline + NEW_MS > l->gate.now + idle_ms;
}

/* What takes a body does not outlive the server. */
static void conns_end_takes(struct loop *l)
{
    while (l->conns.waits[WAIT_TAKE].first != NULL)
        conn_close(l, l->conns.waits[WAIT_TAKE].first);
}

void conns_close_idle(struct loop *l)
{
    conns_end_takes(l);
    static const enum conn_wait waits[] = {WAIT_IDLE, WAIT_IDLE_SHORT};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        unsigned ms = wait_ms(l->snapshot->settings, waits[i]);
        struct conn *next;
        for (struct conn *c = l->conns.waits[waits[i]].first; c != NULL; c = next) {
            uint32_t generation = c->generation;
            next = c->next;
            /* A request may have arrived that no event has told of yet. */
            conn_continue(l, c);
            if (c->generation == generation && conn_is_idle(c) && !is_new(l, c, ms))
                conn_close(l, c);
        }
    }
    conns_end_feeds(l);
}

/* Since when the connection is on its list; ms. */
static uint64_t waited_ms(const struct loop *l, const struct conn *c)
{
    uint64_t since = c->deadline - wait_ms(l->snapshot->settings, (enum conn_wait)c->wait);
    return l->gate.now > since ? l->gate.now - since : 0;
}

/* Does it do nothing, so that nobody loses anything but a handshake? */
static bool may_give_way(struct loop *l, struct conn *c)
{
    uint32_t generation = c->generation;
    if (waited_ms(l, c) < (c->served ? GIVE_WAY_MS : NEW_MS) ||
        c->channel.transport->unsent(&c->channel) != 0)
        return false; /* the kernel may still hold much of its last reply */
    if (c->state == CONN_CLOSING)
        return true;
    if (!conn_is_idle(c))
        return false;
    conn_continue(l, c); /* a request may have arrived that no event has told of yet */
    return c->generation == generation && conn_is_idle(c);
}

size_t conns_give_way(struct loop *l, size_t most)
{
    static const enum conn_wait waits[] = {WAIT_CLOSE, WAIT_IDLE_SHORT, WAIT_IDLE};
    size_t closed = 0;
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        struct conn *next, *c = l->conns.waits[waits[i]].first;
        for (int looks = 0; c != NULL && looks < LOOK_AT && closed < most; looks++, c = next) {
            next = c->next;
            if (!may_give_way(l, c))
                continue;
            c->visitor.valid = true; /* it is not the client's fault */
            conn_close(l, c);
            closed++;
        }
    }
    return closed;
}

bool conns_operator_give_way(struct loop *l)
{
    enum { LOOK_AT_MOST = 1024 }; /* in a server of one thread players are on the same lists */
    static const enum conn_wait waits[] = {WAIT_IDLE, WAIT_HEAD, WAIT_CLOSE};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        struct conn *c = l->conns.waits[waits[i]].first;
        for (int looks = 0; c != NULL && looks < LOOK_AT_MOST; looks++, c = c->next) {
            if (c->protocol->for_operator && !c->ready) {
                conn_close(l, c);
                return true;
            }
        }
    }
    return false;
}

static void conn_judge(struct loop *l, struct conn *c, bool settings)
{
    struct address address = address_of(&c->remote.any);
    bool before = c->visitor.denied;
    visitor_judge(&l->gate, &c->visitor, &address, settings);
    if (c->visitor.denied && !before && conn_replies(c))
        conn_abort(l, c);
    else if (settings && !proxied_begin(l, c, false)) /* it may be a trusted proxy's by now */
        conn_close(l, c);
}

void conns_snapshot_changed(struct loop *l, bool settings)
{
    for (int wait = 0; wait < WAIT_KINDS; wait++) {
        unsigned ms = wait_ms(l->snapshot->settings, (enum conn_wait)wait);
        struct conn *next;
        for (struct conn *c = l->conns.waits[wait].first; c != NULL; c = next) {
            next = c->next;
            if (wait != WAIT_RATE && c->deadline > l->gate.now + ms) /* the list stays in order */
                c->deadline = l->gate.now + ms;
            conn_judge(l, c, settings);
        }
    }
}

void conns_close(struct loop *l)
{
    for (int wait = 0; wait < WAIT_KINDS; wait++) {
        while (l->conns.waits[wait].first != NULL)
            conn_close(l, l->conns.waits[wait].first);
    }
}
