/* For targets of the client: a socket that it connects has the fuzzer's bytes in it, and then the other end
 * closes. Sockets made after the first bring nothing. */
#ifndef PB_FUZZ_WIRE_H
#define PB_FUZZ_WIRE_H

#include "fuzz.h"

#include <sys/socket.h>

static struct slice fuzz_wire; /* what the next socket brings */

int __wrap_socket(int family, int kind, int protocol);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);

int __wrap_socket(int family, int kind, int protocol)
{
    int pair[2];
    (void)family, (void)kind, (void)protocol;
    CLAIM(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    /* What does not fit into the socket's buffer is lost: inputs are smaller. */
    if (fuzz_wire.n > 0)
        send(pair[1], fuzz_wire.p, fuzz_wire.n, MSG_NOSIGNAL);
    fuzz_wire.n = 0;
    shutdown(pair[1], SHUT_WR);
    /* Open for what the client sends, until this one is closed; nobody reads it. */
    static int other = -1;
    if (other >= 0)
        close(other);
    other = pair[1];
    return pair[0];
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    (void)fd, (void)address, (void)size;
    return 0;
}

#endif
