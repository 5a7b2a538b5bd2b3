/* Upload-Offset is of the IETF's draft of resumable uploads; Content-Range is what `curl -T FILE -C OFFSET`
 * sends. */
#include "wire/http_upload.h"

#define SIZE_MOST ((uint64_t)INT64_MAX) /* what a file's offset can say */

/* "bytes FIRST-LAST/SIZE"; SIZE may be '*'. */
static bool content_range_parse(struct slice text, uint64_t size, uint64_t length, uint64_t *from)
{
    static const char unit[] = "bytes ";
    enum { UNIT = sizeof unit - 1 };
    uint64_t last, all;
    if (text.n < UNIT || !slice_equal_nocase((struct slice){text.p, UNIT}, slice_of(unit)))
        return false;
    text = (struct slice){text.p + UNIT, text.n - UNIT};
    const char *dash = memchr(text.p, '-', text.n), *slash = memchr(text.p, '/', text.n);
    if (dash == NULL || slash == NULL || slash < dash)
        return false;
    struct slice a = {text.p, (size_t)(dash - text.p)}, b = {dash + 1, (size_t)(slash - dash - 1)};
    struct slice of = {slash + 1, text.n - (size_t)(slash + 1 - text.p)};
    if (!slice_to_u64(a, SIZE_MOST, from) || !slice_to_u64(b, SIZE_MOST, &last) || last < *from ||
        last - *from + 1 != length)
        return false;
    return slice_equal(of, slice_of("*")) || (slice_to_u64(of, SIZE_MOST, &all) && all == size);
}

int http_upload_place(const struct http_request *r, uint64_t size, uint64_t *from)
{
    uint64_t by_range = 0;
    *from = 0;
    if (r->upload_offset.p != NULL && !slice_to_u64(r->upload_offset, SIZE_MOST, from))
        return 400;
    if (r->content_range.p != NULL) {
        if (!content_range_parse(r->content_range, size, r->content_length, &by_range) ||
            (r->upload_offset.p != NULL && by_range != *from))
            return 400;
        *from = by_range;
    }
    return *from > size || r->content_length > size - *from ? 413 : 0;
}

static int hex_of(char c)
{
    c = ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int http_form_value(struct slice form, const char *key, char *out, size_t room)
{
    struct slice v;
    size_t n = 0;
    if (!http_query_value(form, key, &v))
        return 0;
    for (size_t i = 0; i < v.n; i++) {
        int c = (unsigned char)v.p[i];
        if (c == '%') {
            int high = v.n - i > 2 ? hex_of(v.p[i + 1]) : -1, low = high >= 0 ? hex_of(v.p[i + 2]) : -1;
            if (low < 0)
                return -1;
            c = high * 16 + low;
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c == '\0' || n + 1 >= room)
            return -1;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return 1;
}
