/* Answering map downloads: GET /map_download, /maps/NAME and the master server list. */
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
    char modified_text[HTTP_DATE];
    const struct site_entry *raw;  /* NULL: not kept */
    const struct site_entry *last; /* the last part: with it a download is complete */
    bool encrypted;
    bool proof_known;
    struct sha256 proof;
    struct md5 map_md5;
    const char *redirect_root; /* of this map; NULL: none */
    const char *host_directory;
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
    c->redirect_root = a.redirect_root;
    c->host_directory = a.map.host_directory;
    http_date_format(title->since, c->modified_text);
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

static void entry_reply(const struct os_request *r, const struct site_title *title,
                        const struct site_entry *e)
{
    const struct compiled *c = title->compiled;
    char etag[HTTP_ETAG];
    http_etag(&e->object, etag);
    struct http_resource resource = {.type = "application/octet-stream",
                                     .etag = etag,
                                     .modified = title->since,
                                     .modified_text = c->modified_text,
                                     .object = &e->object,
                                     .size = e->size};
    http_reply_resource(&r->moment, r->in->request, &resource, r->plan);
    r->plan->begins = e == c->raw && r->plan->offset == 0;
    r->plan->completes = (e == c->raw || e == c->last) && reply_plan_ends(r->plan, e->size);
}

static const struct site_title *title_by_name(const struct os_request *r, const char *name, size_t n)
{
    char stem[OS_NAME_MAX + 1];
    if (!os_stem((struct slice){name, n}, stem))
        return NULL;
    return site_title_find(r->in->site, OS_DIALECT, slice_of(stem));
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
    percent_encode(&location, slice_of(c->host_directory), false);
    buffer_text(&location, "/");
    percent_encode(&location, slice_of(e->name), false);
    if (location.failed)
        refuse(r, 500);
    else
        http_reply_redirect(&r->moment, r->in->request, location.p, r->plan);
}

static void part_reply(const struct os_request *r, const struct site_title *title, struct slice value)
{
    const struct compiled *c = title->compiled;
    char name[OS_NAME_MAX + 64];
    int n = percent_decode(value, name, sizeof name);
    const struct site_entry *e = n < 0 ? NULL : site_entry_find(title, (struct slice){name, (size_t)n});
    const char *root = c->redirect_root != NULL ? c->redirect_root : r->config->redirect_root;
    if (e == NULL || e->kind != OS_PART)
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
                                     .modified = title->since,
                                     .modified_text = c->modified_text,
                                     .memory = c->definition,
                                     .size = c->definition_size};
    http_reply_resource(&r->moment, r->in->request, &resource, r->plan);
    r->plan->begins = true;
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
    const struct site_title *title = n < 0 ? NULL : title_by_name(r, name, (size_t)n);
    r->plan->title = title;
    if (title == NULL)
        refuse(r, 404);
    else if (http_query_value(q->query, "part", &value))
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
    return n >= 0 && os_password_proof(password, (size_t)n, &c->map_md5, &proof, NULL) == PB_OK &&
           bytes_equal_constant_time(&proof, &c->proof, sizeof proof);
}

/* GET /maps/NAME.map: the map as it is, for clients that take no parts. */
static void raw_map(const struct os_request *r)
{
    char name[OS_NAME_MAX + 1];
    struct slice value = r->in->request->path;
    value.p += strlen(OS_RAW_PATH);
    value.n -= strlen(OS_RAW_PATH);
    int n = percent_decode(value, name, sizeof name);
    const struct site_title *title = n < 0 ? NULL : title_by_name(r, name, (size_t)n);
    const struct compiled *c = title != NULL ? title->compiled : NULL;
    r->plan->title = title;
    if (c == NULL || c->raw == NULL ||
        !slice_equal_nocase((struct slice){name, (size_t)n}, slice_of(c->raw->name)))
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
                                     .modified = r->config->masters_modified,
                                     .modified_text = r->config->masters_modified_text,
                                     .memory = r->config->masters,
                                     .size = r->config->masters_size};
    http_reply_resource(&r->moment, r->in->request, &resource, r->plan);
}

/* Is there a map of this name, whatever will be said of it? */
static bool raw_known(const struct dialect_http *in, struct slice path)
{
    struct os_request r = {.in = in};
    char name[OS_NAME_MAX + 1];
    int n = percent_decode((struct slice){path.p + strlen(OS_RAW_PATH), path.n - strlen(OS_RAW_PATH)}, name,
                           sizeof name);
    return n >= 0 && title_by_name(&r, name, (size_t)n) != NULL;
}

bool opensauce_serve(const struct dialect_http *in, struct reply_plan *plan)
{
    struct slice path = in->request->path;
    static const struct {
        const char *path;
        bool prefix;
        void (*answer)(const struct os_request *r);
    } routes[] = {
        {OS_PATH, false, map_download},
        {OS_RAW_PATH, true, raw_map},
        {OS_MASTERS_PATH, false, masters_reply},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct slice route = slice_of(routes[i].path);
        if (!(routes[i].prefix ? slice_begins(path, route) : slice_equal(path, route)))
            continue;
        if (routes[i].prefix && !raw_known(in, path))
            return false; /* somebody else's folder may have that name */
        struct os_request r = {in, in->settings, {OS_SERVER, in->date}, plan};
        if (!r.config->enabled)
            refuse(&r, 503);
        else if (in->request->method == HTTP_OTHER)
            refuse(&r, 405);
        else
            routes[i].answer(&r);
        return true;
    }
    return false;
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
        buffer_format(path, "parts/%s/%s", c->host_directory, entry->name);
    else if (!c->encrypted)
        buffer_format(path, "%s%s", OS_RAW_PATH + 1, entry->name);
    return true;
}
