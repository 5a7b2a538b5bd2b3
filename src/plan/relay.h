/* Relaying a request to an upstream server: which server, and what is sent to it. Plain values. */
#ifndef PB_PLAN_RELAY_H
#define PB_PLAN_RELAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The upstream server. Owned by a dialect's settings. */
struct relay_target {
    struct sockaddr_storage address;
    socklen_t address_length;
    const char *host;   /* the Host header: as configured, with its port */
    const char *prefix; /* prepended to paths: "", or "/community" */
};

/* One allocation; freed with relay_request_free. */
struct relay_request {
    const struct relay_target *target;
    /* Checks the start of the answer. Returns the length of its head when the answer may go to the client; 0:
     * more bytes are needed; -1: the answer is refused. */
    int (*accept)(const char *p, size_t n);
    const char *greeting; /* sent to a client that waits for it before it sends its body; NULL: none */
    uint64_t body;        /* bytes of the client's body, which are passed on */
    size_t head_length;
    char head[]; /* the head to send upstream */
};

/* The head may hold a player's password. q may be NULL. */
static inline void relay_request_free(struct relay_request *q)
{
    if (q != NULL)
        explicit_bzero(q, sizeof *q + q->head_length);
    free(q);
}

#endif
