/*
 * One connection's life: read, answer, send, close. Sockets are edge-triggered and registered once, so that a
 * request costs no epoll_ctl; what one turn leaves undone puts the connection on the loop's ready list.
 */
#include "serve/conn.h"

#include "serve/conn_lists.h"
#include "serve/rates.h"
#include "serve/relay.h"
#include "serve/send.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 64,
    REQUESTS_PER_TURN = 32,
    OPERATOR_CONNECTIONS_MAX = 64, /* connections to the operator's address */
    NEW_MS = 1000,                 /* so long a connection is new, and its first request to be expected */
    CLOSING_READS = 16,            /* of CONN_BATCH bytes a turn, thrown away */
};

/* ---- opening and closing ---- */

static void peer_gone(struct loop *l, struct peer *peer)
{
    peers_leave(l->shared->peers, peer, l->now);
    count_own(&l->counts.connections, (uint64_t)-1);
}

/* Does its end count for the connection ban? It does not where the server itself kept a request from being
 * heard: by a ban, by a rate that holds it back, or because it stops. */
static bool is_useless(const struct loop *l, const struct conn *c)
{
    bool held = c->state == CONN_READING && c->wait == WAIT_RATE;
    return !c->valid && !c->denied && !held && l->stop_at == 0;
}

/* The connection ends: what that means for its address. */
static void peer_settle(struct loop *l, struct conn *c)
{
    if (is_useless(l, c) && peer_useless(c->peer, l->now, &l->snapshot->settings->limits.peer))
        shared_ban(l->shared, &c->peer->address);
    if (c->state != CONN_CLOSING) /* which has told already */
        peer_finished(c->peer);
    rates_forget(l, c);
    peer_gone(l, c->peer);
}

static void conn_close(struct loop *l, struct conn *c)
{
    wait_leave(l, c);
    ready_leave(l, c);
    out_drop(l, c);
    free(c->in);
    if (c->peer != NULL) /* before the client learns that it may connect again */
        peer_settle(l, c);
    else
        l->operator_connections--;
    close(c->fd); /* which takes it out of the epoll set */
    uint32_t index = c->index, generation = c->generation + 1;
    *c = (struct conn){.index = index, .generation = generation, .fd = -1, .next = l->conns.free};
    l->conns.free = c;
    l->conns.open--;
}

/* With a reset: what the kernel still has for a client that does not take it, or is not to have it, goes too.
 */
static void conn_abort(struct loop *l, struct conn *c)
{
    struct linger now = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    conn_close(l, c);
}

/* Is it on the deny list, or on that of bans? */
static bool address_denied(const struct loop *l, const struct address *address)
{
    return range_set_has(&l->snapshot->settings->deny, address) ||
           range_set_has(&l->snapshot->bans->set, address);
}

/* May this address have one more connection? Then *peer is held for it. */
static bool conn_admit(struct loop *l, const struct address *address, struct peer **peer)
{
    const struct limits *limits = &l->snapshot->settings->limits;
    switch (peers_enter(l->shared->peers, address, l->now, &limits->peer, peer)) {
    case PEER_WELCOME:
        break;
    case PEER_TOO_MANY:
        count_own(&l->counts.refused_address, 1);
        return false;
    default:
        count_own(&l->counts.refused_total, 1);
        return false;
    }
    __atomic_store_n(&(*peer)->rate, limits_address_rate(limits, &(*peer)->address), __ATOMIC_RELAXED);
    count_own(&l->counts.accepted, 1);
    count_own(&l->counts.connections, 1);
    return true;
}

static bool conn_denied(const struct loop *l, const struct conn *c, const struct address *address)
{
    return c->peer != NULL && (address_denied(l, address) || peer_banned(c->peer, l->now));
}

static void conn_open(struct loop *l, int fd, const struct sockaddr_storage *remote,
                      const struct protocol *protocol)
{
    struct address address = address_of((const struct sockaddr *)remote);
    struct peer *peer = NULL;
    if (protocol->for_operator ? l->operator_connections == OPERATOR_CONNECTIONS_MAX
                               : !conn_admit(l, &address, &peer)) {
        close(fd);
        return;
    }
    struct conn *c = conn_table_take(&l->conns);
    if (c == NULL) {
        if (peer != NULL) {
            peer_finished(peer);
            peer_gone(l, peer);
        }
        close(fd);
        return;
    }
    l->operator_connections += protocol->for_operator;
    c->fd = fd;
    c->state = CONN_READING;
    c->protocol = protocol;
    c->in = NULL;
    c->out = NULL;
    c->peer = peer;
    memcpy(&c->remote, remote, sizeof c->remote);
    c->denied = conn_denied(l, c, &address);
    wait_join(l, c, WAIT_IDLE);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u64 = (uint64_t)c->generation << 32 | c->index};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        c->valid = true; /* it is not the client's fault */
        conn_close(l, c);
    }
}

bool conn_accept(struct loop *l, int listener, const struct protocol *protocol)
{
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t length = sizeof peer;
        int fd = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            conn_open(l, fd, &peer, protocol);
            continue;
        }
        /* Out of descriptors or memory: the waiting connection stays; try again at the next tick. */
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            l->accepting = false;
        if (errno != ECONNABORTED && errno != EINTR && errno != EPROTO)
            return false;
    }
    return true;
}

/* Our side is done. The peer may still be sending: closing now could reset the connection and lose it our
 * last bytes. A client that sees our end may connect again at once: by then this connection must not count.
 */
static void conn_finish(struct loop *l, struct conn *c)
{
    if (c->peer != NULL)
        peer_finished(c->peer);
    shutdown(c->fd, SHUT_WR);
    c->state = CONN_CLOSING;
    free(c->in);
    c->in = NULL;
    c->in_n = 0;
    wait_change(l, c, WAIT_CLOSE);
    ready_join(l, c);
}

/* ---- reading and answering ---- */

/* Keeps the bytes that can't be used yet. */
static bool input_keep(struct conn *c, const char *p, size_t n)
{
    char *kept = NULL;
    if (n > 0) {
        kept = malloc(n);
        if (kept == NULL)
            return false;
        memcpy(kept, p, n);
    }
    free(c->in);
    c->in = kept;
    c->in_n = (uint16_t)n;
    return true;
}

/* What became of a batch of input. */
enum batch_end {
    BATCH_USED,    /* all of it was dealt with, or kept for later */
    BATCH_SENDING, /* a reply is under way, or a rate holds the next request back */
    BATCH_OVER,    /* the connection is closing or closed */
    BATCH_TURN,    /* the turn is over; there is more to do */
};

/* A cap of the server or of the title is reached: then the plan is an error. */
static void plan_cap(struct loop *l, const struct conn *c, const struct exchange *x, struct slice in)
{
    const struct meter *m = l->plan.title != NULL ? l->plan.title->meter : NULL;
    enum cap_state state = (enum cap_state)__atomic_load_n(&l->shared->day.state, __ATOMIC_RELAXED);
    enum cap_state of_title =
        m != NULL ? (enum cap_state)__atomic_load_n(&m->day.state, __ATOMIC_RELAXED) : CAP_NONE;
    if (of_title > state)
        state = of_title;
    if (state == CAP_NONE || l->plan.dialect == REPLY_NO_DIALECT || l->plan.refused)
        return;
    if (state != CAP_HARD && !l->plan.starts_download)
        return;
    reply_plan_drop(&l->plan);
    c->protocol->refuse(x, in.p, in.n, state == CAP_HARD ? REFUSAL_HARD_CAP : REFUSAL_SOFT_CAP, &l->plan);
}

/* The list that a reply which is not through waits on. */
static enum conn_wait wait_of(enum sent sent)
{
    return sent == SENT_LATER || sent == SENT_HELD ? WAIT_RATE : sent == SENT_RELAY ? WAIT_RELAY : WAIT_SEND;
}

/* Answers the requests in [p, p + n), which is the loop's input buffer. */
static enum batch_end batch_answer(struct loop *l, struct conn *c, const char *p, size_t n)
{
    size_t at = 0;
    for (int i = 0; at < n; i++) {
        struct access access = {.minor = -1};
        struct exchange x = {l->snapshot, l->date, c->denied, c->fd, &c->remote.any, l->shared};
        size_t used = 0;
        if (!rates_request(l, c)) {
            wait_held(l, c);
            return input_keep(c, p + at, n - at) ? BATCH_SENDING : (conn_close(l, c), BATCH_OVER);
        }
        if (i ==
            (c->protocol->for_operator ? 1 : REQUESTS_PER_TURN)) /* what the operator asks for may be long */
            return input_keep(c, p + at, n - at) ? BATCH_TURN : (conn_close(l, c), BATCH_OVER);
        enum verdict verdict = c->protocol->next(&x, p + at, n - at, &used, &l->plan, &access);
        if (verdict == VERDICT_MORE && n - at < c->protocol->input_max)
            break;
        if (verdict != VERDICT_REPLY) {
            conn_close(l, c);
            return BATCH_OVER;
        }
        rates_request_done(c);
        c->served = true;
        c->valid |= !l->plan.refused || c->denied; /* before a cap refuses what is there */
        plan_cap(l, c, &x, (struct slice){p + at, n - at});
        c->pace = l->plan.pace;
        enum sent sent = send_plan(l, c, &x, (struct slice){p + at, n - at}, &access);
        at += used;
        if (sent == SENT_BLOCKED || sent == SENT_SOME || sent == SENT_LATER || sent == SENT_HELD ||
            sent == SENT_RELAY) {
            c->state = CONN_SENDING;
            wait_change(l, c, wait_of(sent));
            if (sent == SENT_SOME)
                ready_join(l, c);
            return input_keep(c, p + at, n - at) ? BATCH_SENDING : (conn_close(l, c), BATCH_OVER);
        }
        if (sent == SENT_CLOSE) {
            conn_finish(l, c);
            return BATCH_OVER;
        }
        if (sent == SENT_FAILED) {
            conn_close(l, c);
            return BATCH_OVER;
        }
    }
    bool had_some = c->in_n > 0 && at == 0;
    if (!input_keep(c, p + at, n - at)) {
        conn_close(l, c);
        return BATCH_OVER;
    }
    if (c->in_n == 0 && l->stop_at != 0) { /* all that had arrived is answered */
        conn_finish(l, c);
        return BATCH_OVER;
    }
    /* The time for a head runs from its first byte and is not prolonged by further ones. */
    if (c->in_n == 0)
        wait_change(l, c, WAIT_IDLE);
    else if (!had_some || c->wait != WAIT_HEAD)
        wait_change(l, c, WAIT_HEAD);
    return BATCH_USED;
}

/* Reads once behind what is kept, and answers. False when the turn is over for this connection. */
static bool conn_read(struct loop *l, struct conn *c)
{
    size_t kept = c->in_n;
    if (kept > 0)
        memcpy(l->input, c->in, kept);
    ssize_t n = recv(c->fd, l->input + kept, CONN_BATCH, 0);
    if (n < 0 && errno == EINTR)
        return true;
    if (n <= 0) {
        /* At the peer's end, too: complete requests that were kept are answered already. */
        if (n == 0 || errno != EAGAIN)
            conn_close(l, c);
        return false;
    }
    switch (batch_answer(l, c, l->input, kept + (size_t)n)) {
    case BATCH_USED:
        /* A short read empties the socket; the next byte makes a new edge. An end that came with it does not.
         */
        return n == CONN_BATCH || c->ended;
    case BATCH_TURN:
        ready_join(l, c);
        return false;
    default:
        return false;
    }
}

/* Answers what was kept while a reply was being sent. False when the turn is over for this connection. */
static bool conn_kept(struct loop *l, struct conn *c)
{
    size_t n = c->in_n;
    if (n == 0)
        return true;
    memcpy(l->input, c->in, n);
    enum batch_end end = batch_answer(l, c, l->input, n);
    if (end == BATCH_TURN)
        ready_join(l, c);
    return end == BATCH_USED;
}

static void conn_reading(struct loop *l, struct conn *c)
{
    enum { READS_PER_TURN = 4 };
    uint32_t generation = c->generation;
    for (int i = 0; i < READS_PER_TURN; i++) {
        if (!conn_read(l, c))
            return;
    }
    if (c->generation == generation)
        ready_join(l, c);
}

static bool is_idle(const struct conn *c)
{
    return c->state == CONN_READING && (c->wait == WAIT_IDLE || c->wait == WAIT_BRIEF) && !c->ready;
}

static void conn_sending(struct loop *l, struct conn *c)
{
    uint32_t generation = c->generation;
    switch (send_more(l, c)) {
    case SENT_ALL:
        c->state = CONN_READING;
        wait_change(l, c, WAIT_IDLE);
        if (conn_kept(l, c))
            conn_reading(l, c);
        if (l->stop_at != 0 && c->generation == generation && is_idle(c))
            conn_finish(l, c);
        return;
    case SENT_CLOSE:
        conn_finish(l, c);
        return;
    case SENT_FAILED: /* the peer is not to take what it has for all of it */
        conn_abort(l, c);
        return;
    case SENT_LATER:
        wait_change(l, c, WAIT_RATE);
        return;
    case SENT_RELAY:
        wait_change(l, c, WAIT_RELAY);
        return;
    case SENT_HELD:
        wait_held(l, c);
        return;
    case SENT_SOME:
        ready_join(l, c);
        break;
    case SENT_BLOCKED:
        break;
    }
    /* The time that a client has for its share of a reply is not prolonged by each byte that it takes. */
    if (c->wait != WAIT_SEND) {
        send_measure_begin(c);
        wait_change(l, c, WAIT_SEND);
    }
}

/* Reads and throws away, until the peer closes or its time is over. */
static void conn_closing(struct loop *l, struct conn *c)
{
    for (int i = 0; i < CLOSING_READS; i++) {
        ssize_t n = recv(c->fd, l->input, CONN_BATCH, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            conn_close(l, c);
            return;
        }
    }
    ready_join(l, c);
}

void conn_continue(struct loop *l, struct conn *c)
{
    ready_leave(l, c);
    switch ((enum conn_state)c->state) {
    case CONN_READING:
        if (conn_kept(l, c))
            conn_reading(l, c);
        return;
    case CONN_SENDING:
        conn_sending(l, c);
        return;
    case CONN_CLOSING:
        conn_closing(l, c);
        return;
    case CONN_FREE:
        return;
    }
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
    if (c->wait == WAIT_RATE) /* its turn comes with the list's */
        return;
    if (c->state == CONN_SENDING)
        conn_sending(l, c);
    else if (events & (EPOLLIN | EPOLLRDHUP) && !c->ready && !upstream)
        c->state == CONN_READING ? conn_reading(l, c) : conn_closing(l, c);
}

/* ---- all of them ---- */

void conn_expire(struct loop *l)
{
    for (int wait = 0; wait < WAIT_KINDS; wait++) {
        struct conn *c;
        while ((c = l->conns.waits[wait].first) != NULL && c->deadline <= l->now) {
            if (wait == WAIT_SEND && send_measure(l, c)) {
                wait_change(l, c, WAIT_SEND);
            } else if (wait == WAIT_RELAY) {
                conn_sending(l, c);
            } else {
                count_own(&l->counts.timeouts, 1);
                wait == WAIT_SEND ? conn_abort(l, c) : conn_close(l, c);
            }
        }
    }
}

/* The list is gone through once. Who got something and wants more goes to its end; who got nothing stays. */
bool conn_rate_turn(struct loop *l)
{
    struct conn_list *list = &l->conns.waits[WAIT_RATE];
    const struct conn *last = list->last;
    uint64_t waiting = 0;
    struct conn *next;
    for (struct conn *c = list->first; c != NULL; c = next) {
        next = c != last ? c->next : NULL;
        if (c->due <= l->now)
            conn_continue(l, c);
    }
    for (const struct conn *c = list->first; c != NULL; c = c->next)
        waiting++;
    __atomic_store_n(&l->counts.waiting, waiting, __ATOMIC_RELAXED);
    return list->first != NULL;
}

static bool is_new(const struct loop *l, const struct conn *c, unsigned idle_ms)
{
    return !c->served && c->deadline + NEW_MS > l->now + idle_ms;
}

void conn_close_idle(struct loop *l)
{
    const struct serve_settings *s = l->snapshot->settings;
    const enum conn_wait kinds[] = {WAIT_IDLE, WAIT_BRIEF};
    const unsigned ms[] = {s->idle_ms, s->brief_ms};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct conn *next;
        for (struct conn *c = l->conns.waits[kinds[i]].first; c != NULL; c = next) {
            uint32_t generation = c->generation;
            next = c->next;
            /* A request may have arrived that no event has told of yet. */
            conn_continue(l, c);
            if (c->generation == generation && is_idle(c) && !is_new(l, c, ms[i]))
                conn_close(l, c);
        }
    }
}

/* Marks it denied or not any more. What is on its way to one that is denied now is broken off. */
static void conn_judge(struct loop *l, struct conn *c, bool rates_changed)
{
    struct address address = address_of(&c->remote.any);
    bool before = c->denied;
    if (c->peer == NULL)
        return;
    __atomic_store_n(&c->peer->rate, limits_address_rate(&l->snapshot->settings->limits, &c->peer->address),
                     __ATOMIC_RELAXED);
    if (rates_changed)
        rates_forget(l, c);
    c->denied = conn_denied(l, c, &address);
    if (c->denied && !before && c->state == CONN_SENDING)
        conn_abort(l, c);
}

void conn_snapshot_changed(struct loop *l, bool settings)
{
    const struct serve_settings *s = l->snapshot->settings;
    const unsigned ms[WAIT_KINDS] = {s->idle_ms, s->brief_ms, s->head_ms,
                                     s->send_ms, CLOSING_MS,  RELAY_LOOK_MS};
    for (int wait = 0; wait < WAIT_KINDS; wait++) {
        struct conn *next;
        for (struct conn *c = l->conns.waits[wait].first; c != NULL; c = next) {
            next = c->next;
            if (wait != WAIT_RATE && c->deadline > l->now + ms[wait]) /* the list stays in order */
                c->deadline = l->now + ms[wait];
            conn_judge(l, c, settings);
        }
    }
}

void conn_close_all(struct loop *l)
{
    for (int wait = 0; wait < WAIT_KINDS; wait++) {
        while (l->conns.waits[wait].first != NULL)
            conn_close(l, l->conns.waits[wait].first);
    }
}
