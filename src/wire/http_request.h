/* HTTP/1.0 and 1.1 request heads (RFC 9112): bytes in, values out. No I/O. */
#ifndef PB_WIRE_HTTP_REQUEST_H
#define PB_WIRE_HTTP_REQUEST_H

#include "base/bytes.h"

enum {
    HTTP_HEAD_MAX = 8192, /* bytes; nginx' limit, and far more than a game's client sends */
    HTTP_FIELDS_MAX = 64,
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

/* All slices are borrowed from the parsed bytes, or static. A field that was not sent is empty, with p NULL.
 */
struct http_request {
    enum http_method method;
    struct slice method_text;
    struct slice target;    /* as sent */
    struct slice authority; /* of an absolute target, such as proxies send: it goes before `host` */
    struct slice path;      /* not decoded; begins with '/' */
    struct slice query;     /* without the '?' */
    int minor;              /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;
    bool has_body;           /* a body follows: the connection must be closed after the reply */
    bool transfer_encoding;  /* the body's length is not known beforehand */
    uint64_t content_length; /* 0 also when it was not sent */
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
    struct slice authorization;
    struct slice origin;
    struct slice content_range;
    struct slice upload_offset;
    struct slice fetch_site; /* Sec-Fetch-Site */
};

/*
 * Parses the head at the start of [p, p + n). Returns its length in bytes; 0 when more bytes are needed; or
 * the negated HTTP status to refuse it with (-400, -414, -431, -505). After a refusal the connection must be
 * closed, as the start of the next request is unknown; *out is filled in as far as parsing came, for the log.
 */
int http_request_parse(const char *p, size_t n, struct http_request *out);

/* Finds the first query parameter `key`; *value is still percent-encoded. False: there is none. */
bool http_query_value(struct slice query, const char *key, struct slice *value);

/* True when an Accept-Encoding list accepts this coding (RFC 9110, 12.5.3); a weight of 0 refuses it. */
bool http_accepts(struct slice list, const char *coding);

/* True when a comma-separated list contains this token, in any case. */
bool http_list_has(struct slice list, const char *token);

#endif
