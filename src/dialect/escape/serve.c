/* Answering what a static file host would have: /COLLECTIONS, /NAME.txt, /NAME/aa/bbb…, /PLATFORM/UPGRADE and
 * /PLATFORM/FILE. community.c answers what only a program can. */
#include "base/clock.h"
#include "base/path.h"
#include "dialect/escape/community.h"
#include "dialect/escape/escape.h"
#include "dialect/escape/followers.h"
#include "dialect/escape/publish.h"
#include "wire/http_reply.h"

#include <limits.h>

#define SERVER "patchbay"

/* What compiling makes of a release. */
struct compiled {
    struct es_attributes attributes;
};

/* What all titles make together. */
struct site_data {
    const char *collections; /* the list; NULL when the site has no title of this dialect */
    size_t collections_size;
    char collections_etag[HTTP_ETAG];
};

static const struct compiled *compiled_of(const struct site_title *t)
{
    return t->compiled;
}

static int escape_compile(struct site_title *title, const struct md5 *md5, struct pb_error *err)
{
    struct compiled *c = arena_zero(&title->arena, sizeof *c);
    (void)md5;
    if (c == NULL)
        return error_memory(err);
    int rc = es_attributes_parse(title->attributes, &title->arena, &c->attributes, err);
    if (rc < 0)
        return rc;
    bool list = false;
    for (size_t i = 0; i < title->n; i++)
        list |= title->entries[i].kind == ES_LIST;
    if (!list)
        return error_set(err, PB_DAMAGED, "the release has no list");
    title->aliases = c->attributes.aliases;
    title->alias_count = c->attributes.alias_count;
    title->compiled = c;
    return PB_OK;
}

static bool is_ours(const struct site_title *t)
{
    return strcmp(t->dialect, ES_DIALECT) == 0;
}

/* A collection's place in the list, while that is made. */
struct listed {
    struct es_collection line;
    unsigned position;
};

static int listed_compare(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    unsigned p = x->position != 0 ? x->position : UINT_MAX, q = y->position != 0 ? y->position : UINT_MAX;
    return p != q ? (p > q) - (p < q) : strcmp(x->line.name, y->line.name);
}

static struct listed listed_of(const struct site_title *title)
{
    const struct es_attributes *a = &compiled_of(title)->attributes;
    return (struct listed){{title->name, a->listed_version != 0 ? a->listed_version : a->version,
                            a->listed_title != NULL ? a->listed_title : a->title},
                           a->position};
}

static int collections_make(const struct site *site, struct arena *a, struct site_data *t,
                            struct pb_error *err)
{
    struct digest_result digest;
    struct es_collections c = {arena_zero(a, (site->n + 1) * sizeof *c.list), 0};
    _cleanup_free_ struct listed *listed = calloc(site->n + 1, sizeof *listed);
    bool any = false;
    if (c.list == NULL || listed == NULL)
        return error_memory(err);
    for (size_t i = 0; i < site->n; i++) {
        any |= is_ours(site->titles[i]);
        if (is_ours(site->titles[i]) && compiled_of(site->titles[i])->attributes.collection)
            listed[c.n++] = listed_of(site->titles[i]);
    }
    if (!any)
        return PB_OK;
    qsort(listed, c.n, sizeof *listed, listed_compare);
    for (size_t i = 0; i < c.n; i++)
        c.list[i] = listed[i].line;
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, ES_DOCUMENT_MAX);
    es_collections_emit(&c, &text);
    t->collections = text.failed ? NULL : arena_copy(a, text.p, text.n);
    t->collections_size = text.n;
    int rc = t->collections == NULL ? error_memory(err)
                                    : digest_bytes(DIGEST_SHA256, text.p, text.n, &digest, err);
    if (rc == PB_OK)
        http_etag(&digest.sha256, t->collections_etag);
    return rc;
}

static int escape_compile_site(struct site *site, const void *settings, int objects, void **out,
                               struct pb_error *err)
{
    (void)settings, (void)objects;
    struct site_data *t = arena_zero(&site->arena, sizeof *t);
    if (t == NULL)
        return error_memory(err);
    *out = t;
    return collections_make(site, &site->arena, t, err);
}

/* ---- answering ---- */

static void collections_reply(const struct dialect_http *in, struct reply_plan *plan)
{
    const struct site_data *t = in->site_data;
    struct http_moment moment = {SERVER, in->date};
    struct http_resource resource = {.type = "text/plain",
                                     .etag = t->collections_etag,
                                     .cache = HTTP_CACHE_BRIEF,
                                     .memory = t->collections,
                                     .size = t->collections_size};
    http_reply_resource(&moment, in->request, &resource, plan);
    plan->starts_download = true;
}

/* The entry that stands for the one that was asked for: packed where the request takes that. */
static const struct site_entry *entry_choose(const struct dialect_http *in, const struct site_title *title,
                                             const struct site_entry *e, struct http_resource *r)
{
    char name[PATH_RELATIVE_MAX + 8];
    if (e->kind == ES_PACKED || e->name_length > PATH_RELATIVE_MAX)
        return e;
    memcpy(name, e->name, e->name_length);
    memcpy(name + e->name_length, ".gz", 3);
    const struct site_entry *packed = site_entry_find(title, (struct slice){name, e->name_length + 3});
    if (packed == NULL || packed->kind != ES_PACKED)
        return e;
    r->varies = true;
    if (!http_accepts(in->request->accept_encoding, "gzip"))
        return e;
    r->encoding = "gzip";
    return packed;
}

/* The list, in either form. A collection's files are in folders, its list is not; a platform's list
 * is never packed. */
static bool is_list(const struct site_title *title, const struct site_entry *e)
{
    bool beside = compiled_of(title)->attributes.collection && memchr(e->name, '/', e->name_length) == NULL;
    return e->kind == ES_LIST || beside;
}

/* A level's name is its MD5. What is below a platform differs with the release that the client follows, of
 * which only we know; so caches ask us each time. */
static enum http_cache entry_cache(const struct site_title *title, bool list)
{
    if (!compiled_of(title)->attributes.collection)
        return HTTP_CACHE_ASK;
    return list ? HTTP_CACHE_BRIEF : HTTP_CACHE_LASTING;
}

static void entry_reply(const struct dialect_http *in, const struct site_title *title,
                        const struct site_entry *e, struct reply_plan *plan)
{
    char etag[HTTP_ETAG];
    struct http_moment moment = {SERVER, in->date};
    struct http_resource resource = {.type = e->kind == ES_LIST     ? "text/plain"
                                             : e->kind == ES_PACKED ? "application/gzip"
                                                                    : "application/octet-stream",
                                     .etag = etag};
    bool list = is_list(title, e);
    resource.cache = entry_cache(title, list);
    e = entry_choose(in, title, e, &resource);
    http_etag(&e->object, etag);
    resource.object = &e->object;
    resource.size = e->size;
    http_reply_resource(&moment, in->request, &resource, plan);
    plan->title = title;
    plan->starts_download = list;
    plan->ends_download = !list && reply_plan_ends(plan, e->size);
}

/* A file of a release that is not live any more, for who is half-way through it. */
static void older_reply(const struct dialect_http *in, const struct site_title *title,
                        const struct site_entry *e, struct reply_plan *plan)
{
    char etag[HTTP_ETAG];
    struct http_moment moment = {SERVER, in->date};
    http_etag(&e->object, etag);
    struct http_resource resource = {
        .type = "application/octet-stream", .etag = etag, .object = &e->object, .size = e->size};
    bool level = title->compiled != NULL && compiled_of(title)->attributes.collection;
    resource.cache = level ? HTTP_CACHE_LASTING : HTTP_CACHE_ASK;
    http_reply_resource(&moment, in->request, &resource, plan);
    plan->title = title;
    plan->ends_download = reply_plan_ends(plan, e->size);
}

/* What a path means: a title of ours and an entry of its live release, or of an older one. */
struct found {
    const struct site_title *title;
    const struct site_entry *entry; /* NULL: neither has it */
    bool older;
};

/* "NAME.txt" or "NAME.txt.gz": a collection's list. */
static struct found list_find(const struct site *site, struct slice path)
{
    struct found f = {0};
    const char *dot = memchr(path.p, '.', path.n);
    if (dot == NULL)
        return f;
    f.title = site_title_find(site, ES_DIALECT, (struct slice){path.p, (size_t)(dot - path.p)});
    if (f.title != NULL && compiled_of(f.title)->attributes.collection)
        f.entry = site_entry_find(f.title, path);
    return f;
}

/* The file of the release whose list the client was given, where it is another one than the live release's.
 */
static const struct site_entry *followed_find(const struct dialect_http *in, const struct site_title *title,
                                              struct slice name)
{
    const struct es_server_config *config = in->settings;
    char text[PATH_RELATIVE_MAX + 32];
    if (title->older.n == 0)
        return NULL;
    int64_t release = followers_find(config->followers, in->client, title->name, clock_monotonic_ms());
    if (release == 0 || release == title->release)
        return NULL;
    const char *own = site_older_name(release, name, text, sizeof text);
    return own != NULL ? site_older_find(title, slice_of(own)) : NULL;
}

/* What is below a platform or a collection, which may be withdrawn. A collection's list is beside its folder
 * and not in it. */
static struct found below_find(const struct dialect_http *in, struct slice path, size_t slash)
{
    struct slice name = {path.p + slash + 1, path.n - slash - 1};
    struct found f = {.title = site_title_known(in->site, ES_DIALECT, (struct slice){path.p, slash})};
    if (f.title == NULL)
        return f;
    const struct compiled *c = compiled_of(f.title);
    bool collection = c != NULL && c->attributes.collection;
    f.entry = collection ? NULL : followed_find(in, f.title, name);
    if (f.entry == NULL && c != NULL)
        f.entry = site_entry_find(f.title, name);
    else
        f.older = f.entry != NULL;
    if (f.entry != NULL && collection && memchr(name.p, '/', name.n) == NULL)
        f.entry = NULL;
    if (f.entry == NULL) {
        f.older = true;
        f.entry = site_older_find(f.title, name);
    }
    return f;
}

/* From here on the client gets the files of this release. */
static void list_note(const struct dialect_http *in, const struct found *f)
{
    const struct es_server_config *config = in->settings;
    if (f->entry->kind == ES_LIST && !compiled_of(f->title)->attributes.collection)
        followers_note(config->followers, in->client, f->title->name, f->title->release,
                       clock_monotonic_ms());
}

static bool escape_serve(const struct dialect_http *in, struct reply_plan *plan)
{
    const struct site_data *t = in->site_data;
    char decoded[PATH_RELATIVE_MAX + ES_NAME_MAX + 8];
    if (es_community_serve(in, t->collections != NULL, plan))
        return true;
    struct slice path = {in->request->path.p + 1, in->request->path.n - 1};
    int n = percent_decode(path, decoded, sizeof decoded);
    if (n <= 0)
        return false;
    path = (struct slice){decoded, (size_t)n};
    bool collections = t->collections != NULL && slice_equal(path, slice_of(ES_COLLECTIONS));
    const char *slash = memchr(path.p, '/', path.n);
    struct found f = {0};
    if (!collections)
        f = slash == NULL ? list_find(in->site, path) : below_find(in, path, (size_t)(slash - path.p));
    if (!collections && f.entry == NULL)
        return false;
    if (in->request->method == HTTP_OTHER) {
        struct http_moment moment = {SERVER, in->date};
        http_reply_status(&moment, in->request, 405, plan);
    } else if (collections) {
        collections_reply(in, plan);
    } else if (f.older) {
        older_reply(in, f.title, f.entry, plan);
    } else {
        list_note(in, &f);
        entry_reply(in, f.title, f.entry, plan);
    }
    return true;
}

/* A level means the same bytes in every release, as its name is their MD5; a file of an upgrade does not. */
static struct site_lasting escape_lasting(const char *attributes)
{
    struct es_attributes a;
    struct site_lasting lasting = {0};
    _cleanup_arena_ struct arena arena;
    arena_init(&arena, 0);
    if (es_attributes_parse(attributes, &arena, &a, NULL) == PB_OK) {
        lasting.kinds = 1u << ES_DATA;
        lasting.by_release = !a.collection;
    }
    return lasting;
}

static bool escape_about(const struct site_title *title, const void *settings, struct dialect_about *about)
{
    const struct es_attributes *a = &compiled_of(title)->attributes;
    (void)settings;
    if (about == NULL)
        return true;
    if (a->collection && a->title != NULL && a->title[0] != '\0')
        about->label = a->title;
    buffer_text(&about->fetch, title->name);
    for (size_t i = 0; i < title->n; i++) {
        const struct site_entry *e = &title->entries[i];
        if (e->kind == ES_DATA)
            about->size += e->size;
        if (e->kind != ES_LIST)
            continue;
        if (!a->collection) {
            buffer_format(&about->fetch, "/%s", e->name);
            buffer_format(&about->download, "%s/", title->name);
        }
        buffer_text(&about->download, e->name);
    }
    return true;
}

/* ---- the same for a static host ---- */

static bool escape_export_path(const struct site_title *title, const struct site_entry *entry, unsigned n,
                               struct buffer *path, bool *list)
{
    const struct es_attributes *a = &compiled_of(title)->attributes;
    if (n > a->alias_count)
        return false;
    *list = entry->kind == ES_LIST || (entry->kind == ES_PACKED && a->collection);
    bool beside = a->collection && memchr(entry->name, '/', entry->name_length) == NULL;
    if (!beside)
        buffer_format(path, "%s/", n == 0 ? title->name : a->aliases[n - 1]);
    if (!beside || n == 0)
        buffer_append(path, entry->name, entry->name_length);
    return true;
}

/* At the same paths, on a server as on a plain host. */
static bool escape_mirror_url(const struct site_title *title, const struct site_entry *entry,
                              const char *base, unsigned n, struct buffer *url)
{
    bool list;
    _cleanup_buffer_ struct buffer path;
    buffer_init(&path, 2 * PATH_RELATIVE_MAX);
    if (title->compiled == NULL || strncmp(base, "http", 4) != 0 ||
        !escape_export_path(title, entry, n, &path, &list) || path.failed)
        return false;
    buffer_format(url, "%s/", base);
    percent_encode(url, (struct slice){path.p, path.n}, true);
    return true;
}

static void escape_export_site(const struct site *site, const void *site_data, const char **path,
                               struct slice *bytes)
{
    const struct site_data *t = site_data;
    (void)site;
    *path = t->collections != NULL ? ES_COLLECTIONS : NULL;
    *bytes = (struct slice){t->collections, t->collections_size};
}

static int live_check(struct depot *d, const struct dialect *const *all, const char *name,
                      const char *attributes, struct pb_error *err)
{
    struct es_attributes a;
    _cleanup_arena_ struct arena arena;
    arena_init(&arena, 0);
    int rc = es_attributes_parse(attributes, &arena, &a, err);
    return rc < 0 ? rc : es_names_check(d, all, name, &a, err);
}

static const char *const paths[] = {ES_COLLECTIONS, ES_COMMUNITY_FOLDER, NULL};

const struct dialect escape_dialect = {
    .name = ES_DIALECT,
    .settings = es_settings,
    .settings_make = es_settings_make,
    .paths = paths,
    .live_check = live_check,
    .lasting = escape_lasting,
    .compile = escape_compile,
    .compile_site = escape_compile_site,
    .game = "Escape",
    .about = escape_about,
    .serve_http = escape_serve,
    .export_path = escape_export_path,
    .mirror_url = escape_mirror_url,
    .export_site = escape_export_site,
    .fetch = &escape_fetch,
};
