/* HTTP replies: from a resource and a request to a reply plan, with ranges and conditions (RFC 9110). No I/O.
 */
#ifndef PB_WIRE_HTTP_REPLY_H
#define PB_WIRE_HTTP_REPLY_H

#include "plan/reply.h"
#include "wire/http_date.h"
#include "wire/http_request.h"

/* Something that can be served. Owned by the site. */
struct http_resource {
    const char *type;     /* Content-Type */
    const char *etag;     /* with its quotes */
    const char *encoding; /* Content-Encoding; NULL: none */
    bool varies;          /* with the request's Accept-Encoding */
    int64_t modified;     /* Unix seconds */
    const char
        *modified_text; /* the same, as http_date_format makes it; NULL: not known, dates are ignored */
    const char *memory; /* the body, or NULL: */
    const struct sha256 *object;
    uint64_t size;
};

/* What every reply needs to know besides. */
struct http_moment {
    const char *server; /* Server: header */
    const char *date;   /* of now, as http_date_format makes it */
};

/* 200, 206, 304, 412 or 416. `request` is a GET or a HEAD. */
void http_reply_resource(const struct http_moment *m, const struct http_request *request,
                         const struct http_resource *resource, struct reply_plan *plan);

/* An error (or any status without a resource), with one line of text as its body; closes where `request` says
 * so, or where it is NULL. 405 names the methods that we have. */
void http_reply_status(const struct http_moment *m, const struct http_request *request, int status,
                       struct reply_plan *plan);

/* 405 for a resource that takes other methods than GET and HEAD alone. */
void http_reply_method(const struct http_moment *m, const struct http_request *request, const char *allow,
                       struct reply_plan *plan);

/* Text that is made anew for each request: no part of it, no condition on it, and nobody is to keep it. */
void http_reply_text(const struct http_moment *m, const struct http_request *request, int status,
                     const char *type, struct slice text, struct reply_plan *plan);

/* 302 with Content-Length: 0. A location that does not fit becomes a 500. */
void http_reply_redirect(const struct http_moment *m, const struct http_request *request,
                         const char *location, struct reply_plan *plan);

/* "abcd…" in quotes from an object's name; needs HTTP_ETAG bytes. */
enum { HTTP_ETAG = 2 * 16 + 3 };
void http_etag(const struct sha256 *name, char out[HTTP_ETAG]);

#endif
