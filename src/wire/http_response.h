/* HTTP/1.0 and 1.1 response heads (RFC 9112), as far as a client of static files needs them: bytes in, values
 * out. No I/O. */
#ifndef PB_WIRE_HTTP_RESPONSE_H
#define PB_WIRE_HTTP_RESPONSE_H

#include "base/bytes.h"

enum { HTTP_RESPONSE_HEAD_MAX = 16 * 1024 }; /* bytes */

struct http_response {
    int status;
    bool length_known; /* the body has `length` bytes; else it is chunked, or ends with the connection */
    uint64_t length;
    bool closes;         /* the server closes the connection behind this response */
    bool range_known;    /* a Content-Range: the body starts at `range_from` */
    uint64_t range_from; /* bytes */
    bool retry_known;    /* a Retry-After */
    uint64_t retry_seconds;
    int64_t retry_at; /* Unix seconds, where it is a date; else 0 */
};

/* Parses the head at the start of `bytes`, the answer to a GET. Returns its length in bytes; 0 when more
 * bytes are needed; -1 when this is no response, its framing is ambiguous or its head is too long. */
int http_response_parse(struct slice bytes, struct http_response *out);

#endif
