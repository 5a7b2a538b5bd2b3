/* What an operator can set about OpenSauce's map download, and the dialect itself. */
#include "dialect/opensauce/format.h"
#include "dialect/opensauce/opensauce.h"
#include "wire/http_reply.h"

const struct setting opensauce_settings[] = {
    {"enabled", "yes|no", "answer map downloads (no: 503 for all of them)", false},
    {"require_client", "yes|no", "refuse (405) clients other than the game's, as the original server did",
     false},
    {"redirect_root", "URL", "send all part requests to URL/HOST_DIRECTORY/PART", false},
    {"master", "NAME|ADDRESS|DESCRIPTION", "an entry of the master server list that is served", true},
    {NULL, NULL, NULL, false},
};

static int yes_or_no(const struct setting_value *v, bool *out, struct pb_error *err)
{
    bool yes = strcmp(v->value, "yes") == 0;
    if (!yes && strcmp(v->value, "no") != 0)
        return error_set(err, PB_INVALID, "%s: %s is yes or no, not %s", v->where, v->key, v->value);
    *out = yes;
    return PB_OK;
}

static struct slice trimmed(const char *p, size_t n)
{
    while (n > 0 && *p == ' ')
        p++, n--;
    while (n > 0 && p[n - 1] == ' ')
        n--;
    return (struct slice){p, n};
}

static int master_add(const struct setting_value *v, struct arena *a, struct os_masters *masters,
                      struct pb_error *err)
{
    const char *first = strchr(v->value, '|');
    const char *second = first != NULL ? strchr(first + 1, '|') : NULL;
    if (second == NULL)
        return error_set(err, PB_INVALID, "%s: master is written NAME|ADDRESS|DESCRIPTION", v->where);
    if (masters->n == OS_MASTERS_MAX)
        return error_set(err, PB_INVALID, "%s: more than %d masters", v->where, OS_MASTERS_MAX);
    struct slice name = trimmed(v->value, (size_t)(first - v->value));
    struct slice address = trimmed(first + 1, (size_t)(second - first - 1));
    struct slice description = trimmed(second + 1, strlen(second + 1));
    struct os_master *m = &masters->list[masters->n++];
    *m = (struct os_master){arena_copy(a, name.p, name.n), arena_copy(a, address.p, address.n),
                            arena_copy(a, description.p, description.n)};
    if (m->name == NULL || m->address == NULL || m->description == NULL)
        return error_memory(err);
    if (strncmp(m->address, "http://", 7) != 0 && strncmp(m->address, "https://", 8) != 0)
        return error_set(err, PB_INVALID, "%s: the address %s does not begin with http://", v->where,
                         m->address);
    return PB_OK;
}

static int value_take(const struct setting_value *v, struct arena *a, struct opensauce_config *c,
                      struct os_masters *masters, struct pb_error *err)
{
    if (strcmp(v->key, "enabled") == 0)
        return yes_or_no(v, &c->enabled, err);
    if (strcmp(v->key, "require_client") == 0)
        return yes_or_no(v, &c->require_client, err);
    if (strcmp(v->key, "master") == 0)
        return master_add(v, a, masters, err);
    int rc = os_redirect_check(v->value, err);
    if (rc < 0)
        return error_context(err, "%s", v->where);
    c->redirect_root = arena_text(a, v->value);
    return c->redirect_root == NULL ? error_memory(err) : PB_OK;
}

int opensauce_settings_make(const struct setting_value *values, size_t n, struct arena *a, void **out,
                            struct pb_error *err)
{
    enum { LIST_MAX = 256 * 1024 };
    struct os_masters masters = {0};
    struct digest_result digest;
    struct opensauce_config *c = arena_zero(a, sizeof *c);
    if (c == NULL)
        return error_memory(err);
    c->enabled = true;
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < n; i++)
        rc = value_take(&values[i], a, c, &masters, err);
    if (rc < 0)
        return rc;
    _cleanup_buffer_ struct buffer xml;
    buffer_init(&xml, LIST_MAX);
    os_masters_emit(&masters, &xml);
    if (xml.failed)
        return error_set(err, PB_INVALID, "the master server list is too long");
    c->masters = arena_copy(a, xml.p, xml.n);
    c->masters_size = xml.n;
    if (c->masters == NULL)
        return error_memory(err);
    rc = digest_bytes(DIGEST_SHA256, xml.p, xml.n, &digest, err);
    if (rc < 0)
        return rc;
    http_etag(&digest.sha256, c->masters_etag);
    *out = c;
    return PB_OK;
}

static const char *const paths[] = {"map_download", "maps", "parts", "Halo1", NULL};

const struct dialect opensauce_dialect = {
    .name = "opensauce",
    .settings = opensauce_settings,
    .settings_make = opensauce_settings_make,
    .paths = paths,
    .lasting = opensauce_lasting,
    .compile = opensauce_compile,
    .game = "Halo Custom Edition",
    .about = opensauce_about,
    .serve_http = opensauce_serve,
    .export_path = opensauce_export_path,
    .mirror_url = opensauce_mirror_url,
    .fetch = &opensauce_fetch,
};
