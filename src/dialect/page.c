/* Makes the page for a browser from page.html, which scripts/embed puts into the program. All that comes from
 * the depot is cleaned and escaped here. */
#include "dialect/page.h"

#include "base/text.h"

#include <stdio.h>
#include <time.h>

extern const char page_html[];
extern const size_t page_html_size;

/* Where a request's host goes: with its port, and without. Text has no such bytes, as text_clean replaces
 * them. */
#define HOST_MARK "\x01"
#define NAME_MARK "\x02"

enum {
    ROW_MAX = 8 * 1024,
    PAGE_MAX = PAGE_TITLES_MAX * ROW_MAX + 64 * 1024,
    LABEL_MAX = 200,
    URL_PATH_MAX = 2048,
};

struct page {
    const char *text;
    size_t size;
    size_t hosts, names; /* marks in it */
};

/* Text for people: at most LABEL_MAX bytes of it. */
static void put_text(struct buffer *b, const char *text)
{
    char clean[LABEL_MAX + 1];
    snprintf(clean, sizeof clean, "%s", text);
    text_clean(clean);
    buffer_markup(b, clean);
}

/* A URL's path. '@' may stay as it is, and is easier to read. */
static void put_path(struct buffer *b, struct slice path)
{
    const char *at;
    while ((at = memchr(path.p, '@', path.n)) != NULL) {
        size_t n = (size_t)(at - path.p);
        percent_encode(b, (struct slice){path.p, n}, true);
        buffer_text(b, "@");
        path.p += n + 1, path.n -= n + 1;
    }
    percent_encode(b, path, true);
}

static void put_size(struct buffer *b, uint64_t size)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    double v = (double)size / 1024;
    while (v >= 1000 && unit + 1 < sizeof units / sizeof units[0])
        v /= 1024, unit++;
    if (size < 1024)
        buffer_format(b, "%u bytes", (unsigned)size);
    else
        buffer_format(b, "%.*f %s", v < 10 ? 1 : 0, v, units[unit]);
}

static void put_date(struct buffer *b, int64_t when)
{
    struct tm tm;
    char text[16] = "";
    time_t t = (time_t)when;
    if (gmtime_r(&t, &tm) != NULL)
        strftime(text, sizeof text, "%Y-%m-%d", &tm);
    buffer_format(b, "<time datetime=\"%s\">%s</time>", text, text);
}

/* ---- which titles ---- */

struct listed {
    const struct dialect *dialect;
    const void *settings;
    const struct site_title *title;
    size_t at; /* in the site's order: by dialect and name */
};

struct listing {
    struct listed *list;
    size_t n;     /* on the page */
    size_t total; /* that may be named */
};

static int newest_first(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    if (x->title->since != y->title->since)
        return x->title->since < y->title->since ? 1 : -1;
    return (x->at > y->at) - (x->at < y->at);
}

static int in_order(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static int titles_choose(const struct dialect *const *all, void *const *settings, const struct site *site,
                         struct listing *out, struct pb_error *err)
{
    *out = (struct listing){calloc(site->n + 1, sizeof *out->list), 0, 0};
    if (out->list == NULL)
        return error_memory(err);
    for (size_t i = 0; i < site->n; i++) {
        const struct site_title *t = site->titles[i];
        size_t k = 0;
        while (all[k] != NULL && strcmp(all[k]->name, t->dialect) != 0)
            k++;
        if (all[k] != NULL && all[k]->about != NULL && all[k]->about(t, settings[k], NULL))
            out->list[out->total++] = (struct listed){all[k], settings[k], t, i};
    }
    out->n = out->total;
    if (out->n > PAGE_TITLES_MAX) {
        qsort(out->list, out->total, sizeof *out->list, newest_first);
        out->n = PAGE_TITLES_MAX;
        qsort(out->list, out->n, sizeof *out->list, in_order);
    }
    return PB_OK;
}

/* ---- rendering ---- */

static void put_links(struct buffer *b, const struct listed *l, const struct dialect_about *about)
{
    if (about->download.n > 0) {
        const char *slash = strrchr(about->download.p, '/');
        buffer_text(b, "<a href=\"");
        put_path(b, (struct slice){about->download.p, about->download.n});
        buffer_text(b, "\">");
        put_text(b, slash != NULL ? slash + 1 : about->download.p);
        buffer_text(b, "</a>");
    }
    /* A server that uses another protocol has another port than the one that the browser asks. */
    buffer_format(b, "<code>%s://%s/", l->dialect->name,
                  l->dialect->serve_http != NULL ? HOST_MARK : NAME_MARK);
    put_path(b, (struct slice){about->fetch.p, about->fetch.n});
    buffer_text(b, "</code>");
}

static int row_put(struct buffer *b, const struct listed *l, struct pb_error *err)
{
    struct dialect_about about = {.label = l->title->name};
    _cleanup_buffer_ struct buffer row;
    buffer_init(&row, ROW_MAX);
    buffer_init(&about.download, URL_PATH_MAX);
    buffer_init(&about.fetch, URL_PATH_MAX);
    l->dialect->about(l->title, l->settings, &about);
    bool failed = about.download.failed || about.fetch.failed || about.fetch.n == 0;
    if (!failed) {
        buffer_text(&row, "<tr><th scope=\"row\"><bdi>");
        put_text(&row, about.label);
        buffer_text(&row, "</bdi></th><td data-label=\"Game\">");
        put_text(&row, l->dialect->game);
        buffer_text(&row, "</td><td class=\"n\" data-label=\"Size\">");
        put_size(&row, about.size);
        buffer_text(&row, "</td><td class=\"v\" data-label=\"Version\">");
        put_text(&row, l->title->version);
        buffer_text(&row, "</td><td data-label=\"Since\">");
        put_date(&row, l->title->since);
        buffer_text(&row, "</td><td>");
        put_links(&row, l, &about);
        buffer_text(&row, "</td></tr>\n");
    }
    buffer_free(&about.download);
    buffer_free(&about.fetch);
    if (!failed && !row.failed) /* one that does not fit is left out */
        buffer_append(b, row.p, row.n);
    return b->failed || row.starved ? error_memory(err) : PB_OK;
}

static void put_summary(struct buffer *b, const struct listing *l)
{
    if (l->total == 0) {
        buffer_text(b, "<p>Nothing that everybody may have.</p>");
        return;
    }
    buffer_format(b, "<p>%zu title%s.", l->total, l->total == 1 ? "" : "s");
    if (l->n < l->total)
        buffer_format(b, " Listed are the newest %zu; the other %zu are served as well.", l->n,
                      l->total - l->n);
    buffer_text(b, "</p>\n<p>Games ask for what they need by themselves. By hand: "
                   "<code>patchbay fetch URL FOLDER</code></p>");
}

/* Copies the template up to `token`, and steps over it. */
static void put_until(struct buffer *b, struct slice *rest, const char *token)
{
    const char *at = memmem(rest->p, rest->n, token, strlen(token));
    size_t n = at != NULL ? (size_t)(at - rest->p) : rest->n, skip = at != NULL ? n + strlen(token) : n;
    buffer_append(b, rest->p, n);
    rest->p += skip, rest->n -= skip;
}

static size_t marks_count(const struct buffer *b, const char *mark)
{
    size_t count = 0;
    for (size_t i = 0; i < b->n; i++)
        count += b->p[i] == mark[0];
    return count;
}

/* The text is complete: keeps it in the site's arena. */
static int page_keep(struct site *site, const struct buffer *text, struct pb_error *err)
{
    struct page *p = arena_zero(&site->arena, sizeof *p);
    if (p == NULL || text->failed || (p->text = arena_copy(&site->arena, text->p, text->n)) == NULL)
        return error_memory(err);
    p->size = text->n;
    p->hosts = marks_count(text, HOST_MARK);
    p->names = marks_count(text, NAME_MARK);
    site->page = p;
    return PB_OK;
}

int page_make(const struct dialect *const *all, void *const *settings, struct site *site,
              struct pb_error *err)
{
    struct listing l;
    struct slice rest = {page_html, page_html_size};
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, PAGE_MAX);
    int rc = titles_choose(all, settings, site, &l, err);
    put_until(&text, &rest, "{{summary}}");
    put_summary(&text, &l);
    put_until(&text, &rest, "{{rows}}");
    for (size_t i = 0; rc == PB_OK && i < l.n; i++)
        rc = row_put(&text, &l.list[i], err);
    buffer_append(&text, rest.p, rest.n);
    free(l.list);
    return rc == PB_OK ? page_keep(site, &text, err) : rc;
}

/* ---- for a request ---- */

/* What a Host header may be. Nothing in it needs escaping. */
static bool host_ok(struct slice host)
{
    bool ok = host.n > 0 && host.n <= PAGE_HOST_MAX;
    for (size_t i = 0; ok && i < host.n; i++) {
        char c = ascii_lower(host.p[i]);
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr(".-:[]", c) != NULL;
    }
    return ok;
}

static struct slice without_port(struct slice host)
{
    const char *bracket = memchr(host.p, ']', host.n);
    const char *colon = bracket != NULL ? NULL : memchr(host.p, ':', host.n);
    if (bracket != NULL)
        host.n = (size_t)(bracket + 1 - host.p);
    else if (colon != NULL)
        host.n = (size_t)(colon - host.p);
    return host;
}

static struct page_text *text_make(const struct page *p, struct slice host)
{
    struct digest_result digest;
    struct slice name = without_port(host);
    size_t size = p->size - p->hosts - p->names + p->hosts * host.n + p->names * name.n;
    struct page_text *t = malloc(sizeof *t + size);
    if (t == NULL)
        return NULL;
    char *to = t->text;
    for (const char *at = p->text, *end = p->text + p->size; at < end;) {
        size_t n = strcspn(at, HOST_MARK NAME_MARK);
        memcpy(to, at, n);
        to += n, at += n;
        if (at == end)
            break;
        struct slice piece = *at++ == HOST_MARK[0] ? host : name;
        memcpy(to, piece.p, piece.n);
        to += piece.n;
    }
    t->size = size;
    memcpy(t->host, host.p, host.n);
    t->host[host.n] = '\0';
    if (digest_bytes(DIGEST_SHA256, t->text, size, &digest, NULL) < 0) {
        free(t);
        return NULL;
    }
    http_etag(&digest.sha256, t->etag);
    return t;
}

/* The text of the slot, which becomes this host's if it is nobody's. */
static const struct page_text *slot_take(struct page_text **slot, const struct page *p, struct slice host)
{
    struct page_text *there = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    if (there != NULL)
        return there;
    struct page_text *made = text_make(p, host);
    if (made != NULL &&
        __atomic_compare_exchange_n(slot, &there, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    free(made);
    return there;
}

const struct page_text *page_text_for(struct page_texts *t, const struct page *p, struct slice host)
{
    enum { LAST = PAGE_HOSTS - 1 }; /* for all that have none of their own */
    for (size_t i = 0; i < LAST && host_ok(host); i++) {
        const struct page_text *text = slot_take(&t->slots[i], p, host);
        if (text == NULL || slice_equal(slice_of(text->host), host))
            return text;
    }
    return slot_take(&t->slots[LAST], p, slice_of("HOST"));
}

void page_texts_free(struct page_texts *t)
{
    for (size_t i = 0; i < PAGE_HOSTS; i++)
        free(t->slots[i]);
    *t = (struct page_texts){0};
}
