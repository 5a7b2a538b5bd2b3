/* HTTP replies: makes reply plans of a resource and a request, with ranges and conditions (RFC 9110). No I/O.
 */
#ifndef PB_WIRE_HTTP_REPLY_H
#define PB_WIRE_HTTP_REPLY_H

#include "plan/reply.h"
#include "wire/http_date.h"
#include "wire/http_request.h"

/* What caches may do with a reply: its Cache-Control. docs/operations.md, "Caches", has the reasons. */
enum http_cache {
    HTTP_CACHE_UNSAID,  /* the reply has no such line */
    HTTP_CACHE_LASTING, /* the URL stands for these bytes for ever */
    HTTP_CACHE_BRIEF,   /* for HTTP_CACHE_SECONDS: nothing breaks when a list is so old */
    HTTP_CACHE_ASK,     /* may be kept, but not used without asking us */
    HTTP_CACHE_OWN,     /* the same, and only by the client itself */
    HTTP_CACHE_NEVER,   /* must not be kept */
};
#define HTTP_CACHE_SECONDS "60"

/* A resource. What it points to is owned by the site. */
struct http_resource {
    const char *type;     /* Content-Type */
    const char *etag;     /* with its quotes */
    const char *encoding; /* Content-Encoding; NULL: none */
    bool varies;          /* with the request's Accept-Encoding */
    enum http_cache cache;
    const char *extra; /* further lines of the head, each with its CR LF; NULL: none */
    int64_t modified;  /* Unix seconds */
    const char
        *modified_text; /* the same as an HTTP date; NULL: not known, conditions with dates are ignored */
    const char *memory; /* the body; NULL: it is `object` */
    const struct sha256 *object;
    uint64_t size;
};

/* What every reply says of the server. */
struct http_moment {
    const char *server; /* Server: header */
    const char *date;   /* the present, as an HTTP date */
};

/* Replies with status 200, 206, 304, 412 or 416. `request` must be a GET or a HEAD. */
void http_reply_resource(const struct http_moment *m, const struct http_request *request,
                         const struct http_resource *resource, struct reply_plan *plan);

/* Replies with a status and one line of text: for errors. The connection closes as `request` demands, and if
 * it is NULL. No cache may keep it. A 405 lists GET and HEAD. */
void http_reply_status(const struct http_moment *m, const struct http_request *request, int status,
                       struct reply_plan *plan);

/* Replies with 405 for a resource that has other methods than GET and HEAD; `allow` lists them. */
void http_reply_method(const struct http_moment *m, const struct http_request *request, const char *allow,
                       struct reply_plan *plan);

/* Replies with text that was made for this request: no ranges, no conditions, Cache-Control: no-store. */
void http_reply_text(const struct http_moment *m, const struct http_request *request, int status,
                     const char *type, struct slice text, struct reply_plan *plan);

/* The same with further fields in the head, such as "Retry-After: 1\r\n". What does not fit into the head
 * makes it a 500. */
void http_reply_fields(const struct http_moment *m, const struct http_request *request, int status,
                       const char *fields, const char *type, struct slice text, struct reply_plan *plan);

/* Replies with 302. A location that does not fit into the head makes it a 500. */
void http_reply_redirect(const struct http_moment *m, const struct http_request *request,
                         const char *location, enum http_cache cache, struct reply_plan *plan);

/* Replies with 200 and the beginning of a text that goes on until the connection ends. */
void http_reply_stream(const struct http_moment *m, const struct http_request *request, const char *type,
                       struct slice text, struct reply_plan *plan);

/* The ETag of an object: hex digits in quotes. */
enum { HTTP_ETAG = 2 * 16 + 3 };
void http_etag(const struct sha256 *name, char out[HTTP_ETAG]);

#endif
