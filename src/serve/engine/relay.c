/*
 * A relay: two sockets, and a small buffer each way. It is filled only when all of it has left, so a slow
 * side slows the other down and nothing grows. Sockets are edge-triggered, like a connection's: each step
 * goes on until a side has no more, or the turn is over.
 */
#include "serve/engine/relay.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    BUFFER = 16 * 1024,
    MOVES_PER_TURN = 8,       /* buffers of the client's body */
    ANSWER_MAX = 1024 * 1024, /* the game's answers are lines; solutions of a level are some kB */
    CONNECT_MS = 5000,
    EXCHANGE_MS = 60000, /* from the request's head to the answer's last byte */
};

struct relay {
    struct relay_request *request;
    int fd;             /* to the other server */
    bool connected;     /* it has taken something */
    bool deaf;          /* it takes nothing more; it may have answered before */
    bool passing;       /* its answer may pass */
    bool kept_taken;    /* what came with the request's head has been looked at */
    bool turn;          /* more of the body could be moved */
    uint64_t begun;     /* monotonic ms */
    struct slice up;    /* to be passed on: in the request, in the connection's input or in up_bytes */
    uint64_t left;      /* of the client's body, behind `up` */
    size_t from, to;    /* in `down`: what is not sent yet */
    uint64_t answered;  /* bytes of the answer so far */
    size_t head_length; /* of the answer */
    char up_bytes[BUFFER];
    char down[BUFFER];
};

/* ---- opening and closing ---- */

/* A connection under way; -1 when there is no way to it. */
static int target_connect(const struct loop *l, const struct conn *c, const struct relay_target *t)
{
    int on = 1;
    int fd = socket(t->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u64 = (uint64_t)c->generation << 32 | CONN_UPSTREAM | c->index};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if ((connect(fd, (const struct sockaddr *)&t->address, t->address_length) != 0 && errno != EINPROGRESS) ||
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

struct relay *relay_open(struct loop *l, struct conn *c, struct relay_request *request)
{
    struct relay *r = l->relays < RELAYS_MAX ? calloc(1, sizeof *r) : NULL;
    int fd = r != NULL ? target_connect(l, c, request->target) : -1;
    if (fd < 0) {
        free(r);
        relay_request_free(request);
        return NULL;
    }
    r->request = request;
    r->fd = fd;
    r->begun = l->gate.now;
    r->up = (struct slice){request->head, request->head_length};
    r->left = request->body;
    /* A client that gets no greeting sends the rest a little later. */
    if (request->greeting != NULL)
        c->channel.transport->send(&c->channel, request->greeting, strlen(request->greeting), NULL, 0, false);
    l->relays++;
    return r;
}

void relay_close(struct loop *l, struct relay *r)
{
    if (r == NULL)
        return;
    close(r->fd);
    relay_request_free(r->request);
    secret_free(r, sizeof *r);
    l->relays--;
}

/* ---- the client's body ---- */

/* Gets more of it. 1: there is some; 0: not now; -1: the client has gone. */
static int body_take(struct conn *c, struct relay *r)
{
    size_t most = r->left < BUFFER ? (size_t)r->left : BUFFER;
    if (most == 0)
        return 0;
    if (!r->kept_taken) {
        r->kept_taken = true;
        r->up = (struct slice){c->in, c->in_n < r->left ? c->in_n : (size_t)r->left};
        r->left -= r->up.n;
        if (r->up.n > 0)
            return 1;
    }
    ssize_t n = c->channel.transport->receive(&c->channel, r->up_bytes, most);
    if (n == CHANNEL_WAIT)
        return 0;
    if (n <= 0)
        return -1;
    r->up = (struct slice){r->up_bytes, (size_t)n};
    r->left -= (size_t)n;
    return 1;
}

/* Moves it on as far as both sides go. False: the client has gone. */
static bool body_move(struct conn *c, struct relay *r)
{
    r->turn = false;
    for (int i = 0; i < MOVES_PER_TURN; i++) {
        int more = r->up.n > 0 ? 1 : body_take(c, r);
        if (more <= 0)
            return more == 0;
        ssize_t n = send(r->fd, r->up.p, r->up.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0) { /* not reached, or it has heard enough */
            r->deaf = true;
            r->up.n = 0;
            r->left = 0;
            return true;
        }
        r->connected = true;
        r->up.p += n;
        r->up.n -= (size_t)n;
    }
    r->turn = r->up.n > 0 || r->left > 0;
    return true;
}

/* ---- the answer ---- */

/* The first bytes decide whether it may pass. */
static enum relay_state answer_judge(struct relay *r)
{
    int head = r->request->accept(r->down, r->to);
    if (head == 0 && r->to < BUFFER)
        return RELAY_TURN;
    if (head <= 0)
        return RELAY_SILENT;
    r->passing = true;
    r->head_length = (size_t)head;
    return RELAY_PIECE;
}

static enum relay_state answer_take(struct relay *r)
{
    if (!r->connected && !r->deaf)
        return RELAY_WAITS;
    if (r->from == r->to)
        r->from = r->to = 0;
    ssize_t n = recv(r->fd, r->down + r->to, BUFFER - r->to, 0);
    if (n < 0 && errno == EAGAIN)
        return RELAY_WAITS;
    if (n <= 0 && r->passing)
        return n == 0 ? RELAY_ENDS : RELAY_BREAKS;
    if (n <= 0)
        return RELAY_SILENT;
    r->to += (size_t)n;
    r->answered += (size_t)n;
    if (r->answered > ANSWER_MAX)
        return RELAY_BREAKS;
    return r->passing ? RELAY_PIECE : answer_judge(r);
}

enum relay_state relay_step(struct loop *l, struct conn *c, struct relay *r, struct slice *piece)
{
    if (l->gate.now - r->begun >= (r->connected || r->deaf ? EXCHANGE_MS : CONNECT_MS)) {
        count_own(&l->counts.timeouts, 1);
        return r->passing ? RELAY_BREAKS : RELAY_SILENT;
    }
    if (!body_move(c, r))
        return RELAY_BREAKS;
    enum relay_state state = r->passing && r->from < r->to ? RELAY_PIECE : answer_take(r);
    if (state == RELAY_WAITS && r->turn)
        return RELAY_TURN;
    *piece = (struct slice){r->down + r->from, r->to - r->from};
    return state;
}

void relay_sent(struct relay *r, size_t n)
{
    r->from += n;
}

bool relay_has_turn(const struct relay *r)
{
    return r->turn;
}

uint64_t relay_body(const struct relay *r, uint64_t n)
{
    return n > r->head_length ? n - r->head_length : 0;
}
