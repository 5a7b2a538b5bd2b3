/* Parsing response heads. What could be read in two ways is refused, as in requests. */
#include "wire/http_response.h"

#include "wire/http_date.h"
#include "wire/http_line.h"
#include "wire/http_request.h"

struct framing {
    struct slice content_length;
    bool transfer_encoding;
};

/* "HTTP/1.1 200 OK" */
static bool status_line(struct slice line, struct http_response *r, int *minor)
{
    static const char mark[] = "HTTP/1.";
    enum { MARK = sizeof mark - 1, LEAST = MARK + 5 };
    uint64_t status;
    if (line.n < LEAST || memcmp(line.p, mark, MARK) != 0 || (line.p[MARK] != '0' && line.p[MARK] != '1') ||
        line.p[MARK + 1] != ' ' || (line.n > LEAST && line.p[LEAST] != ' '))
        return false;
    *minor = line.p[MARK] - '0';
    if (!slice_to_u64((struct slice){line.p + MARK + 2, 3}, 999, &status) || status < 100)
        return false;
    r->status = (int)status;
    return true;
}

/* "bytes 100-199/200": its first number. */
static void range_parse(struct slice value, struct http_response *r)
{
    struct slice unit = slice_of("bytes ");
    if (value.n <= unit.n || !slice_equal_nocase((struct slice){value.p, unit.n}, unit))
        return;
    const char *first = value.p + unit.n, *dash = memchr(first, '-', value.n - unit.n);
    r->range_known = dash != NULL &&
                     slice_to_u64((struct slice){first, (size_t)(dash - first)}, UINT64_MAX, &r->range_from);
}

static bool name_is(struct slice name, const char *wanted)
{
    return slice_equal_nocase(name, slice_of(wanted));
}

static bool field_take(struct slice line, struct http_response *r, struct framing *f)
{
    struct slice name, value;
    if (!http_field_split(line, &name, &value))
        return false;
    if (name_is(name, "content-length")) {
        if (f->content_length.p != NULL && !slice_equal(f->content_length, value))
            return false;
        f->content_length = value;
    } else if (name_is(name, "connection")) {
        r->closes = http_list_has(value, "close") || (r->closes && !http_list_has(value, "keep-alive"));
    } else if (name_is(name, "transfer-encoding")) {
        f->transfer_encoding = true;
    } else if (name_is(name, "content-range")) {
        range_parse(value, r);
    } else if (name_is(name, "retry-after")) {
        r->retry_known =
            slice_to_u64(value, UINT32_MAX, &r->retry_seconds) || http_date_parse(value, &r->retry_at);
    }
    return true;
}

static bool framing_apply(const struct framing *f, struct http_response *r)
{
    if (f->transfer_encoding)
        return f->content_length.p == NULL;
    if (r->status == 204 || r->status == 304) {
        r->length_known = true; /* there is no body, whatever the fields say */
        return true;
    }
    r->length_known = f->content_length.p != NULL;
    return !r->length_known || slice_to_u64(f->content_length, UINT64_MAX, &r->length);
}

int http_response_parse(struct slice bytes, struct http_response *out)
{
    struct slice rest = bytes, line;
    struct framing f = {0};
    int minor = 1, incomplete = bytes.n >= HTTP_RESPONSE_HEAD_MAX ? -1 : 0;
    *out = (struct http_response){0};
    if (!http_line_take(&rest, &line))
        return incomplete;
    if (!status_line(line, out, &minor))
        return -1;
    out->closes = minor == 0;
    while (http_line_take(&rest, &line)) {
        if (line.n == 0) {
            size_t length = bytes.n - rest.n;
            return length <= HTTP_RESPONSE_HEAD_MAX && framing_apply(&f, out) ? (int)length : -1;
        }
        if (!field_take(line, out, &f))
            return -1;
    }
    return incomplete;
}
