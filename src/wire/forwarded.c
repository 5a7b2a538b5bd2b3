/* The lists of proxies. They are read from their ends, as only what the last proxy wrote is known to be well
 * formed: what stands before it may be a client's own, made to be misread. */
#include "wire/forwarded.h"

#include "wire/http_line.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* ---- the head ---- */

bool forwarded_find(const char *p, size_t n, struct forwarded *out)
{
    struct slice rest = {p, n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX}, line, name, value;
    out->n = 0;
    out->standard = false;
    do { /* as http_request_parse does */
        if (!http_line_take(&rest, &line))
            return false;
    } while (line.n == 0);
    for (int count = 0;; count++) {
        if (!http_line_take(&rest, &line))
            return false;
        if (line.n == 0 || count >= HTTP_FIELDS_MAX)
            return true;
        if (!http_field_split(line, &name, &value))
            continue;
        bool standard = slice_equal_nocase(name, slice_of("forwarded"));
        if (!standard && !slice_equal_nocase(name, slice_of("x-forwarded-for")))
            continue;
        if (standard && out->n > 0 && !out->standard)
            continue;
        if (!standard && out->standard)
            out->n = 0;
        out->standard = standard;
        out->lines[out->n++] = value;
    }
}

/* ---- lists, from their ends ---- */

/* Is the quote at p[i] escaped? */
static bool is_escaped(const char *p, size_t i)
{
    size_t slashes = 0;
    while (slashes < i && p[i - slashes - 1] == '\\')
        slashes++;
    return slashes % 2 == 1;
}

/* Takes what stands behind the last `mark` that is not quoted; all, where there is none. */
static struct slice last_take(struct slice *list, char mark, bool quotes)
{
    bool quoted = false;
    size_t at = list->n;
    for (; at > 0; at--) {
        char c = list->p[at - 1];
        if (quotes && c == '"' && !is_escaped(list->p, at - 1))
            quoted = !quoted;
        else if (c == mark && !quoted)
            break;
    }
    struct slice last = {list->p + at, list->n - at};
    list->n = at > 0 ? at - 1 : 0;
    return http_trim(last);
}

/* ---- one name ---- */

/* "192.0.2.7", "192.0.2.7:80", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:80". */
static bool node_read(struct slice s, struct sockaddr_storage *out)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    char copy[INET6_ADDRSTRLEN];
    uint64_t port = 0;
    const char *colon = s.n > 0 ? memchr(s.p, ':', s.n) : NULL;
    const char *bracket = s.n > 0 && s.p[0] == '[' ? memchr(s.p, ']', s.n) : NULL;
    const char *last = s.n > 0 ? memrchr(s.p, ':', s.n) : NULL;
    const char *end = s.p + s.n, *from = s.p;
    if (bracket != NULL) {
        if (bracket + 1 < end && bracket[1] != ':')
            return false;
        from++;
        colon = bracket + 1 < end ? bracket + 1 : NULL;
        end = bracket;
    } else if (colon != NULL && colon == last) { /* with several it is IPv6 without a port */
        end = colon;
    } else {
        colon = NULL;
    }
    size_t n = (size_t)(end - from);
    if (n == 0 || n >= sizeof copy || memchr(from, '\0', n) != NULL)
        return false;
    if (colon != NULL &&
        !slice_to_u64((struct slice){colon + 1, (size_t)(s.p + s.n - colon - 1)}, UINT16_MAX, &port))
        port = 0; /* RFC 7239 lets a proxy hide it */
    memcpy(copy, from, n);
    copy[n] = '\0';
    memset(out, 0, sizeof *out);
    if (bracket == NULL && inet_pton(AF_INET, copy, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        return true;
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)port);
    return inet_pton(AF_INET6, copy, &six->sin6_addr) == 1;
}

/* The value of "for" among the pairs of an element, without its quotes; empty when there is none. */
static struct slice for_value(struct slice element)
{
    while (element.n > 0) {
        struct slice pair = last_take(&element, ';', true), value;
        const char *equals = pair.n > 0 ? memchr(pair.p, '=', pair.n) : NULL;
        if (equals == NULL ||
            !slice_equal_nocase((struct slice){pair.p, (size_t)(equals - pair.p)}, slice_of("for")))
            continue;
        value = (struct slice){equals + 1, (size_t)(pair.p + pair.n - equals - 1)};
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
            value = (struct slice){value.p + 1, value.n - 2};
        return value;
    }
    return (struct slice){0};
}

enum forwarded_name forwarded_take(struct forwarded *f, struct sockaddr_storage *out)
{
    while (f->n > 0) {
        struct slice *line = &f->lines[f->n - 1];
        if (line->n == 0) {
            f->n--;
            continue;
        }
        struct slice last = last_take(line, ',', f->standard);
        if (last.n == 0)
            continue; /* an empty element means nothing: RFC 9110, 5.6.1 */
        if (f->standard)
            last = for_value(last);
        return node_read(last, out) ? FORWARDED_ADDRESS : FORWARDED_UNKNOWN;
    }
    return FORWARDED_END;
}
