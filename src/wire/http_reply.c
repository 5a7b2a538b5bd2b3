/* Making the head of a reply, and deciding which bytes go with it. */
#include "wire/http_reply.h"

static const struct status_line {
    int status;
    const char *line; /* also the error's body, with a line end */
} status_lines[] = {
    {200, "200 OK\n"},
    {201, "201 Created\n"},
    {202, "202 Accepted\n"},
    {204, "204 No Content\n"},
    {206, "206 Partial Content\n"},
    {302, "302 Found\n"},
    {304, "304 Not Modified\n"},
    {400, "400 Bad Request\n"},
    {401, "401 Unauthorized\n"},
    {403, "403 Forbidden\n"},
    {404, "404 Not Found\n"},
    {405, "405 Method Not Allowed\n"},
    {408, "408 Request Timeout\n"},
    {409, "409 Conflict\n"},
    {411, "411 Length Required\n"},
    {412, "412 Precondition Failed\n"},
    {413, "413 Content Too Large\n"},
    {414, "414 URI Too Long\n"},
    {416, "416 Range Not Satisfiable\n"},
    {421, "421 Misdirected Request\n"},
    {422, "422 Unprocessable Content\n"},
    {429, "429 Too Many Requests\n"},
    {431, "431 Request Header Fields Too Large\n"},
    {500, "500 Internal Server Error\n"},
    {503, "503 Service Unavailable\n"},
    {505, "505 HTTP Version Not Supported\n"},
    {507, "507 Insufficient Storage\n"},
};

static const char *status_text(int status)
{
    for (size_t i = 0; i < sizeof status_lines / sizeof status_lines[0]; i++) {
        if (status_lines[i].status == status)
            return status_lines[i].line;
    }
    return status_text(500);
}

/* Appending to the plan's head. All our heads fit but for a long Location, which is checked before;
 * head_append cuts rather than overruns. */
static void head_append(struct reply_plan *plan, const char *p, size_t n)
{
    if (n > sizeof plan->head - plan->head_length)
        n = sizeof plan->head - plan->head_length;
    memcpy(plan->head + plan->head_length, p, n);
    plan->head_length = (uint16_t)(plan->head_length + n);
}

static void head_text(struct reply_plan *plan, const char *text)
{
    head_append(plan, text, strlen(text));
}

static void head_number(struct reply_plan *plan, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    head_append(plan, digits + at, sizeof digits - at);
}

static void head_field(struct reply_plan *plan, const char *name, const char *value)
{
    head_text(plan, name);
    head_text(plan, value);
    head_text(plan, "\r\n");
}

/* The status line, Server and Date; and whether the connection goes on. */
static void head_start(const struct http_moment *m, const struct http_request *request, int status,
                       struct reply_plan *plan)
{
    const char *text = status_text(status);
    plan->status = (uint16_t)status;
    plan->refused = status >= 400;
    plan->body = BODY_NONE;
    plan->length = plan->offset = 0;
    plan->head_length = 0;
    plan->seal.from = 0;
    plan->close = request == NULL || !request->keep_alive || request->has_body;
    head_text(plan, "HTTP/1.1 ");
    head_append(plan, text, strlen(text) - 1);
    head_field(plan, "\r\nServer: ", m->server);
    head_field(plan, "Date: ", m->date);
    if (plan->close)
        head_text(plan, "Connection: close\r\n");
    else if (request->minor == 0)
        head_text(plan, "Connection: keep-alive\r\n");
}

/* Whole lines, so that a reply costs one copy. */
static void head_cache(struct reply_plan *plan, enum http_cache cache)
{
    static const struct slice lines[] = {
#define CACHE_LINE(value) {"Cache-Control: " value "\r\n", sizeof "Cache-Control: " value "\r\n" - 1}
        [HTTP_CACHE_UNSAID] = {"", 0},
        [HTTP_CACHE_LASTING] = CACHE_LINE("public, max-age=31536000, immutable"),
        [HTTP_CACHE_BRIEF] = CACHE_LINE("public, max-age=" HTTP_CACHE_SECONDS),
        [HTTP_CACHE_ASK] = CACHE_LINE("no-cache"),
        [HTTP_CACHE_OWN] = CACHE_LINE("private, no-cache"),
        [HTTP_CACHE_NEVER] = CACHE_LINE("no-store"),
#undef CACHE_LINE
    };
    head_append(plan, lines[cache].p, lines[cache].n);
}

static void head_length(struct reply_plan *plan, uint64_t length)
{
    head_text(plan, "Content-Length: ");
    head_number(plan, length);
    head_text(plan, "\r\n");
}

static void head_end(struct reply_plan *plan)
{
    head_text(plan, "\r\n");
}

/* `allow`: the methods that there are; NULL where that is not the point. */
static void status_reply(const struct http_moment *m, const struct http_request *request, int status,
                         const char *allow, struct reply_plan *plan)
{
    const char *text = status_text(status);
    head_start(m, request, status, plan);
    if (allow != NULL)
        head_field(plan, "Allow: ", allow);
    if (status == 401)
        head_field(plan, "WWW-Authenticate: ", "Bearer");
    head_text(plan, "Content-Type: text/plain\r\n");
    head_cache(plan, HTTP_CACHE_NEVER);
    head_length(plan, strlen(text));
    head_end(plan);
    if (request == NULL || request->method != HTTP_HEAD) {
        plan->body = BODY_MEMORY;
        plan->memory = text;
        plan->length = strlen(text);
    }
}

void http_reply_status(const struct http_moment *m, const struct http_request *request, int status,
                       struct reply_plan *plan)
{
    status_reply(m, request, status, status == 405 ? "GET, HEAD" : NULL, plan);
}

void http_reply_method(const struct http_moment *m, const struct http_request *request, const char *allow,
                       struct reply_plan *plan)
{
    status_reply(m, request, 405, allow, plan);
}

void http_reply_text(const struct http_moment *m, const struct http_request *request, int status,
                     const char *type, struct slice text, struct reply_plan *plan)
{
    http_reply_fields(m, request, status, "", type, text, plan);
}

void http_reply_fields(const struct http_moment *m, const struct http_request *request, int status,
                       const char *fields, const char *type, struct slice text, struct reply_plan *plan)
{
    enum { REST = 512 }; /* room for the rest of the head */
    if (strlen(fields) > REPLY_HEAD_MAX - REST) {
        http_reply_status(m, request, 500, plan);
        return;
    }
    head_start(m, request, status, plan);
    head_field(plan, "Content-Type: ", type);
    head_cache(plan, HTTP_CACHE_NEVER);
    head_text(plan, fields);
    head_length(plan, text.n);
    head_end(plan);
    if (request->method == HTTP_HEAD || text.n == 0)
        return;
    plan->body = BODY_MEMORY;
    plan->memory = text.p;
    plan->length = text.n;
}

void http_reply_redirect(const struct http_moment *m, const struct http_request *request,
                         const char *location, enum http_cache cache, struct reply_plan *plan)
{
    enum { REST = 512 }; /* room for the rest of the head */
    if (strlen(location) > REPLY_HEAD_MAX - REST) {
        http_reply_status(m, request, 500, plan);
        return;
    }
    head_start(m, request, 302, plan);
    head_field(plan, "Location: ", location);
    head_cache(plan, cache);
    head_length(plan, 0);
    head_end(plan);
}

void http_reply_stream(const struct http_moment *m, const struct http_request *request, const char *type,
                       struct slice text, struct reply_plan *plan)
{
    struct http_request last = *request;
    last.keep_alive = false;
    head_start(m, &last, 200, plan);
    head_text(plan, "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n");
    head_field(plan, "Content-Type: ", type);
    head_end(plan);
    if (request->method == HTTP_HEAD)
        return;
    plan->body = BODY_MEMORY;
    plan->memory = text.p;
    plan->length = text.n;
}

void http_etag(const struct sha256 *name, char out[HTTP_ETAG])
{
    out[0] = '"';
    hex_encode(name->bytes, 16, out + 1);
    memcpy(out + HTTP_ETAG - 2, "\"", 2);
}

/* Is `etag` in the list? Ours are all strong; `weak` lets W/ on theirs pass. */
static bool etag_listed(struct slice list, const char *etag, bool weak)
{
    struct slice ours = slice_of(etag);
    while (list.n > 0) {
        const char *comma = memchr(list.p, ',', list.n);
        size_t n = comma != NULL ? (size_t)(comma - list.p) : list.n;
        struct slice one = {list.p, n};
        while (one.n > 0 && one.p[0] == ' ')
            one.p++, one.n--;
        while (one.n > 0 && one.p[one.n - 1] == ' ')
            one.n--;
        if (slice_equal(one, (struct slice){"*", 1}))
            return true;
        if (weak && slice_begins(one, (struct slice){"W/", 2}))
            one.p += 2, one.n -= 2;
        if (slice_equal(one, ours))
            return true;
        list.p += n + (comma != NULL);
        list.n -= n + (comma != NULL);
    }
    return false;
}

/* RFC 9110, 13.2.2: 0 go on, 304 or 412. */
static int conditions(const struct http_request *q, const struct http_resource *r)
{
    int64_t when;
    if (q->if_match.p != NULL) {
        if (!etag_listed(q->if_match, r->etag, false))
            return 412;
    } else if (q->if_unmodified_since.p != NULL && r->modified_text != NULL &&
               http_date_parse(q->if_unmodified_since, &when) && r->modified > when) {
        return 412;
    }
    if (q->if_none_match.p != NULL)
        return etag_listed(q->if_none_match, r->etag, true) ? 304 : 0;
    if (q->if_modified_since.p != NULL && r->modified_text != NULL &&
        http_date_parse(q->if_modified_since, &when) && r->modified <= when)
        return 304;
    return 0;
}

enum range_kind { RANGE_NONE, RANGE_ONE, RANGE_NOT_THERE };

/* One range of bytes; several, or anything that we cannot read, count as none (RFC 9110, 14.2). */
static enum range_kind range_parse(struct slice text, uint64_t size, uint64_t *first, uint64_t *length)
{
    uint64_t from = 0, to = 0;
    if (text.n < 7 || !slice_equal_nocase((struct slice){text.p, 6}, slice_of("bytes=")))
        return RANGE_NONE;
    text.p += 6, text.n -= 6;
    const char *dash = memchr(text.p, '-', text.n);
    if (dash == NULL)
        return RANGE_NONE;
    struct slice a = {text.p, (size_t)(dash - text.p)}, b = {dash + 1, text.n - a.n - 1};
    if (a.n > 0 && !slice_to_u64(a, UINT64_MAX, &from))
        return RANGE_NONE;
    if (b.n > 0 && !slice_to_u64(b, UINT64_MAX, &to))
        return RANGE_NONE;
    if (a.n == 0) { /* the last `to` bytes */
        if (b.n == 0)
            return RANGE_NONE;
        if (to == 0 || size == 0)
            return RANGE_NOT_THERE;
        *first = to < size ? size - to : 0;
        *length = size - *first;
        return RANGE_ONE;
    }
    if (b.n > 0 && to < from)
        return RANGE_NONE;
    if (from >= size)
        return RANGE_NOT_THERE;
    *first = from;
    *length = (b.n == 0 || to >= size ? size - 1 : to) - from + 1;
    return RANGE_ONE;
}

/* If-Range: the range counts only while the resource is what the client has the rest of. */
static bool range_still_good(const struct http_request *q, const struct http_resource *r)
{
    int64_t when;
    if (q->if_range.p == NULL)
        return true;
    if (q->if_range.n > 0 && q->if_range.p[0] == '"')
        return slice_equal(q->if_range, slice_of(r->etag));
    return r->modified_text != NULL && http_date_parse(q->if_range, &when) && when == r->modified;
}

static void head_resource(const struct http_resource *r, struct reply_plan *plan)
{
    if (r->modified_text != NULL)
        head_field(plan, "Last-Modified: ", r->modified_text);
    head_field(plan, "ETag: ", r->etag);
    if (r->varies)
        head_text(plan, "Vary: Accept-Encoding\r\n");
    if (r->extra != NULL)
        head_text(plan, r->extra);
}

static void head_content_range(struct reply_plan *plan, uint64_t first, uint64_t length, uint64_t size)
{
    head_text(plan, "Content-Range: bytes ");
    if (length > 0) {
        head_number(plan, first);
        head_text(plan, "-");
        head_number(plan, first + length - 1);
    } else {
        head_text(plan, "*");
    }
    head_text(plan, "/");
    head_number(plan, size);
    head_text(plan, "\r\n");
}

void http_reply_resource(const struct http_moment *m, const struct http_request *request,
                         const struct http_resource *r, struct reply_plan *plan)
{
    uint64_t first = 0, length = r->size;
    enum range_kind range = RANGE_NONE;
    int status = conditions(request, r);
    if (status == 412) {
        http_reply_status(m, request, 412, plan);
        return;
    }
    if (status == 0 && request->method == HTTP_GET && request->range.p != NULL &&
        range_still_good(request, r))
        range = range_parse(request->range, r->size, &first, &length);
    if (range == RANGE_NOT_THERE)
        length = 0;
    if (status == 0)
        status = range == RANGE_ONE ? 206 : range == RANGE_NOT_THERE ? 416 : 200;
    head_start(m, request, status, plan);
    head_resource(r, plan);
    head_cache(plan, range == RANGE_NOT_THERE ? HTTP_CACHE_NEVER : r->cache);
    if (status == 304) {
        head_end(plan);
        return;
    }
    head_field(plan, "Content-Type: ", r->type);
    if (r->encoding != NULL)
        head_field(plan, "Content-Encoding: ", r->encoding);
    head_text(plan, "Accept-Ranges: bytes\r\n");
    if (range != RANGE_NONE)
        head_content_range(plan, first, length, r->size);
    head_length(plan, length);
    head_end(plan);
    plan->object = r->object;
    if (request->method == HTTP_HEAD || length == 0)
        return;
    plan->offset = first;
    plan->length = length;
    plan->object = r->object;
    plan->object_size = r->size;
    plan->body = r->memory != NULL ? BODY_MEMORY : BODY_OBJECT;
    plan->memory = r->memory != NULL ? r->memory + first : NULL;
}
