/* One line of the access log: combined format, or JSON. A password in a query never reaches it. */
#include "serve/report/access_log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <time.h>

/* Appending to a line; what does not fit is cut. */
struct text {
    char *at, *end;
};

static void put(struct text *t, const char *p, size_t n)
{
    size_t room = (size_t)(t->end - t->at);
    if (n > room)
        n = room;
    memcpy(t->at, p, n);
    t->at += n;
}

static void put_text(struct text *t, const char *p)
{
    put(t, p, strlen(p));
}

/* Bytes that a client chose: nothing in them may end the field, or the line, or drive a terminal. */
static void put_escaped(struct text *field, struct slice s, enum log_format format)
{
    static const char digits[] = "0123456789abcdef";
    enum { ESCAPE_MAX = 6 };
    for (size_t i = 0; i < s.n && field->end - field->at >= ESCAPE_MAX; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\') {
            put(field, (char[]){'\\', (char)c}, 2);
        } else if (c >= 0x20 && c < 0x7f) {
            put(field, s.p + i, 1);
        } else {
            put_text(field, format == LOG_JSON ? "\\u00" : "\\x");
            put(field, (char[]){digits[c >> 4], digits[c & 15]}, 2);
        }
    }
}

/* The character at p, an escape decoded; *next is behind it. */
static char decoded(const char *p, const char *end, const char **next)
{
    unsigned char c;
    if (*p == '%' && end - p >= 3 && hex_decode((struct slice){p + 1, 2}, &c, 1)) {
        *next = p + 3;
        return (char)c;
    }
    *next = p + 1;
    return *p;
}

/* Where the value begins, if "password=" stands at p, in whatever case and with whatever is escaped; else
 * NULL. */
static const char *secret_at(const char *p, const char *end)
{
    for (const char *key = "password="; *key != '\0'; key++) {
        if (p == end || ascii_lower(decoded(p, end, &p)) != *key)
            return NULL;
    }
    return p;
}

/* A field of at most LOG_FIELD_MAX bytes, with the values of "password" parameters left out. Whatever may
 * separate parameters begins one, also escaped, as in a URL within a query; but only '&' itself ends a value,
 * as others may be part of it. */
static void put_field(struct text *t, struct slice s, enum log_format format)
{
    struct text field = {t->at, t->end - t->at > LOG_FIELD_MAX ? t->at + LOG_FIELD_MAX : t->end};
    const char *end = s.p + s.n, *next, *value;
    const char *from = s.p; /* what is not written yet */
    for (const char *at = s.p; at < end; at = next) {
        char c = decoded(at, end, &next);
        if ((c != '?' && c != '&' && c != ';' && c != '#') || (value = secret_at(next, end)) == NULL)
            continue;
        put_escaped(&field, (struct slice){from, (size_t)(value - from)}, format);
        put_text(&field, "***");
        next = memchr(value, '&', (size_t)(end - value));
        from = next = next != NULL ? next : end;
    }
    put_escaped(&field, (struct slice){from, (size_t)(end - from)}, format);
    t->at = field.at;
}

static void put_peer(struct text *t, const struct sockaddr *peer)
{
    char text[ADDRESS_TEXT] = "-";
    struct address address;
    if (peer->sa_family == AF_INET || peer->sa_family == AF_INET6) {
        address = address_of(peer);
        address_text(&address, text);
    }
    put_text(t, text);
}

static void line_combined(struct text *t, const struct tm *when, const struct sockaddr *peer,
                          const struct access *a, int status)
{
    char text[64];
    put_peer(t, peer);
    strftime(text, sizeof text, " - - [%d/%b/%Y:%H:%M:%S +0000] \"", when);
    put_text(t, text);
    put_field(t, a->method, LOG_COMBINED);
    put_text(t, " ");
    put_field(t, a->target, LOG_COMBINED);
    if (a->minor >= 0)
        put_text(t, a->minor == 0 ? " HTTP/1.0" : " HTTP/1.1");
    snprintf(text, sizeof text, "\" %d ", status);
    put_text(t, text);
}

static void line_json(struct text *t, const struct tm *when, const struct sockaddr *peer,
                      const struct access *a, int status)
{
    char text[64];
    strftime(text, sizeof text, "{\"time\":\"%Y-%m-%dT%H:%M:%SZ\",\"remote\":\"", when);
    put_text(t, text);
    put_peer(t, peer);
    put_text(t, "\",\"method\":\"");
    put_field(t, a->method, LOG_JSON);
    put_text(t, "\",\"target\":\"");
    put_field(t, a->target, LOG_JSON);
    put_text(t, "\",\"referer\":\"");
    put_field(t, a->referer, LOG_JSON);
    put_text(t, "\",\"agent\":\"");
    put_field(t, a->agent, LOG_JSON);
    snprintf(text, sizeof text, "\",\"status\":%d,\"bytes\":", status);
    put_text(t, text);
}

void log_line_start(struct log_line *line, enum log_format format, int64_t now, const struct sockaddr *peer,
                    const struct access *a, int status)
{
    struct tm when;
    time_t seconds = now;
    gmtime_r(&seconds, &when);
    struct text t = {line->text, line->text + sizeof line->text - 4};
    if (format == LOG_JSON)
        line_json(&t, &when, peer, a, status);
    else
        line_combined(&t, &when, peer, a, status);
    line->before = (uint16_t)(t.at - line->text);
    t.end += 4;
    if (format == LOG_JSON) {
        put_text(&t, "}\n");
    } else {
        t.end -= 4;
        put_text(&t, " \"");
        put_field(&t, a->referer.n > 0 ? a->referer : slice_of("-"), format);
        put_text(&t, "\" \"");
        put_field(&t, a->agent.n > 0 ? a->agent : slice_of("-"), format);
        t.end += 4;
        put_text(&t, "\"\n");
    }
    line->after = (uint16_t)(t.at - line->text - line->before);
}

void log_line_finish(struct access_log *log, struct log_batch **batch, const struct log_line *line,
                     uint64_t bytes)
{
    char number[24];
    int digits = snprintf(number, sizeof number, "%llu", (unsigned long long)bytes);
    size_t n = (size_t)line->before + (size_t)digits + line->after;
    if (*batch != NULL && n > LOG_BATCH - (*batch)->n)
        access_log_flush(log, batch);
    if (*batch == NULL) {
        *batch = malloc(sizeof **batch);
        if (*batch == NULL)
            return;
        (*batch)->n = 0;
    }
    struct log_batch *b = *batch;
    memcpy(b->text + b->n, line->text, line->before);
    memcpy(b->text + b->n + line->before, number, (size_t)digits);
    memcpy(b->text + b->n + line->before + digits, line->text + line->before, line->after);
    b->n += n;
}
