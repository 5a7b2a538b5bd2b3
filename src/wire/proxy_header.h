/* The header of the PROXY protocol, versions 1 and 2: what a load balancer writes in front of a connection's
 * bytes to say whose they are. Bytes in, values out; no I/O. */
#ifndef PB_WIRE_PROXY_HEADER_H
#define PB_WIRE_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Bytes. Version 1 has at most 107; of version 2 haproxy writes about 200 with all that it can add, and a
 * certificate's names some more. */
enum { PROXY_HEADER_MAX = 4096 };

struct proxy_header {
    bool named; /* client and reached are set. Else the connection is the proxy's own, or the proxy does not
                   know whose */
    struct sockaddr_storage client;
    struct sockaddr_storage reached; /* what the client connected to */
};

/* Parses the header at the start of [p, p + n). Returns its length in bytes; 0 when more bytes are needed; -1
 * when there is none, or a faulty or too long one. */
int proxy_header_parse(const char *p, size_t n, struct proxy_header *out);

#endif
