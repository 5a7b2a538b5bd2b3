/* HTTP/1.0 and 1.1 request heads (RFC 9112): bytes in, values out. No I/O. */
#ifndef PB_WIRE_HTTP_REQUEST_H
#define PB_WIRE_HTTP_REQUEST_H

#include "base/bytes.h"

enum {
    HTTP_HEAD_MAX = 8192, /* of a request: what nginx allows, and far more than any of our clients sends */
    HTTP_FIELDS_MAX = 64,
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

/* All slices point into the bytes that were parsed. A field that was not sent is empty (p is NULL). */
struct http_request {
    enum http_method method;
    struct slice method_text;
    struct slice target; /* as sent */
    struct slice path;   /* not decoded; begins with '/' */
    struct slice query;  /* without the '?' */
    int minor;           /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;
    bool has_body;           /* a body follows: the connection must be closed after the reply */
    bool transfer_encoding;  /* whose length nobody knows beforehand */
    uint64_t content_length; /* 0 when it was not sent */
    struct slice content_type;
    struct slice expect;
    struct slice host;
    struct slice user_agent;
    struct slice referer;
    struct slice accept_encoding;
    struct slice range;
    struct slice if_range;
    struct slice if_match;
    struct slice if_none_match;
    struct slice if_modified_since;
    struct slice if_unmodified_since;
};

/*
 * Parses one head at the start of [p, p + n). Returns its length in bytes, 0 when more bytes are needed, or
 * the negative HTTP status to refuse it with (-400, -414, -431, -505); the connection is then to be closed,
 * as nobody can know where the next request begins. *out may be partly filled for the log even then.
 */
int http_request_parse(const char *p, size_t n, struct http_request *out);

/* The value of a query parameter, still encoded; false when it is not there. The first of several counts. */
bool http_query_value(struct slice query, const char *key, struct slice *value);

/* Does an Accept-Encoding list take this coding (RFC 9110, 12.5.3)? Not when it is named with a weight of 0.
 */
bool http_accepts(struct slice list, const char *coding);

/* Does a comma-separated list have this token (case ignored)? */
bool http_list_has(struct slice list, const char *token);

#endif
