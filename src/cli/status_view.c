/* The text of patchbay status. Tables have fixed columns; names that are too long are cut. */
#include "cli/status_view.h"

#include "cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDTH = 79, /* a terminal of 80 columns does not wrap then, whatever it does at its edge */
    NAME = 30,
    CELL = 4 * NAME, /* bytes of a name's cell */
    BUSIEST_MAX = 10,
};

/* ---- what the answer has ---- */

/* Whatever answers there: numbers are kept within what differences of them can hold. */
static long long number(const json_t *o, const char *key)
{
    const json_int_t most = (json_int_t)1 << 60;
    json_int_t n = json_integer_value(json_object_get(o, key));
    return n < 0 ? 0 : n > most ? most : n;
}

static const char *string(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s != NULL ? s : "";
}

/* And what would drive the terminal becomes '?'. */
enum { SHOWN_SIZE = 64 };
static const char *shown(const char *text, char out[SHOWN_SIZE])
{
    size_t n = 0;
    for (; n < SHOWN_SIZE - 1 && text[n] != '\0'; n++)
        out[n] = text[n] >= ' ' && text[n] < 0x7f ? text[n] : '?';
    out[n] = '\0';
    return out;
}

int status_same(const json_t *a, const json_t *b)
{
    return number(a, "start_time_seconds") == number(b, "start_time_seconds");
}

/* ---- cells ---- */

/* In full where that fits. */
static const char *text_count(const json_t *o, const char *key, int width, char out[TEXT_SIZE])
{
    long long n = number(o, key);
    if (snprintf(out, TEXT_SIZE, "%lld", n) > width)
        text_short((double)n, 1000, out);
    return out;
}

/* Bytes, with k, M, G of 1024 as the configuration has them. */
static const char *text_size(const json_t *o, const char *key, char out[TEXT_SIZE])
{
    text_short((double)number(o, key), 1024, out);
    return out;
}

/* Bytes a second since the answer before; "-" for the first. */
static const char *text_rate(const json_t *now, const json_t *before, double seconds, char out[TEXT_SIZE])
{
    long long bytes = number(now, "sent_bytes") - number(before, "sent_bytes");
    char size[TEXT_SIZE];
    if (before == NULL || seconds <= 0) {
        snprintf(out, TEXT_SIZE, "-");
        return out;
    }
    text_short(bytes > 0 ? (double)bytes / seconds : 0, 1024, size);
    snprintf(out, TEXT_SIZE, "%.7s/s", size);
    return out;
}

/* NAME columns. */
static const char *text_name(const char *name, char out[CELL])
{
    char clean[SHOWN_SIZE];
    shown(name, clean);
    if (strlen(clean) > NAME)
        snprintf(out, CELL, "%.*s…", NAME - 1, clean);
    else
        snprintf(out, CELL, "%-*s", NAME, clean);
    return out;
}

/* ---- lines ---- */

struct screen {
    unsigned width; /* columns */
    size_t left;    /* lines that may still be printed */
};

/* The byte behind so many columns of UTF-8. */
static size_t bytes_of(const char *text, unsigned columns)
{
    size_t at = 0;
    for (; text[at] != '\0'; at++) {
        bool begins = ((unsigned char)text[at] & 0xc0) != 0x80;
        if (begins && columns-- == 0)
            break;
    }
    return at;
}

/* A line, cut to the width; nothing when the screen is full. */
__attribute__((format(printf, 2, 3))) static void line(struct screen *s, const char *format, ...)
{
    char text[512];
    va_list args;
    if (s->left == 0)
        return;
    s->left--;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (text[bytes_of(text, s->width)] != '\0')
        printf("%.*s…\n", (int)bytes_of(text, s->width - 1), text);
    else
        printf("%s\n", text);
}

static void row(struct screen *s, const char *name, const json_t *now, const json_t *before, double seconds)
{
    char cell[CELL], requests[TEXT_SIZE], sent[TEXT_SIZE], rate[TEXT_SIZE], errors[TEXT_SIZE],
        done[TEXT_SIZE], active[TEXT_SIZE], cap[SHOWN_SIZE];
    shown(string(now, "cap"), cap); /* titles have one */
    if (strcmp(cap, "none") == 0)
        cap[0] = '\0';
    line(s, "%s %8s %6s %7s %6s %5s %6s%s%.4s", text_name(name, cell),
         text_count(now, "requests", 8, requests), text_size(now, "sent_bytes", sent),
         text_rate(now, before, seconds, rate), text_count(now, "errors", 6, errors),
         text_count(now, "downloads_completed", 5, done), text_count(now, "active_transfers", 6, active),
         cap[0] != '\0' ? " " : "", cap);
}

/* ---- titles ---- */

static int more_sent(const void *a, const void *b)
{
    long long x = number(*(json_t *const *)a, "sent_bytes"), y = number(*(json_t *const *)b, "sent_bytes");
    return (x < y) - (x > y);
}

/* The same title in the answer before: titles only come, so it is at the same place. */
static const json_t *title_before(const json_t *before, size_t at, const json_t *now)
{
    const json_t *t = json_array_get(json_object_get(before, "by_title"), at);
    return t != NULL && strcmp(string(t, "title"), string(now, "title")) == 0 ? t : NULL;
}

/* In `room` lines: the last one says how many are missing, if any are. */
static void titles_print(struct screen *s, json_t *o, const json_t *before, double seconds, size_t room)
{
    const json_t *titles = json_object_get(o, "by_title");
    size_t n = json_array_size(titles);
    size_t most = n <= room ? n : room > 1 ? room - 1 : room;
    const json_t **order = calloc(n + 1, sizeof *order);
    if (order == NULL)
        return;
    for (size_t i = 0; i < n; i++) {
        json_t *t = json_array_get(titles, i);
        json_object_set_new(t, "at", json_integer((json_int_t)i));
        order[i] = t;
    }
    qsort(order, n, sizeof *order, more_sent);
    for (size_t i = 0; i < most; i++)
        row(s, string(order[i], "title"), order[i],
            title_before(before, (size_t)number(order[i], "at"), order[i]), seconds);
    if (most < room && most < n)
        line(s, "and %zu more titles (--json has all)", n - most);
    free(order);
}

/* What each title costs in the depot, in the order of the answer. */
static void costs_print(struct screen *s, const json_t *o)
{
    const json_t *titles = json_object_get(o, "by_title");
    if (json_array_size(titles) == 0 || !json_is_object(json_object_get(o, "depot")))
        return;
    line(s, "%s", "");
    line(s, "%-*s %8s %6s %7s", NAME, "bytes in the depot", "own", "shared", "old");
    for (size_t i = 0; i < json_array_size(titles); i++) {
        const json_t *t = json_array_get(titles, i);
        char cell[CELL], own[TEXT_SIZE], shared[TEXT_SIZE], old[TEXT_SIZE];
        line(s, "%s %8s %6s %7s", text_name(string(t, "title"), cell), text_size(t, "own_bytes", own),
             text_size(t, "shared_bytes", shared), text_size(t, "old_bytes", old));
    }
}

/* ---- addresses ---- */

static const json_t *address_before(const json_t *before, const char *address)
{
    const json_t *list = json_object_get(before, "busiest");
    for (size_t i = 0; i < json_array_size(list) && i < BUSIEST_MAX; i++) {
        const json_t *o = json_array_get(list, i);
        if (strcmp(string(o, "address"), address) == 0)
            return o;
    }
    return NULL;
}

static void busiest_print(struct screen *s, const json_t *o, const json_t *before, double seconds,
                          size_t most)
{
    const json_t *list = json_object_get(o, "busiest");
    line(s, "%-*s %8s %6s %7s %6s", NAME, "busiest addresses", "requests", "sent", "rate", "open");
    for (size_t i = 0; i < json_array_size(list) && i < most; i++) {
        const json_t *a = json_array_get(list, i);
        char cell[CELL], requests[TEXT_SIZE], sent[TEXT_SIZE], rate[TEXT_SIZE], open[TEXT_SIZE];
        line(s, "%s %8s %6s %7s %6s", text_name(string(a, "address"), cell),
             text_count(a, "requests", 8, requests), text_size(a, "sent_bytes", sent),
             text_rate(a, address_before(before, string(a, "address")), seconds, rate),
             text_count(a, "connections", 6, open));
    }
}

/* ---- all of it ---- */

static void head_print(struct screen *s, const json_t *o)
{
    char version[SHOWN_SIZE], state[SHOWN_SIZE], cap[SHOWN_SIZE], a[TEXT_SIZE], b[TEXT_SIZE], c[TEXT_SIZE],
        d[TEXT_SIZE], e[TEXT_SIZE];
    long long up = number(o, "now") - number(o, "start_time_seconds");
    up = up > 0 ? up : 0;
    line(s, "patchbay %s: %s for %lldd %02lld:%02lld:%02lld, %s titles with %s entries",
         shown(string(o, "version"), version), shown(string(o, "state"), state), up / 86400, up / 3600 % 24,
         up / 60 % 60, up % 60, text_count(o, "titles", 5, a), text_count(o, "entries", 8, b));
    line(s, "connections %s, waiting %s; accepted %s, refused %s, timeouts %s",
         text_count(o, "connections", 5, a), text_count(o, "connections_waiting", 5, b),
         text_count(o, "connections_accepted_total", 5, c), text_count(o, "connections_refused_total", 5, d),
         text_count(o, "timeouts_total", 5, e));
    line(s, "today %s bytes, cap %s; bans %s", text_size(o, "today_bytes", a),
         shown(string(o, "cap_state"), cap), text_count(o, "bans", 5, b));
}

/* What the depot costs; an older server does not say. */
static void depot_print(struct screen *s, const json_t *o)
{
    const json_t *depot = json_object_get(o, "depot");
    char a[TEXT_SIZE], b[TEXT_SIZE], c[TEXT_SIZE], d[TEXT_SIZE], e[TEXT_SIZE];
    if (json_is_object(depot))
        line(s, "depot %s in %s objects, %s free; old releases %s, unused %s", text_size(depot, "bytes", a),
             text_count(depot, "objects", 8, b), text_size(depot, "free_bytes", c),
             text_size(depot, "old_bytes", d), text_size(depot, "unused_bytes", e));
}

/* How many lines titles and addresses get of those that are left. */
struct shares {
    bool spaced;    /* an empty line before each table */
    size_t titles;  /* lines */
    size_t busiest; /* addresses, for which there is one line more: the heading; 0: none of it */
};

static struct shares share(size_t left, size_t titles, size_t addresses)
{
    enum { SPACED_FROM = 12, ADDRESSES_FROM = 4 };
    struct shares s = {.spaced = left >= SPACED_FROM};
    left -= s.spaced ? 2 : 0;
    addresses = addresses < BUSIEST_MAX ? addresses : BUSIEST_MAX;
    size_t wanted = left >= ADDRESSES_FROM && addresses > 0 ? addresses + 1 : 0;
    size_t rest = left > titles ? left - titles : 0;
    size_t lines = left / 2 > rest ? left / 2 : rest;
    lines = lines < wanted ? lines : wanted;
    s.busiest = lines > 1 ? lines - 1 : 0;
    s.titles = left - (s.busiest > 0 ? lines : 0);
    return s;
}

void status_view(json_t *now, const json_t *before, const struct view *view)
{
    struct screen s = {WIDTH, view->rows > 0 ? view->rows - 1 : SIZE_MAX}; /* the cursor takes the last row */
    json_t *dialects = json_object_get(now, "dialects"), *dialect;
    double seconds = before != NULL ? json_real_value(json_object_get(now, "asked")) -
                                          json_real_value(json_object_get(before, "asked"))
                                    : 0;
    if (view->columns > 1 && view->columns <= WIDTH)
        s.width = view->columns - 1;
    head_print(&s, now);
    depot_print(&s, now);
    size_t fixed = json_object_size(dialects) + 1;
    struct shares shares =
        share(s.left > fixed ? s.left - fixed : 0, json_array_size(json_object_get(now, "by_title")),
              json_array_size(json_object_get(now, "busiest")));
    if (shares.spaced)
        line(&s, "%s", "");
    line(&s, "%-*s %8s %6s %7s %6s %5s %6s", NAME, "", "requests", "sent", "rate", "errors", "done",
         "active");
    const char *name;
    json_object_foreach(dialects, name, dialect)
    {
        row(&s, name, dialect, json_object_get(json_object_get(before, "dialects"), name), seconds);
    }
    titles_print(&s, now, before, seconds, shares.titles);
    if (view->rows == 0) /* a terminal has no room for it */
        costs_print(&s, now);
    if (shares.busiest == 0)
        return;
    if (shares.spaced)
        line(&s, "%s", "");
    busiest_print(&s, now, before, seconds, shares.busiest);
}
