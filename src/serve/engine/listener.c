/* Opening listening sockets. */
#include "serve/engine/listener.h"

#include "base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

int listen_address_parse(const char *text, struct listen_address *out, struct pb_error *err)
{
    char host[64];
    uint64_t port;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&out->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->address;
    const char *colon = strrchr(text, ':');
    size_t n = colon != NULL ? (size_t)(colon - text) : 0;
    memset(out, 0, sizeof *out);
    if (strncmp(text, "fd:", 3) == 0 && slice_to_u64(slice_of(text + 3), 65535, &port) && port > 2) {
        out->inherited = (int)port;
        return PB_OK;
    }
    if (n > 0 && n < sizeof host && slice_to_u64(slice_of(colon + 1), 65535, &port)) {
        bool brackets = n > 2 && text[0] == '[' && text[n - 1] == ']';
        snprintf(host, sizeof host, "%.*s", (int)(brackets ? n - 2 : n), text + brackets);
        if (brackets && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
            v6->sin6_family = AF_INET6;
            v6->sin6_port = htons((uint16_t)port);
            out->length = sizeof *v6;
            return PB_OK;
        }
        if (!brackets && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
            v4->sin_family = AF_INET;
            v4->sin_port = htons((uint16_t)port);
            out->length = sizeof *v4;
            return PB_OK;
        }
    }
    return error_set(err, PB_INVALID, "%s is not ADDRESS:PORT, such as 0.0.0.0:2303 or [::]:2303", text);
}

void listen_address_text(const struct listen_address *a, char *out, size_t room)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (a->length == 0) {
        snprintf(out, room, "fd:%d", a->inherited);
        return;
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->address;
    if (a->address.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
        snprintf(out, room, "[%s]:%u", host, ntohs(v6->sin6_port));
    } else {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        snprintf(out, room, "%s:%u", host, ntohs(v4->sin_port));
    }
}

void sockaddr_unmap(struct sockaddr_storage *a)
{
    struct sockaddr_in6 six;
    if (a->ss_family != AF_INET6)
        return;
    memcpy(&six, a, sizeof six);
    if (!IN6_IS_ADDR_V4MAPPED(&six.sin6_addr))
        return;
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = six.sin6_port};
    memcpy(&four.sin_addr, six.sin6_addr.s6_addr + 12, sizeof four.sin_addr);
    memset(a, 0, sizeof *a);
    memcpy(a, &four, sizeof four);
}

bool listen_address_is_loopback(const struct listen_address *a)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->address;
    if (a->length == 0)
        return false;
    return a->address.ss_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)
                                            : ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static int option_put(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

static int option_set(int fd, int level, int option)
{
    return option_put(fd, level, option, 1);
}

static int listener_open(const struct listen_address *a, bool shared)
{
    int fd = socket(a->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (option_set(fd, SOL_SOCKET, SO_REUSEADDR) != 0 ||
        (shared && option_set(fd, SOL_SOCKET, SO_REUSEPORT) != 0) ||
        (a->address.ss_family == AF_INET6 && option_put(fd, IPPROTO_IPV6, IPV6_V6ONLY, a->only_v6) != 0) ||
        /* inherited by accepted sockets; head and body leave together anyway */
        option_set(fd, IPPROTO_TCP, TCP_NODELAY) != 0 ||
        bind(fd, (const struct sockaddr *)&a->address, a->length) != 0 ||
        (shared && listen(fd, SOMAXCONN) != 0)) {
        fd_close(&fd);
        return -1;
    }
    return fd;
}

static int open_error(const struct listen_address *a, struct pb_error *err)
{
    char text[80];
    int number = errno;
    listen_address_text(a, text, sizeof text);
    if (number == EADDRINUSE)
        return error_set(err, PB_BUSY,
                         "listen on %s: another program listens there, or the address is given twice", text);
    return error_errno(err, number, "listen on %s", text);
}

/* Copies of a socket that somebody else opened and listens on. */
static int listeners_inherit(struct listen_address *a, int *fds, size_t n, struct pb_error *err)
{
    int listens = 0, from = a->inherited;
    socklen_t size = sizeof listens;
    a->length = sizeof a->address;
    if (getsockopt(from, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens ||
        getsockname(from, (struct sockaddr *)&a->address, &a->length) != 0 ||
        (a->address.ss_family != AF_INET && a->address.ss_family != AF_INET6))
        return error_set(err, PB_INVALID, "fd:%d is not a TCP socket that listens", from);
    option_set(from, IPPROTO_TCP, TCP_NODELAY);
    if (fcntl(from, F_SETFL, fcntl(from, F_GETFL) | O_NONBLOCK) != 0)
        return error_errno(err, errno, "fd:%d", from);
    for (size_t i = 0; i < n; i++) {
        fds[i] = fcntl(from, F_DUPFD_CLOEXEC, 3);
        if (fds[i] < 0) {
            int rc = error_errno(err, errno, "fd:%d", from);
            while (i-- > 0)
                fd_close(&fds[i]);
            return rc;
        }
    }
    return PB_OK;
}

int listeners_open(struct listen_address *a, int *fds, size_t n, struct pb_error *err)
{
    if (a->inherited > 0)
        return listeners_inherit(a, fds, n, err);
    /* Bound without SO_REUSEPORT first: that fails where anybody listens, even another server of ours. */
    int probe = listener_open(a, false);
    if (probe < 0)
        return open_error(a, err);
    getsockname(probe, (struct sockaddr *)&a->address, &a->length);
    close(probe);
    for (size_t i = 0; i < n; i++) {
        fds[i] = listener_open(a, true);
        if (fds[i] < 0) {
            int rc = open_error(a, err);
            while (i-- > 0)
                fd_close(&fds[i]);
            return rc;
        }
    }
    return PB_OK;
}
