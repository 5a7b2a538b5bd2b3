/* Listening sockets: one for each loop and address, so that the kernel spreads connections over loops
 * (SO_REUSEPORT). */
#ifndef PB_SERVE_ENGINE_LISTENER_H
#define PB_SERVE_ENGINE_LISTENER_H

#include "base/bytes.h"
#include "base/error.h"

#include <sys/socket.h>

/* Addresses that a server may listen on. */
enum { LISTENERS_MAX = 16 };

struct listen_address {
    struct sockaddr_storage address;
    socklen_t length; /* 0: not known yet (an inherited socket) */
    bool only_v6;     /* [::] leaves IPv4 to another address with the same port */
    int inherited;    /* a listening socket that was passed to this process; 0: none */
};

/* An IPv4 address in the form of an IPv6 one (::ffff:a.b.c.d), as sockets for both have it, becomes an IPv4
 * address. */
void sockaddr_unmap(struct sockaddr_storage *a);

/* Can only this machine reach the address? */
bool listen_address_is_loopback(const struct listen_address *a);

/* Parses "0.0.0.0:2303", "[::]:2303", "127.0.0.1:0", or "fd:3" for an inherited descriptor. PB_INVALID for
 * anything else; host names are not resolved. */
PB_MUST_USE int listen_address_parse(const char *text, struct listen_address *out, struct pb_error *err);
void listen_address_text(const struct listen_address *a, char *out, size_t room);

/* Opens n sockets on the same address. [::] is for IPv4, too, unless only_v6 is set. A port of 0 becomes a
 * free port, which is set in *a. PB_BUSY when a socket listens there already, of another program or of our
 * own. Of an inherited socket each of the n is a duplicate; the inherited one stays open. */
PB_MUST_USE int listeners_open(struct listen_address *a, int *fds, size_t n, struct pb_error *err);

#endif
