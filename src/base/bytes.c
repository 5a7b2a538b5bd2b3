/* Slices, the buffer with a ceiling, and hex. */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>

bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (a.p[i] != b.p[i] && ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    }
    return true;
}

bool slice_ends_nocase(struct slice a, struct slice end)
{
    return a.n >= end.n && slice_equal_nocase((struct slice){a.p + a.n - end.n, end.n}, end);
}

bool slice_begins(struct slice a, struct slice begin)
{
    return a.n >= begin.n && memcmp(a.p, begin.p, begin.n) == 0;
}

bool slice_to_u64(struct slice text, uint64_t max, uint64_t *value)
{
    if (text.n == 0 || text.n > 20)
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text.p[i] - '0');
        if (v > (max - digit) / 10 || digit > max)
            return false;
        v = v * 10 + digit;
    }
    *value = v;
    return true;
}

bool slice_to_bytes(struct slice text, uint64_t max, uint64_t *value)
{
    static const char units[] = "kmgt";
    const char *unit = text.n > 1 ? memchr(units, ascii_lower(text.p[text.n - 1]), 4) : NULL;
    unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
    if (shift > 0)
        text.n--;
    if (!slice_to_u64(text, max >> shift, value))
        return false;
    *value <<= shift;
    return true;
}

bool slice_to_seconds(struct slice text, uint64_t max, uint64_t *value)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    uint64_t factor = 1;
    for (size_t i = 0; text.n > 1 && i < sizeof units / sizeof units[0]; i++) {
        if (text.p[text.n - 1] == units[i].unit) {
            factor = units[i].seconds;
            text.n--;
            break;
        }
    }
    if (!slice_to_u64(text, max / factor, value))
        return false;
    *value *= factor;
    return true;
}

void buffer_init(struct buffer *b, size_t ceiling)
{
    *b = (struct buffer){.ceiling = ceiling};
}

void secret_free(void *p, size_t n)
{
    if (p != NULL)
        explicit_bzero(p, n);
    free(p);
}

void buffer_free(struct buffer *b)
{
    secret_free(b->p, b->secret ? b->room : 0);
    *b = (struct buffer){0};
}

/* As realloc, which would leave the old bytes behind when it moves them. */
static char *secret_grow(struct buffer *b, size_t room)
{
    char *p = malloc(room);
    if (p == NULL)
        return NULL;
    if (b->n > 0)
        memcpy(p, b->p, b->n);
    secret_free(b->p, b->room);
    return p;
}

static bool buffer_reserve(struct buffer *b, size_t more)
{
    if (b->failed || more > b->ceiling - b->n) {
        b->failed = true;
        return false;
    }
    if (b->room >= b->n + more + 1)
        return true;
    size_t room = b->room < 256 ? 256 : b->room * 2;
    if (room < b->n + more + 1)
        room = b->n + more + 1;
    char *p = b->secret ? secret_grow(b, room) : realloc(b->p, room);
    if (p == NULL) {
        b->failed = b->starved = true;
        return false;
    }
    b->p = p;
    b->room = room;
    return true;
}

bool buffer_append(struct buffer *b, const void *p, size_t n)
{
    if (!buffer_reserve(b, n))
        return false;
    if (n > 0)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
    return true;
}

bool buffer_text(struct buffer *b, const char *text)
{
    return buffer_append(b, text, strlen(text));
}

bool buffer_format(struct buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !buffer_reserve(b, (size_t)n)) {
        b->failed = true;
        return false;
    }
    va_start(args, format);
    vsnprintf(b->p + b->n, (size_t)n + 1, format, args);
    va_end(args);
    b->n += (size_t)n;
    return true;
}

uint32_t hash_more(uint32_t h, struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (uint8_t)text.p[i]) * 16777619u;
    return h;
}

void hex_encode(const void *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[p[i] >> 4];
        *out++ = digits[p[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool hex_decode(struct slice hex, void *out, size_t n)
{
    if (hex.n != 2 * n)
        return false;
    uint8_t *p = out;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(hex.p[2 * i]), low = hex_digit(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        p[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

int percent_decode(struct slice text, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (n >= room)
            return -1;
        char c = text.p[i];
        if (c == '%') {
            if (text.n - i < 3 || !hex_decode((struct slice){text.p + i + 1, 2}, &c, 1))
                return -1;
            i += 2;
        }
        if (c == '\0') /* what is decoded becomes a text */
            return -1;
        out[n++] = c;
    }
    return (int)n;
}

void buffer_markup(struct buffer *b, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            buffer_text(b, "&amp;");
            break;
        case '<':
            buffer_text(b, "&lt;");
            break;
        case '>':
            buffer_text(b, "&gt;");
            break;
        case '"':
            buffer_text(b, "&quot;");
            break;
        default:
            buffer_append(b, text, 1);
        }
    }
}

void percent_encode(struct buffer *b, struct slice text, bool keep_slash)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~", c) != NULL) || (c == '/' && keep_slash);
        if (plain)
            buffer_append(b, &c, 1);
        else
            buffer_format(b, "%%%02X", (unsigned char)c);
    }
}
