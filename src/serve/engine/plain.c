/* The plain transport: system calls on a TCP socket. */
#include "serve/engine/listener.h"
#include "serve/engine/transport.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

static bool plain_open(struct channel *c, int fd)
{
    c->fd = fd;
    return true;
}

static ssize_t result_of(ssize_t n)
{
    return n >= 0 ? n : errno == EAGAIN ? CHANNEL_WAIT : CHANNEL_BROKEN;
}

static ssize_t plain_receive(struct channel *c, char *p, size_t room)
{
    ssize_t n;
    do
        n = recv(c->fd, p, room, 0);
    while (n < 0 && errno == EINTR);
    return result_of(n);
}

static ssize_t plain_send(struct channel *c, const char *head, size_t head_n, const char *body, size_t body_n,
                          bool more)
{
    struct iovec parts[2] = {{(void *)head, head_n}, {(void *)body, body_n}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    ssize_t n;
    do {
        if (head_n == 0 || body_n == 0) /* cheaper than a vector of one */
            n = send(c->fd, head_n > 0 ? head : body, head_n > 0 ? head_n : body_n, flags);
        else
            n = sendmsg(c->fd, &message, flags);
    } while (n < 0 && errno == EINTR);
    return result_of(n);
}

static ssize_t plain_send_file(struct channel *c, int file, uint64_t offset, size_t most)
{
    off_t at = (off_t)offset;
    ssize_t n;
    do
        n = sendfile(c->fd, file, &at, most);
    while (n < 0 && errno == EINTR);
    return result_of(n);
}

static void plain_end(struct channel *c)
{
    shutdown(c->fd, SHUT_WR);
}

static void plain_close(struct channel *c, bool reset)
{
    struct linger now = {1, 0};
    if (reset)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(c->fd); /* which takes it out of the epoll set */
    c->fd = -1;
}

static int64_t plain_unsent(const struct channel *c)
{
    int queued = 0;
    return ioctl(c->fd, SIOCOUTQ, &queued) == 0 ? queued : -1;
}

static bool plain_reached(const struct channel *c, struct sockaddr_storage *out)
{
    socklen_t n = sizeof *out;
    if (getsockname(c->fd, (struct sockaddr *)out, &n) != 0)
        return false;
    sockaddr_unmap(out);
    return true;
}

const struct transport plain_transport = {
    .open = plain_open,
    .receive = plain_receive,
    .send = plain_send,
    .send_file = plain_send_file,
    .end = plain_end,
    .close = plain_close,
    .unsent = plain_unsent,
    .reached = plain_reached,
};
