/* Listening sockets: one for each thread and address, so that the kernel spreads connections (SO_REUSEPORT).
 */
#ifndef PB_SERVE_ENGINE_LISTENER_H
#define PB_SERVE_ENGINE_LISTENER_H

#include "base/bytes.h"
#include "base/error.h"

#include <sys/socket.h>

/* Addresses that a server may listen on. */
enum { LISTENERS_MAX = 16 };

struct listen_address {
    struct sockaddr_storage address;
    socklen_t length; /* 0: not known yet */
    int inherited;    /* a socket that listens already, from whoever started us; 0: none */
};

/* "0.0.0.0:2303", "[::]:2303", "127.0.0.1:0", or "fd:3" for a descriptor that was handed over. PB_INVALID for
 * anything else; names are not looked up. */
PB_MUST_USE int listen_address_parse(const char *text, struct listen_address *out, struct pb_error *err);
void listen_address_text(const struct listen_address *a, char *out, size_t room);

/*
 * Opens `n` sockets on the same address. A port of 0 becomes a free one, and *a then says which. PB_BUSY when
 * another program listens there; two of our own on one port would share its connections at random, so they
 * are refused too. Of an inherited socket each gets a copy; it stays open.
 */
PB_MUST_USE int listeners_open(struct listen_address *a, int *fds, size_t n, struct pb_error *err);

#endif
