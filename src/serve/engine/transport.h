/*
 * The transport: how a connection's bytes get in and out. The engine reads and writes through these calls
 * alone, so that TLS can stand behind them. (A PROXY header comes before a transport's first byte:
 * proxied.h.) A transport belongs to a listener; a channel is one connection's use of it, and belongs to the
 * thread of its loop.
 */
#ifndef PB_SERVE_ENGINE_TRANSPORT_H
#define PB_SERVE_ENGINE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct transport;

struct channel {
    const struct transport *transport;
    int fd;       /* non-blocking; registered edge-triggered for reading and writing */
    bool opening; /* a handshake is under way */
    bool stuck;   /* the transport has bytes to send when it is asked to receive */
    void *state;  /* the transport's own */
};

/* Instead of a number of bytes. */
enum {
    CHANNEL_WAIT = -1,   /* nothing can be done now; an event of `fd` tells when it can */
    CHANNEL_BROKEN = -2, /* the connection is of no use any more */
};

struct transport {
    /* `fd` was accepted. False: it can't be used. Takes `fd` over when it succeeds. */
    bool (*open)(struct channel *c, int fd);
    /* Returns how many bytes were read, 0 at the peer's end, or CHANNEL_... */
    ssize_t (*receive)(struct channel *c, char *p, size_t n);
    /* Sends `head` and then `body`, in one call where that is possible; either may be empty. `more`: further
     * bytes follow at once. Returns how many bytes of both were taken, or CHANNEL_... */
    ssize_t (*send)(struct channel *c, const char *head, size_t head_n, const char *body, size_t body_n,
                    bool more);
    /* Sends up to n bytes of a file from `offset`. Returns how many were taken, 0 where the file is shorter,
     * or CHANNEL_... */
    ssize_t (*send_file)(struct channel *c, int file, uint64_t offset, size_t n);
    /* Nothing more is sent: tells the peer so. Receiving goes on. */
    void (*end)(struct channel *c);
    /* `reset`: what the peer has not taken yet is thrown away. */
    void (*close)(struct channel *c, bool reset);
    /* Bytes that were taken from us, and the peer has not acknowledged. Negative: not known. */
    int64_t (*unsent)(const struct channel *c);
    /* Our address, as the client reached it. */
    bool (*reached)(const struct channel *c, struct sockaddr_storage *out);
};

/* TCP as it is. */
extern const struct transport plain_transport;

#endif
