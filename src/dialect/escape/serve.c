/* Answering what a static file host would have: /COLLECTIONS, /NAME.txt, /NAME/aa/bbb…, /PLATFORM/UPGRADE and
 * /PLATFORM/FILE. */
#include "base/path.h"
#include "dialect/escape/escape.h"
#include "dialect/escape/publish.h"
#include "wire/http_reply.h"

#define SERVER "patchbay"

/* What compiling makes of a release. */
struct compiled {
    struct es_attributes attributes;
    char modified_text[HTTP_DATE];
};

/* What all titles make together. */
struct together {
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
    http_date_format(title->since, c->modified_text);
    title->aliases = c->attributes.aliases;
    title->alias_count = c->attributes.alias_count;
    title->compiled = c;
    return PB_OK;
}

static bool is_ours(const struct site_title *t)
{
    return strcmp(t->dialect, ES_DIALECT) == 0;
}

/* Titles of a site are in order of their names, so the list is, too. */
static int collections_make(const struct site *site, struct arena *a, struct together *t,
                            struct pb_error *err)
{
    struct digest_result digest;
    struct es_collections c = {arena_zero(a, (site->n + 1) * sizeof *c.list), 0};
    bool any = false;
    if (c.list == NULL)
        return error_memory(err);
    for (size_t i = 0; i < site->n; i++) {
        const struct site_title *title = site->titles[i];
        any |= is_ours(title);
        if (is_ours(title) && compiled_of(title)->attributes.collection)
            c.list[c.n++] = (struct es_collection){title->name, compiled_of(title)->attributes.version,
                                                   compiled_of(title)->attributes.title};
    }
    if (!any)
        return PB_OK;
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
    struct together *t = arena_zero(&site->arena, sizeof *t);
    if (t == NULL)
        return error_memory(err);
    *out = t;
    return collections_make(site, &site->arena, t, err);
}

/* ---- answering ---- */

static void collections_reply(const struct dialect_http *in, struct reply_plan *plan)
{
    const struct together *t = in->together;
    struct http_moment moment = {SERVER, in->date};
    struct http_resource resource = {.type = "text/plain",
                                     .etag = t->collections_etag,
                                     .memory = t->collections,
                                     .size = t->collections_size};
    http_reply_resource(&moment, in->request, &resource, plan);
    plan->begins = true;
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

static void entry_reply(const struct dialect_http *in, const struct site_title *title,
                        const struct site_entry *e, struct reply_plan *plan)
{
    char etag[HTTP_ETAG];
    struct http_moment moment = {SERVER, in->date};
    struct http_resource resource = {.type = e->kind == ES_LIST     ? "text/plain"
                                             : e->kind == ES_PACKED ? "application/gzip"
                                                                    : "application/octet-stream",
                                     .etag = etag,
                                     .modified = title->since,
                                     .modified_text = compiled_of(title)->modified_text};
    bool list = is_list(title, e);
    e = entry_choose(in, title, e, &resource);
    http_etag(&e->object, etag);
    resource.object = &e->object;
    resource.size = e->size;
    http_reply_resource(&moment, in->request, &resource, plan);
    plan->title = title;
    plan->begins = list;
    plan->completes = !list && reply_plan_ends(plan, e->size);
}

/* "NAME.txt" or "NAME.txt.gz": a collection's list. */
static const struct site_entry *list_find(const struct dialect_http *in, struct slice path,
                                          const struct site_title **title)
{
    const char *dot = memchr(path.p, '.', path.n);
    if (dot == NULL)
        return NULL;
    *title = site_title_find(in->site, ES_DIALECT, (struct slice){path.p, (size_t)(dot - path.p)});
    return *title != NULL && compiled_of(*title)->attributes.collection ? site_entry_find(*title, path)
                                                                        : NULL;
}

/* What is below a platform or a collection. A collection's list is beside its folder and not in it. */
static const struct site_entry *below_find(const struct dialect_http *in, struct slice path, size_t slash,
                                           const struct site_title **title)
{
    *title = site_title_find(in->site, ES_DIALECT, (struct slice){path.p, slash});
    if (*title == NULL)
        return NULL;
    const struct site_entry *e =
        site_entry_find(*title, (struct slice){path.p + slash + 1, path.n - slash - 1});
    bool level = e != NULL && memchr(e->name, '/', e->name_length) != NULL;
    return compiled_of(*title)->attributes.collection && !level ? NULL : e;
}

static bool escape_serve(const struct dialect_http *in, struct reply_plan *plan)
{
    const struct together *t = in->together;
    char decoded[PATH_RELATIVE_MAX + ES_NAME_MAX + 8];
    const struct site_title *title = NULL;
    if (t->collections == NULL)
        return false;
    struct slice path = {in->request->path.p + 1, in->request->path.n - 1};
    int n = percent_decode(path, decoded, sizeof decoded);
    if (n <= 0)
        return false;
    path = (struct slice){decoded, (size_t)n};
    bool collections = slice_equal(path, slice_of(ES_COLLECTIONS));
    const char *slash = memchr(path.p, '/', path.n);
    const struct site_entry *e = collections     ? NULL
                                 : slash == NULL ? list_find(in, path, &title)
                                                 : below_find(in, path, (size_t)(slash - path.p), &title);
    if (!collections && e == NULL)
        return false;
    if (in->request->method == HTTP_OTHER) {
        struct http_moment moment = {SERVER, in->date};
        http_reply_status(&moment, in->request, 405, plan);
    } else if (collections) {
        collections_reply(in, plan);
    } else {
        entry_reply(in, title, e, plan);
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

static void escape_export_site(const struct site *site, const void *together, const char **path,
                               struct slice *bytes)
{
    const struct together *t = together;
    (void)site;
    *path = t->collections != NULL ? ES_COLLECTIONS : NULL;
    *bytes = (struct slice){t->collections, t->collections_size};
}

static const struct setting no_settings[] = {{NULL, NULL, NULL, false}};

static int settings_make(const struct setting_value *values, size_t n, struct arena *a, void **out,
                         struct pb_error *err)
{
    (void)values, (void)n, (void)a, (void)err;
    *out = NULL;
    return PB_OK;
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

static const char *const paths[] = {ES_COLLECTIONS, NULL};

const struct dialect escape_dialect = {
    .name = ES_DIALECT,
    .settings = no_settings,
    .settings_make = settings_make,
    .paths = paths,
    .live_check = live_check,
    .compile = escape_compile,
    .compile_site = escape_compile_site,
    .serve_http = escape_serve,
    .export_path = escape_export_path,
    .export_site = escape_export_site,
    .fetch = &escape_fetch,
};
