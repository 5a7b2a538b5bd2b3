/* Accepting: from a listener's descriptor to a connection that is CONN_IDLE. Where there is no room for one,
 * what is idle gives way, or the listener pauses. */
#include "serve/engine/accept.h"

#include "serve/engine/conn_all.h"
#include "serve/engine/conn_end.h"
#include "serve/engine/conn_state.h"
#include "serve/engine/conn_table.h"
#include "serve/engine/proxied.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 64, GIVE_WAY_BATCH = 16 };

/* Asks admission. True: v is to be given back with visitor_finished and visitor_leave, where the connection
 * is not the operator's. */
static bool is_admitted(struct loop *l, const struct loop_listener *listener, struct visitor *v,
                        const struct sockaddr *remote)
{
    struct address address = address_of(remote);
    if (listener->protocol->for_operator) /* who asks nothing keeps nobody out */
        return l->operator_connections < l->operator_room || conns_operator_give_way(l);
    struct admit may = admit_connection(&l->gate, v, &address);
    if (may.kind == ADMIT_NOW)
        return true;
    count_own(may.reason == ADMIT_ADDRESS_FULL ? &l->counts.refused_address : &l->counts.refused_total, 1);
    return false;
}

static struct conn *slot_fill(struct loop *l, const struct loop_listener *listener, const struct visitor *v,
                              const struct channel *channel, const struct sockaddr_storage *remote)
{
    struct conn *c = conn_table_take(&l->conns);
    if (c == NULL)
        return NULL;
    c->channel = *channel;
    c->protocol = listener->protocol;
    c->visitor = *v;
    memcpy(&c->remote, remote, sizeof c->remote);
    conn_move(l, c, CONN_IDLE);
    if (listener->protocol->for_operator) {
        l->operator_connections++;
    } else {
        count_own(&l->counts.accepted, 1);
        count_own(&l->counts.connections, 1);
    }
    return c;
}

/* False: there is no connection, and its place is free. */
static bool conn_open(struct loop *l, const struct loop_listener *listener, int fd,
                      const struct sockaddr_storage *remote)
{
    struct visitor v = {0};
    struct channel channel = {.transport = listener->transport, .fd = -1};
    if (!is_admitted(l, listener, &v, (const struct sockaddr *)remote)) {
        close(fd);
        return false;
    }
    struct conn *c = NULL;
    if (listener->transport->open(&channel, fd)) {
        c = slot_fill(l, listener, &v, &channel, remote);
        if (c == NULL)
            channel.transport->close(&channel, false);
    } else {
        close(fd);
    }
    if (c == NULL) { /* memory is out */
        visitor_finished(&v);
        visitor_leave(&l->gate, &v, true);
        return false;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u64 = (uint64_t)c->generation << 32 | c->index};
    if (!proxied_begin(l, c, listener->header) || epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        c->visitor.valid = true; /* it is not the client's fault */
        conn_close(l, c);
    }
    return true;
}

/* ---- room ---- */

static bool place_take(struct loop *l, const struct loop_listener *listener)
{
    return listener->protocol->for_operator || room_take(l->room) ||
           (conns_give_way(l, 1) > 0 && room_take(l->room));
}

static void place_give(struct loop *l, const struct loop_listener *listener)
{
    if (!listener->protocol->for_operator)
        room_give(l->room);
}

static void listener_pause(struct loop *l, struct loop_listener *listener)
{
    if (listener->paused)
        return;
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, listener->fd, NULL);
    listener->paused = true;
    if (!l->paused)
        room_wait(l->room, true);
    l->paused = true;
    l->freed = false;
}

/* Others in the process may take descriptors, too. What waits stays in the queue. */
static void shortage(struct loop *l, struct loop_listener *listener)
{
    object_cache_release(&l->objects);
    conns_give_way(l, GIVE_WAY_BATCH);
    listener_pause(l, listener);
}

bool conn_accept(struct loop *l, struct loop_listener *listener)
{
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage remote = {0};
        socklen_t length = sizeof remote;
        if (!place_take(l, listener)) {
            listener_pause(l, listener);
            return false;
        }
        int fd = accept4(listener->fd, (struct sockaddr *)&remote, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            sockaddr_unmap(&remote);
            if (!conn_open(l, listener, fd, &remote))
                place_give(l, listener);
            continue;
        }
        int number = errno;
        place_give(l, listener);
        if (number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM)
            shortage(l, listener);
        if (number != ECONNABORTED && number != EINTR && number != EPROTO)
            return false;
    }
    return true;
}
