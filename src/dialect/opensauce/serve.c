/* Answering map downloads: GET /map_download, /maps/NAME and the master server list. */
#include "base/path.h"
#include "dialect/opensauce/opensauce.h"
#include "dialect/opensauce/release.h"
#include "patchbay/status.h"
#include "wire/http_reply.h"

#include <stdio.h>

#define OS_SERVER "OpenSauce_Halo1_CE_Dedi (patchbay)"

/* What compiling makes of a release: all that a reply needs. */
struct compiled {
    const char *definition;
    size_t definition_size;
    char definition_etag[HTTP_ETAG];
    /* The parts' names are made of their bytes, so that a cache may keep them; those that the original tools
     * gave are not. */
    bool names_last;
    const struct site_entry *raw;  /* NULL: not kept */
    const struct site_entry *last; /* the last part: with it a download is complete */
    bool encrypted;
    bool proof_known;
    struct sha256 proof;
    struct md5 map_md5;
    uint64_t map_size;
    const char *redirect_root;  /* of this map; NULL: none */
    const char *host_directory; /* "": parts are at the redirect root itself */
};

static int definition_render(struct site_title *title, const struct md5 *md5, struct os_definition *d,
                             struct compiled *c, struct pb_error *err)
{
    struct digest_result digest;
    _cleanup_free_ struct os_part *parts = calloc(title->n + 1, sizeof *parts);
    if (parts == NULL)
        return error_memory(err);
    for (size_t i = 0; i < title->n; i++) {
        const struct site_entry *e = &title->entries[i];
        if (e->kind == OS_RAW) {
            c->raw = e;
            continue;
        }
        struct os_part *part = &parts[d->part_count++];
        c->last = e;
        *part = (struct os_part){.name = e->name, .size = (uint32_t)e->size, .md5 = md5[i]};
        part->encrypted = e->extra_length == sizeof part->unencrypted;
        if (part->encrypted)
            memcpy(&part->unencrypted, site_entry_extra(e), sizeof part->unencrypted);
    }
    d->parts = parts;
    uint64_t sum = 0;
    for (size_t i = 0; i < d->part_count; i++)
        sum += parts[i].size;
    if (d->part_count == 0 || sum != d->compressed_size)
        return error_set(err, PB_DAMAGED, "the release's parts are not those of its attributes");
    _cleanup_buffer_ struct buffer xml;
    buffer_init(&xml, OS_DOCUMENT_MAX);
    os_definition_emit(d, &xml);
    c->definition = xml.failed ? NULL : arena_copy(&title->arena, xml.p, xml.n);
    c->definition_size = xml.n;
    if (c->definition == NULL)
        return error_memory(err);
    int rc = digest_bytes(DIGEST_SHA256, c->definition, c->definition_size, &digest, err);
    if (rc == PB_OK)
        http_etag(&digest.sha256, c->definition_etag);
    return rc;
}

int opensauce_compile(struct site_title *title, const struct md5 *md5, struct pb_error *err)
{
    struct os_attributes a;
    struct compiled *c = arena_zero(&title->arena, sizeof *c);
    if (c == NULL)
        return error_memory(err);
    int rc = os_attributes_parse(title->attributes, &title->arena, &a, err);
    if (rc < 0)
        return rc;
    c->encrypted = a.encrypted;
    c->proof_known = a.proof_known;
    c->proof = a.proof;
    c->map_md5 = a.map.md5;
    c->map_size = a.map.uncompressed_size;
    c->redirect_root = a.redirect_root;
    c->host_directory = a.map.host_directory;
    c->names_last = a.level >= 0;
    title->compiled = c;
    return definition_render(title, md5, &a.map, c, err);
}

/* A request under way. */
struct os_request {
    const struct dialect_http *in;
    const struct opensauce_config *config;
    struct http_moment moment;
    struct reply_plan *plan;
};

static void refuse(const struct os_request *r, int status)
{
    http_reply_status(&r->moment, r->in->request, status, r->plan);
}

/* Where only the game's clients are answered, a cache in front would answer others, too. */
static enum http_cache cache_for(const struct os_request *r, enum http_cache cache)
{
    return r->config->require_client ? HTTP_CACHE_OWN : cache;
}

static enum http_cache entry_cache(const struct os_request *r, const struct compiled *c,
                                   const struct site_entry *e)
{
    if (e == c->raw)
        return c->encrypted ? HTTP_CACHE_NEVER : HTTP_CACHE_BRIEF;
    return cache_for(r, c->names_last ? HTTP_CACHE_LASTING : HTTP_CACHE_ASK);
}

static void entry_reply(const struct os_request *r, const struct site_title *title,
                        const struct site_entry *e)
{
    const struct compiled *c = title->compiled;
    char etag[HTTP_ETAG];
    http_etag(&e->object, etag);
    struct http_resource resource = {.type = "application/octet-stream",
                                     .etag = etag,
                                     .cache = entry_cache(r, c, e),
                                     .object = &e->object,
                                     .size = e->size};
    http_reply_resource(&r->moment, r->in->request, &resource, r->plan);
    r->plan->starts_download = e == c->raw && r->plan->offset == 0;
    r->plan->ends_download = (e == c->raw || e == c->last) && reply_plan_ends(r->plan, e->size);
}

typedef const struct site_title *find_fn(const struct site *s, const char *dialect, struct slice name);

static const struct site_title *title_by_name(const struct site *site, find_fn *find, const char *name,
                                              size_t n)
{
    char stem[OS_NAME_MAX + 1];
    return os_stem((struct slice){name, n}, stem) ? find(site, OS_DIALECT, slice_of(stem)) : NULL;
}

static void part_redirect(const struct os_request *r, const struct compiled *c, const char *root,
                          const struct site_entry *e)
{
    _cleanup_buffer_ struct buffer location;
    buffer_init(&location, REPLY_HEAD_MAX);
    size_t n = strlen(root);
    while (n > 0 && root[n - 1] == '/')
        n--;
    buffer_append(&location, root, n);
    buffer_text(&location, "/");
    if (c->host_directory[0] != '\0') {
        percent_encode(&location, slice_of(c->host_directory), true);
        buffer_text(&location, "/");
    }
    percent_encode(&location, slice_of(e->name), false);
    if (location.failed)
        refuse(r, 500);
    else
        http_reply_redirect(&r->moment, r->in->request, location.p, cache_for(r, HTTP_CACHE_BRIEF), r->plan);
}

/* A part of a release that is not live any more. It is served from here, as the host that parts are
 * redirected to may not have it any more. Who named it is not known here, so caches ask. */
static void older_reply(const struct os_request *r, const struct site_entry *e)
{
    char etag[HTTP_ETAG];
    http_etag(&e->object, etag);
    struct http_resource resource = {
        .type = "application/octet-stream", .etag = etag, .object = &e->object, .size = e->size};
    resource.cache = cache_for(r, HTTP_CACHE_ASK);
    http_reply_resource(&r->moment, r->in->request, &resource, r->plan);
}

/* The title may be withdrawn. */
static void part_reply(const struct os_request *r, const struct site_title *title, struct slice value)
{
    const struct compiled *c = title->compiled;
    char text[OS_NAME_MAX + 64];
    int n = percent_decode(value, text, sizeof text);
    struct slice name = {text, n < 0 ? 0 : (size_t)n};
    const struct site_entry *e = c != NULL ? site_entry_find(title, name) : NULL, *older = NULL;
    const char *root = c == NULL                  ? NULL
                       : c->redirect_root != NULL ? c->redirect_root
                                                  : r->config->redirect_root;
    if (e == NULL)
        older = site_older_find(title, name);
    if (older != NULL)
        older_reply(r, older);
    else if (e == NULL || e->kind != OS_PART)
        refuse(r, 404);
    else if (root != NULL)
        part_redirect(r, c, root, e);
    else
        entry_reply(r, title, e);
}

static void definition_reply(const struct os_request *r, const struct site_title *title)
{
    const struct compiled *c = title->compiled;
    struct http_resource resource = {.type = "text/xml",
                                     .etag = c->definition_etag,
                                     .cache = cache_for(r, c->names_last ? HTTP_CACHE_BRIEF : HTTP_CACHE_ASK),
                                     .memory = c->definition,
                                     .size = c->definition_size};
    http_reply_resource(&r->moment, r->in->request, &resource, r->plan);
    r->plan->starts_download = true;
}

/* GET /map_download?map=NAME[&part=PART] */
static void map_download(const struct os_request *r)
{
    const struct http_request *q = r->in->request;
    char name[OS_NAME_MAX + 1];
    struct slice value;
    if (r->config->require_client && !slice_begins(q->user_agent, slice_of(OS_CLIENT_AGENT))) {
        refuse(r, 405);
        return;
    }
    if (!http_query_value(q->query, "map", &value)) {
        refuse(r, 400);
        return;
    }
    int n = percent_decode(value, name, sizeof name);
    bool part = http_query_value(q->query, "part", &value);
    const struct site_title *title =
        n < 0 ? NULL : title_by_name(r->in->site, part ? site_title_known : site_title_find, name, (size_t)n);
    r->plan->title = title;
    if (title == NULL)
        refuse(r, 404);
    else if (part)
        part_reply(r, title, value);
    else
        definition_reply(r, title);
}

/* Has the request the map's password? A map without one needs none. */
static bool password_right(const struct http_request *q, const struct compiled *c)
{
    char password[256];
    struct slice value;
    struct sha256 proof;
    if (!c->encrypted)
        return true;
    if (!c->proof_known || !http_query_value(q->query, "password", &value))
        return false;
    int n = percent_decode(value, password, sizeof password);
    bool right = n >= 0 && os_password_proof(password, (size_t)n, &c->map_md5, &proof, NULL) == PB_OK &&
                 bytes_equal_constant_time(&proof, &c->proof, sizeof proof);
    explicit_bzero(password, sizeof password);
    return right;
}

/* A downloader's template may name the game: /GAME/maps/NAME. Not where that is the path of another dialect's
 * title. */
static bool game_ok(const struct site *site, struct slice game)
{
    if (game.n == 0 || !path_name_ok(game, NULL))
        return false;
    for (size_t i = 0; i < site->n; i++) {
        if (strcmp(site->titles[i]->dialect, OS_DIALECT) != 0 &&
            slice_equal_nocase(slice_of(site->titles[i]->name), game))
            return false;
    }
    return true;
}

/* The live map that "/maps/NAME" or "/GAME/maps/NAME" means, with or without the ending; NULL: it means none,
 * and may be somebody else's path. */
static const struct site_title *raw_title(const struct dialect_http *in)
{
    char name[OS_NAME_MAX + 1];
    struct slice path = in->request->path, route = slice_of(OS_RAW_PATH);
    const char *at = slice_begins(path, route) ? path.p : memmem(path.p, path.n, route.p, route.n);
    if (at == NULL)
        return NULL;
    struct slice before = {path.p, (size_t)(at - path.p)};
    struct slice value = {at + route.n, path.n - before.n - route.n};
    int n = percent_decode(value, name, sizeof name);
    const struct site_title *title = n < 0 ? NULL : title_by_name(in->site, site_title_find, name, (size_t)n);
    if (title == NULL || (before.n > 0 && !game_ok(in->site, (struct slice){before.p + 1, before.n - 1})))
        return NULL;
    return title;
}

/* "immure.map", or without its ending. */
static bool raw_named(const struct site_entry *raw, struct slice path)
{
    char name[OS_NAME_MAX + 1];
    struct slice value = path_base(path), whole = slice_of(raw->name);
    int n = percent_decode(value, name, sizeof name);
    const char *dot = strrchr(raw->name, '.');
    struct slice given = {name, n < 0 ? 0 : (size_t)n}, stem = {raw->name, (size_t)(dot - raw->name)};
    return slice_equal_nocase(given, whole) || slice_equal_nocase(given, stem);
}

/* The map as it is, for clients that take no parts. */
static void raw_map(const struct os_request *r)
{
    const struct site_title *title = raw_title(r->in);
    const struct compiled *c = title->compiled;
    r->plan->title = title;
    if (c->raw == NULL || !raw_named(c->raw, r->in->request->path))
        refuse(r, 404);
    else if (!password_right(r->in->request, c))
        refuse(r, 403);
    else
        entry_reply(r, title, c->raw);
}

static void masters_reply(const struct os_request *r)
{
    struct http_resource resource = {.type = "text/xml",
                                     .etag = r->config->masters_etag,
                                     .cache = HTTP_CACHE_BRIEF,
                                     .memory = r->config->masters,
                                     .size = r->config->masters_size};
    http_reply_resource(&r->moment, r->in->request, &resource, r->plan);
}

typedef void answer_fn(const struct os_request *r);

/* NULL: the path is not ours. */
static answer_fn *route_find(const struct dialect_http *in)
{
    static const struct {
        const char *path;
        answer_fn *answer;
    } routes[] = {
        {OS_PATH, map_download},
        {OS_MASTERS_PATH, masters_reply},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (slice_equal(in->request->path, slice_of(routes[i].path)))
            return routes[i].answer;
    }
    return raw_title(in) != NULL ? raw_map : NULL;
}

bool opensauce_serve(const struct dialect_http *in, struct reply_plan *plan)
{
    struct os_request r = {in, in->settings, {OS_SERVER, in->date}, plan};
    answer_fn *answer = route_find(in);
    if (answer == NULL)
        return false;
    if (!r.config->enabled)
        refuse(&r, 503);
    else if (in->request->method == HTTP_OTHER)
        refuse(&r, 405);
    else
        answer(&r);
    return true;
}

struct site_lasting opensauce_lasting(const char *attributes)
{
    (void)attributes;
    return (struct site_lasting){.kinds = 1u << OS_PART};
}

bool opensauce_about(const struct site_title *title, const void *settings, struct dialect_about *about)
{
    const struct compiled *c = title->compiled;
    const struct opensauce_config *config = settings;
    if (c->encrypted || !config->enabled)
        return false;
    if (about == NULL)
        return true;
    about->size = c->map_size;
    if (c->raw != NULL) {
        about->label = c->raw->name;
        buffer_format(&about->download, "%s%s", OS_RAW_PATH + 1, c->raw->name);
    }
    buffer_text(&about->fetch, title->name);
    return true;
}

/* What a redirect target at /parts serves, and maps that need no password, as /maps/NAME. */
bool opensauce_export_path(const struct site_title *title, const struct site_entry *entry, unsigned n,
                           struct buffer *path, bool *list)
{
    const struct compiled *c = title->compiled;
    *list = false;
    if (n > 0)
        return false;
    if (entry->kind == OS_PART)
        buffer_format(path, "parts/%s%s%s", c->host_directory, c->host_directory[0] != '\0' ? "/" : "",
                      entry->name);
    else if (!c->encrypted)
        buffer_format(path, "%s%s", OS_RAW_PATH + 1, entry->name);
    return true;
}

/* A server has parts at map_download, a plain host at the paths of an export; raw maps are at the same place
 * on both. */
bool opensauce_mirror_url(const struct site_title *title, const struct site_entry *entry, const char *base,
                          unsigned n, struct buffer *url)
{
    bool list, at_server = entry->kind == OS_PART && n == 0;
    _cleanup_buffer_ struct buffer path;
    buffer_init(&path, 2 * PATH_RELATIVE_MAX);
    if (title->compiled == NULL || strncmp(base, "http", 4) != 0)
        return false;
    buffer_format(url, "%s/", base);
    if (at_server) {
        buffer_format(url, "%s?map=", OS_PATH + 1);
        percent_encode(url, slice_of(title->name), false);
        buffer_text(url, "&part=");
        percent_encode(url, slice_of(entry->name), false);
        return true;
    }
    n -= entry->kind == OS_PART;
    if (!opensauce_export_path(title, entry, n, &path, &list) || path.failed || path.n == 0)
        return false;
    percent_encode(url, (struct slice){path.p, path.n}, true);
    return true;
}
