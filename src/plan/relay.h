/* Handing a request to another server: which one, and what it gets. Plain values. */
#ifndef PB_PLAN_RELAY_H
#define PB_PLAN_RELAY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Owned by a dialect's settings. */
struct relay_target {
    struct sockaddr_storage address;
    socklen_t address_length;
    const char *host;   /* as it was configured, with its port: what the server is called */
    const char *prefix; /* of its paths: "", or "/community" */
};

/* From malloc, in one piece. */
struct relay_request {
    const struct relay_target *target;
    /* Looks at the beginning of the answer. The length of its head when the client may have it; 0: more bytes
     * are needed; -1: it may not. */
    int (*accept)(const char *p, size_t n);
    const char *greeting; /* the client waits for this before it sends the rest; NULL: it does not */
    uint64_t body;        /* bytes of the client's request that follow its head, and are passed on */
    size_t head_length;
    char head[]; /* what the other server gets first */
};

#endif
