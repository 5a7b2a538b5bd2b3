/* The head of a request that is handed on, made anew: of what the client sent only the target, User-Agent and
 * what describes the body go along, so nothing that a client makes up can change how the other server reads
 * it. */
#include "wire/http_relay.h"

enum {
    HEAD_MAX = HTTP_HEAD_MAX + 1024
}; /* the client's; the target's host and prefix, 512 bytes at most; and what we add */

int http_relay_refusal(const struct http_request *request)
{
    return request->transfer_encoding ? 411 : request->content_length > HTTP_RELAY_BODY_MAX ? 413 : 0;
}

static void put(struct buffer *b, struct slice s)
{
    buffer_append(b, s.p, s.n);
}

static void put_field(struct buffer *b, const char *name, struct slice value)
{
    if (value.n == 0)
        return;
    buffer_text(b, name);
    put(b, value);
    buffer_text(b, "\r\n");
}

static void head_write(const struct http_request *r, const struct relay_target *t, const char *client,
                       struct buffer *b)
{
    put(b, r->method_text);
    buffer_text(b, " ");
    buffer_text(b, t->prefix);
    put(b, r->path);
    if (r->query.p != NULL) {
        buffer_text(b, "?");
        put(b, r->query);
    }
    buffer_text(b, " HTTP/1.0\r\n");
    put_field(b, "Host: ", slice_of(t->host));
    put_field(b, "User-Agent: ", r->user_agent);
    put_field(b, "Content-Type: ", r->content_type);
    if (r->method == HTTP_OTHER)
        buffer_format(b, "Content-Length: %llu\r\n", (unsigned long long)r->content_length);
    put_field(b, "X-Forwarded-For: ", slice_of(client));
    buffer_text(b, "Connection: close\r\n\r\n");
}

struct relay_request *http_relay_request(const struct http_request *request,
                                         const struct relay_target *target, const char *client)
{
    _cleanup_buffer_ struct buffer head;
    buffer_init(&head, HEAD_MAX);
    head.secret = true;
    head_write(request, target, client, &head);
    struct relay_request *out = head.failed ? NULL : malloc(sizeof *out + head.n);
    if (out == NULL)
        return NULL;
    bool waits = request->minor > 0 && request->content_length > 0 &&
                 slice_equal_nocase(request->expect, slice_of("100-continue"));
    *out = (struct relay_request){.target = target,
                                  .accept = http_relay_accept,
                                  .greeting = waits ? "HTTP/1.1 100 Continue\r\n\r\n" : NULL,
                                  .body = request->content_length,
                                  .head_length = head.n};
    memcpy(out->head, head.p, head.n);
    return out;
}

int http_relay_accept(const char *p, size_t n)
{
    static const char wanted[] = "HTTP/1.? 200";
    for (size_t i = 0; i < n && i < sizeof wanted - 1; i++) {
        if (wanted[i] == '?' ? p[i] < '0' || p[i] > '9' : p[i] != wanted[i])
            return -1;
    }
    if (n >= sizeof wanted && p[sizeof wanted - 1] >= '0' && p[sizeof wanted - 1] <= '9')
        return -1;
    const char *end = p + n;
    for (const char *line = p; (line = memchr(line, '\n', (size_t)(end - line))) != NULL;) {
        line++;
        if (end - line >= 1 && line[0] == '\n')
            return (int)(line + 1 - p);
        if (end - line >= 2 && line[0] == '\r' && line[1] == '\n')
            return (int)(line + 2 - p);
    }
    return 0;
}
