/* Parsing request heads. Strict where framing is concerned: what could be read in two ways is refused. */
#include "wire/http_request.h"

#include "wire/http_line.h"

#include <stddef.h>

static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

/* "http://host/path", which proxies send: takes "http://host" from the target. The authority ends where RFC
 * 3986 (3.2) says, so that no query is read as a path. */
static bool authority_take(struct slice *t, struct slice *authority)
{
    static const char scheme[] = "http://";
    enum { SCHEME = sizeof scheme - 1 };
    if (t->n < SCHEME || !slice_equal_nocase((struct slice){t->p, SCHEME}, slice_of(scheme)))
        return true;
    size_t n = SCHEME;
    while (n < t->n && t->p[n] != '/' && t->p[n] != '?' && t->p[n] != '#')
        n++;
    *authority = (struct slice){t->p + SCHEME, n - SCHEME};
    *t = (struct slice){t->p + n, t->n - n};
    return authority->n > 0; /* RFC 9110, 4.2.1: without a host it is no URL */
}

/* An absolute target without a path means "/". */
static bool target_split(struct http_request *r)
{
    struct slice t = r->target;
    if (!authority_take(&t, &r->authority))
        return false;
    bool absolute = r->authority.n > 0;
    if (!absolute && (t.n == 0 || t.p[0] != '/'))
        return false;
    const char *mark = t.n > 0 ? memchr(t.p, '?', t.n) : NULL;
    r->path = (struct slice){t.p, mark != NULL ? (size_t)(mark - t.p) : t.n};
    if (mark != NULL)
        r->query = (struct slice){mark + 1, t.n - r->path.n - 1};
    if (absolute && (r->path.n == 0 || r->path.p[0] != '/'))
        r->path = slice_of("/");
    return true;
}

static int request_line(struct slice line, struct http_request *r)
{
    const char *first = memchr(line.p, ' ', line.n);
    if (first == NULL)
        return -400;
    r->method_text = (struct slice){line.p, (size_t)(first - line.p)};
    struct slice rest = {first + 1, line.n - r->method_text.n - 1};
    const char *second = memchr(rest.p, ' ', rest.n);
    if (second == NULL || !http_is_token(r->method_text))
        return -400;
    r->target = (struct slice){rest.p, (size_t)(second - rest.p)};
    struct slice version = {second + 1, rest.n - r->target.n - 1};
    if (version.n != 8 || !slice_begins(version, slice_of("HTTP/")) || version.p[6] != '.')
        return -400;
    if (version.p[5] != '1' || version.p[7] < '0' || version.p[7] > '9')
        return -505;
    r->minor = version.p[7] == '0' ? 0 : 1;
    for (size_t i = 0; i < r->target.n; i++) {
        unsigned char c = (unsigned char)r->target.p[i];
        if (c <= 0x20 || c == 0x7f)
            return -400;
    }
    r->method = slice_equal(r->method_text, slice_of("GET"))    ? HTTP_GET
                : slice_equal(r->method_text, slice_of("HEAD")) ? HTTP_HEAD
                                                                : HTTP_OTHER;
    return target_split(r) ? 0 : -400;
}

/* The fields that we read; `once` ones make the request unclear when they come twice. */
static const struct field {
    const char *name;
    size_t length;
    size_t offset;
    bool once;
} fields[] = {
#define FIELD(name, member, once)                                                                            \
    {                                                                                                        \
        name, sizeof(name) - 1, offsetof(struct http_request, member), once                                  \
    }
    FIELD("host", host, true),
    FIELD("user-agent", user_agent, false),
    FIELD("referer", referer, false),
    FIELD("accept-encoding", accept_encoding, false),
    FIELD("content-type", content_type, false),
    FIELD("expect", expect, false),
    FIELD("range", range, true),
    FIELD("if-range", if_range, true),
    FIELD("if-match", if_match, true),
    FIELD("if-none-match", if_none_match, true),
    FIELD("if-modified-since", if_modified_since, true),
    FIELD("if-unmodified-since", if_unmodified_since, true),
    FIELD("authorization", authorization, true),
    FIELD("origin", origin, true),
    FIELD("content-range", content_range, true),
    FIELD("upload-offset", upload_offset, true),
    FIELD("sec-fetch-site", fetch_site, true),
#undef FIELD
};

/* What decides about framing, gathered while the fields go by. */
struct framing {
    struct slice connection;
    struct slice content_length;
    bool transfer_encoding;
};

static int field_framing(struct slice name, struct slice value, struct framing *f)
{
    if (slice_equal_nocase(name, slice_of("connection"))) {
        /* Of several lines the last counts, but a "close" seen once stays. */
        if (f->connection.p == NULL || !http_list_has(f->connection, "close"))
            f->connection = value;
    } else if (slice_equal_nocase(name, slice_of("content-length"))) {
        if (f->content_length.p != NULL)
            return -400;
        f->content_length = value;
    } else if (slice_equal_nocase(name, slice_of("transfer-encoding"))) {
        f->transfer_encoding = true;
    }
    return 0;
}

static int field_line(struct slice line, struct http_request *r, struct framing *f)
{
    struct slice name, value;
    if (!http_field_split(line, &name, &value) || has_control(value))
        return -400; /* also an obsolete line folding, which begins with a space */
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].length != name.n || !slice_equal_nocase(name, (struct slice){fields[i].name, name.n}))
            continue;
        struct slice *at = (struct slice *)((char *)r + fields[i].offset);
        if (at->p != NULL && fields[i].once)
            return -400;
        *at = value;
        return 0;
    }
    return field_framing(name, value, f);
}

static int framing_apply(const struct framing *f, struct http_request *r)
{
    if (r->minor == 1 && r->host.p == NULL)
        return -400;
    if (f->transfer_encoding && (f->content_length.p != NULL || r->minor == 0))
        return -400;
    if (f->content_length.p != NULL && !slice_to_u64(f->content_length, UINT64_MAX, &r->content_length))
        return -400;
    r->transfer_encoding = f->transfer_encoding;
    r->has_body = f->transfer_encoding || r->content_length > 0;
    if (r->has_body && r->method != HTTP_OTHER)
        return -400; /* a GET with a body means nothing, and hides a second request from a proxy */
    r->keep_alive =
        r->minor == 1 ? !http_list_has(f->connection, "close") : http_list_has(f->connection, "keep-alive");
    return 0;
}

int http_request_parse(const char *p, size_t n, struct http_request *out)
{
    struct slice rest = {p, n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX}, line;
    struct framing framing = {0};
    int rc;
    *out = (struct http_request){0};
    do { /* empty lines before a request: RFC 9112 2.2 */
        if (!http_line_take(&rest, &line))
            return n >= HTTP_HEAD_MAX ? -414 : 0;
    } while (line.n == 0);
    if ((rc = request_line(line, out)) < 0)
        return rc;
    for (int count = 0;; count++) {
        if (!http_line_take(&rest, &line))
            return n >= HTTP_HEAD_MAX ? -431 : 0;
        if (line.n == 0)
            break;
        if (count >= HTTP_FIELDS_MAX)
            return -431;
        if ((rc = field_line(line, out, &framing)) < 0)
            return rc;
    }
    if ((rc = framing_apply(&framing, out)) < 0)
        return rc;
    return (int)(rest.p - p);
}

bool http_query_value(struct slice query, const char *key, struct slice *value)
{
    size_t length = strlen(key);
    while (query.n > 0) {
        const char *end = memchr(query.p, '&', query.n);
        size_t n = end != NULL ? (size_t)(end - query.p) : query.n;
        if (n > length && query.p[length] == '=' && memcmp(query.p, key, length) == 0) {
            *value = (struct slice){query.p + length + 1, n - length - 1};
            return true;
        }
        query.p += n + (end != NULL);
        query.n -= n + (end != NULL);
    }
    return false;
}

bool http_accepts(struct slice list, const char *coding)
{
    while (list.n > 0) {
        const char *comma = memchr(list.p, ',', list.n);
        size_t n = comma != NULL ? (size_t)(comma - list.p) : list.n;
        const char *semicolon = memchr(list.p, ';', n);
        size_t name = semicolon != NULL ? (size_t)(semicolon - list.p) : n;
        struct slice weight = {list.p + name, n - name};
        if (slice_equal_nocase(http_trim((struct slice){list.p, name}), slice_of(coding))) {
            /* ";q=0", ";q=0.000": anything but zeros behind the '=' is more than nothing */
            const char *equals = weight.n > 0 ? memchr(weight.p, '=', weight.n) : NULL;
            if (equals == NULL)
                return true;
            for (const char *c = equals + 1; c < weight.p + weight.n; c++) {
                if (*c >= '1' && *c <= '9')
                    return true;
            }
            return false;
        }
        list.p += n + (comma != NULL);
        list.n -= n + (comma != NULL);
    }
    return false;
}

bool http_list_has(struct slice list, const char *token)
{
    while (list.n > 0) {
        const char *comma = memchr(list.p, ',', list.n);
        size_t n = comma != NULL ? (size_t)(comma - list.p) : list.n;
        if (slice_equal_nocase(http_trim((struct slice){list.p, n}), slice_of(token)))
            return true;
        list.p += n + (comma != NULL);
        list.n -= n + (comma != NULL);
    }
    return false;
}
