/* Lines, tokens and white space of HTTP/1 heads, for requests and responses alike. Inline, as each request
 * needs them. */
#ifndef PB_WIRE_HTTP_LINE_H
#define PB_WIRE_HTTP_LINE_H

#include "base/bytes.h"

/* tchar of RFC 9110, 5.6.2, a bit for each of the first 128 characters. */
static inline bool http_is_tchar(unsigned char c)
{
    static const uint64_t low = 0x03ff6cfa00000000, high = 0x57ffffffc7fffffe;
    return c < 64 ? low >> c & 1 : c < 128 && (high >> (c - 64) & 1);
}

/* A token of RFC 9110, 5.6.2: at least one tchar. */
static inline bool http_is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!http_is_tchar((unsigned char)s.p[i]))
            return false;
    return s.n > 0;
}

/* Without spaces and tabs at both ends. */
static inline struct slice http_trim(struct slice s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s.p++, s.n--;
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Takes a line off `rest`; false when its end has not come yet. CR LF, or LF alone as RFC 9112, 2.2 permits.
 */
static inline bool http_line_take(struct slice *rest, struct slice *line)
{
    const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
    if (end == NULL)
        return false;
    *line = (struct slice){rest->p, (size_t)(end - rest->p)};
    rest->n -= line->n + 1;
    rest->p = end + 1;
    if (line->n > 0 && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

/* Splits "NAME: VALUE". False when the line is no field. */
static inline bool http_field_split(struct slice line, struct slice *name, struct slice *value)
{
    const char *colon = line.n > 0 ? memchr(line.p, ':', line.n) : NULL;
    if (colon == NULL)
        return false;
    *name = (struct slice){line.p, (size_t)(colon - line.p)};
    *value = http_trim((struct slice){colon + 1, line.n - name->n - 1});
    return http_is_token(*name);
}

#endif
