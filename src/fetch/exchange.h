/* One request over HTTP with a body of its own, and its answer: for talking to a server's admin address. */
#ifndef PB_FETCH_EXCHANGE_H
#define PB_FETCH_EXCHANGE_H

#include "fetch/net.h"

enum { EXCHANGE_LOCATION_MAX = 256 };

struct exchange_request {
    const char *method;
    const char *url;
    const char *const *fields; /* "Name: value"; ends with NULL; may be NULL */
    struct slice body;         /* in memory */
    int fd; /* else, with `length`: bytes of this file from `from` on, and progress counts them */
    uint64_t from, length;
};

struct exchange_answer {
    long status;
    char location[EXCHANGE_LOCATION_MAX]; /* "": there is none */
    bool has_offset;
    uint64_t offset;     /* Upload-Offset */
    struct buffer *text; /* the caller's; gets the body; its ceiling is the limit */
};

/* One attempt, without redirects. PB_OK: an answer has come, whatever its status. PB_NETWORK: another attempt
 * may help; PB_INVALID: no URL, or an answer that is too large; PB_CANCELLED. */
PB_MUST_USE int net_exchange(struct net *n, const struct exchange_request *request,
                             struct exchange_answer *answer, struct pb_error *err);

#endif
