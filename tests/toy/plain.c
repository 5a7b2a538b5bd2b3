/* The server's side: the list's format, and answers over HTTP. */
#include "plain.h"

#include "base/path.h"
#include "wire/http_reply.h"

/* ---- the list ---- */

static int line_parse(struct slice line, struct arena *a, struct plain_list *out, struct pb_error *err)
{
    enum { HEX = SHA256_HEX, PATH_AT = SHA256_HEX + 2 };
    bool many = out->n == PLAIN_FILES_MAX;
    const char *why = many ? "is one too many" : "is not HEX, two spaces, PATH";
    struct slice path = {0};
    if (line.n > PATH_AT)
        path = (struct slice){line.p + PATH_AT, line.n - PATH_AT};
    struct plain_file f;
    if (many || path.n == 0 || !hex_decode((struct slice){line.p, HEX}, &f.sha256, sizeof f.sha256) ||
        line.p[HEX] != ' ' || (line.p[HEX + 1] != ' ' && line.p[HEX + 1] != '*') ||
        !path_relative_portable(path, &why))
        return error_set(err, PB_INVALID, PLAIN_LIST ", line %zu: %s", out->n + 1, why);
    f.path = arena_copy(a, path.p, path.n);
    struct plain_file *files = arena_grow(a, out->files, out->n, &out->room, sizeof f);
    if (f.path == NULL || files == NULL)
        return error_memory(err);
    out->files = files;
    out->files[out->n++] = f;
    return PB_OK;
}

int plain_list_parse(struct slice text, struct arena *a, struct plain_list *out, struct pb_error *err)
{
    int rc = PB_OK;
    *out = (struct plain_list){0};
    while (rc == PB_OK && text.n > 0) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end != NULL ? (size_t)(end - text.p) : text.n, whole = n + (end != NULL);
        rc = line_parse((struct slice){text.p, n}, a, out, err);
        text = (struct slice){text.p + whole, text.n - whole};
    }
    return rc == PB_OK && out->n == 0 ? error_set(err, PB_INVALID, PLAIN_LIST " names no file") : rc;
}

/* ---- serving ---- */

static const struct setting settings[] = {
    {"list_name", "NAME", "the last name of the list's path (default " PLAIN_LIST ")", false},
    {NULL, NULL, NULL, false},
};

static int settings_make(const struct setting_value *values, size_t n, struct arena *a, void **out,
                         struct pb_error *err)
{
    const char *why, *name = n > 0 ? values[n - 1].value : PLAIN_LIST;
    if (!path_name_ok(slice_of(name), &why))
        return error_set(err, PB_INVALID, "%s: the name %s", values[n - 1].where, why);
    *out = arena_text(a, name);
    return *out == NULL ? error_memory(err) : PB_OK;
}

static void entry_reply(const struct dialect_http *in, const struct site_title *title,
                        const struct site_entry *e, struct reply_plan *plan)
{
    const struct http_moment moment = {"patchbay", in->date};
    char etag[HTTP_ETAG];
    http_etag(&e->object, etag);
    const struct http_resource resource = {
        .type = "application/octet-stream", .etag = etag, .object = &e->object, .size = e->size};
    http_reply_resource(&moment, in->request, &resource, plan);
    plan->title = title;
    plan->starts_download = e->kind == PLAIN_KIND_LIST;
    plan->ends_download = e->kind == PLAIN_KIND_FILE && reply_plan_ends(plan, e->size);
}

static const struct site_entry *entry_find(const struct dialect_http *in, const struct site_title *title,
                                           struct slice name)
{
    bool list = slice_equal(name, slice_of(in->settings));
    const struct site_entry *e = site_entry_find(title, list ? slice_of(PLAIN_LIST) : name);
    return e != NULL && list == (e->kind == PLAIN_KIND_LIST) ? e : NULL;
}

static bool serve(const struct dialect_http *in, struct reply_plan *plan)
{
    static const struct slice folder = {"/" PLAIN_DIALECT "/", sizeof "/" PLAIN_DIALECT "/" - 1};
    const struct http_moment moment = {"patchbay", in->date};
    char path[FILE_NAME_MAX + 1 + PATH_RELATIVE_MAX + 1];
    struct slice rest = in->request->path;
    if (!slice_begins(rest, folder))
        return false;
    int n = percent_decode((struct slice){rest.p + folder.n, rest.n - folder.n}, path, sizeof path);
    const char *slash = n > 0 ? memchr(path, '/', (size_t)n) : NULL;
    struct slice name = {path, slash != NULL ? (size_t)(slash - path) : 0};
    const struct site_title *title = slash != NULL ? site_title_find(in->site, PLAIN_DIALECT, name) : NULL;
    const struct site_entry *e =
        title != NULL ? entry_find(in, title, (struct slice){slash + 1, (size_t)(path + n - slash - 1)})
                      : NULL;
    if (e == NULL || in->request->method == HTTP_OTHER)
        http_reply_status(&moment, in->request, e == NULL ? 404 : 405, plan);
    else
        entry_reply(in, title, e, plan);
    return true;
}

static bool export_path(const struct site_title *title, const struct site_entry *entry, unsigned n,
                        struct buffer *path, bool *list)
{
    *list = entry->kind == PLAIN_KIND_LIST;
    return n == 0 && buffer_format(path, PLAIN_DIALECT "/%s/%s", title->name, entry->name);
}

static const char *const paths[] = {PLAIN_DIALECT, NULL};

const struct dialect plain_dialect = {
    .name = PLAIN_DIALECT,
    .settings = settings,
    .settings_make = settings_make,
    .paths = paths,
    .serve_http = serve,
    .export_path = export_path,
    .fetch = &plain_fetch,
};
