/* From a configuration to what serving needs. limits.c does the limits. */
#include "api/config.h"
#include "api/dialects.h"
#include "api/token.h"
#include "wire/http_request.h"

#include <stdio.h>
#include <unistd.h>

enum { SECONDS_MAX = 86400, HEAD_LEAST = 256, VERIFY_RATE = 4 * 1024 * 1024 };
#define VERIFY_RATE_MAX ((uint64_t)1 << 40)

int config_number(const struct pb_config *c, const char *key, unsigned low, unsigned high, unsigned fallback,
                  unsigned *out, struct pb_error *err)
{
    const struct config_value *v;
    uint64_t n = fallback;
    if (config_values(c, "server", key, &v, 1) > 0 &&
        (!slice_to_u64(slice_of(v->value), high, &n) || n < low))
        return error_set(err, PB_INVALID, "%s: %s is a number from %u to %u, not %s", v->where, key, low,
                         high, v->value);
    *out = (unsigned)n;
    return PB_OK;
}

int config_seconds(const struct pb_config *c, const char *key, unsigned fallback, unsigned *ms,
                   struct pb_error *err)
{
    int rc = config_number(c, key, 1, SECONDS_MAX, fallback, ms, err);
    *ms *= 1000;
    return rc;
}

static int times_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    const struct config_value *v;
    int rc = config_seconds(c, "idle_timeout", 75, &s->idle_ms, err);
    if (rc == PB_OK)
        rc = config_seconds(c, "brief_timeout", 15, &s->short_idle_ms, err);
    if (rc == PB_OK)
        rc = config_seconds(c, "head_timeout", 10, &s->head_ms, err);
    if (rc == PB_OK)
        rc = config_seconds(c, "send_timeout", 30, &s->send_ms, err);
    if (rc == PB_OK)
        rc = config_seconds(c, "drain_timeout", 10, &s->drain_ms, err);
    if (rc == PB_OK)
        rc = config_number(c, "head_max", HEAD_LEAST, HTTP_HEAD_MAX, HTTP_HEAD_MAX, &s->head_max, err);
    if (rc < 0 || config_values(c, "server", "log_format", &v, 1) == 0)
        return rc;
    s->log_format = strcmp(v->value, "json") == 0 ? LOG_JSON : LOG_COMBINED;
    if (s->log_format == LOG_COMBINED && strcmp(v->value, "combined") != 0)
        return error_set(err, PB_INVALID, "%s: log_format is combined or json, not %s", v->where, v->value);
    return PB_OK;
}

static int verify_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    const struct config_value *v;
    s->verify = true;
    s->verify_rate = VERIFY_RATE;
    if (config_values(c, "server", "verify", &v, 1) > 0) {
        s->verify = strcmp(v->value, "yes") == 0;
        if (!s->verify && strcmp(v->value, "no") != 0)
            return error_set(err, PB_INVALID, "%s: verify is yes or no, not %s", v->where, v->value);
    }
    return config_bytes(c, "verify_rate", VERIFY_RATE_MAX, &s->verify_rate, err);
}

static int deny_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    const struct config_value *values[CONFIG_VALUES_MAX];
    size_t n = config_values(c, "server", "deny", values, CONFIG_VALUES_MAX);
    for (size_t i = 0; i < n; i++) {
        struct range range;
        int rc = range_parse(values[i]->value, &range, err);
        if (rc < 0)
            return error_context(err, "%s", values[i]->where);
        rc = range_set_add(&s->deny, &s->arena, &range, err);
        if (rc < 0)
            return rc;
    }
    range_set_sort(&s->deny);
    return PB_OK;
}

static int admin_access_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    const struct config_value *values[CONFIG_VALUES_MAX];
    struct admin_access *a = &s->admin;
    char token[TOKEN_ROOM];
    size_t n = config_values(c, "server", "admin_hosts", values, CONFIG_VALUES_MAX);
    a->hosts = arena_zero(&s->arena, (n + 1) * sizeof *a->hosts);
    for (size_t i = 0; a->hosts != NULL && i < n; i++) {
        if (values[i]->value[0] == '\0' || strpbrk(values[i]->value, " ,/") != NULL)
            return error_set(err, PB_INVALID, "%s: admin_hosts is the name of one host, not \"%s\"",
                             values[i]->where, values[i]->value);
        a->hosts[a->host_count++] = arena_text(&s->arena, values[i]->value);
        if (a->hosts[i] == NULL)
            return error_memory(err);
    }
    if (a->hosts == NULL)
        return error_memory(err);
    if (config_values(c, "server", "admin_token_file", values, 1) == 0)
        return PB_OK;
    int rc = token_read(values[0]->value, token, err);
    if (rc < 0)
        return error_context(err, "%s", values[0]->where);
    a->token = arena_text(&s->arena, token);
    return a->token != NULL ? PB_OK : error_memory(err);
}

static int certificate_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    const struct config_value *certificate, *key;
    bool has_key = config_values(c, "server", "certificate_key", &key, 1) > 0;
    if (config_values(c, "server", "certificate", &certificate, 1) == 0)
        return has_key ? error_set(err, PB_INVALID, "%s: certificate_key needs certificate, too", key->where)
                       : PB_OK;
    s->tls.certificate = arena_text(&s->arena, certificate->value);
    s->tls.key = arena_text(&s->arena, has_key ? key->value : certificate->value);
    return s->tls.certificate != NULL && s->tls.key != NULL ? PB_OK : error_memory(err);
}

/* All values of one dialect, in the form that it reads. */
static int dialect_make(const struct pb_config *c, const struct dialect *d, struct serve_settings *s,
                        void **out, struct pb_error *err)
{
    struct setting_value *list = calloc(CONFIG_VALUES_MAX, sizeof *list);
    size_t total = 0;
    if (list == NULL)
        return error_memory(err);
    for (const struct setting *key = d->settings; key->key != NULL; key++) {
        const struct config_value *values[CONFIG_VALUES_MAX];
        size_t n = config_values(c, d->name, key->key, values, CONFIG_VALUES_MAX);
        for (size_t i = 0; i < n && total < CONFIG_VALUES_MAX; i++)
            list[total++] = (struct setting_value){values[i]->key, values[i]->value, values[i]->where};
    }
    int rc = d->settings_make(list, total, &s->arena, out, err);
    free(list);
    return rc;
}

int config_settings(const struct pb_config *c, struct serve_settings **out, struct pb_error *err)
{
    struct arena arena;
    arena_init(&arena, 0);
    struct serve_settings *s = arena_zero(&arena, sizeof *s);
    if (s == NULL)
        return error_memory(err);
    s->references = 1;
    s->arena = arena;
    s->dialects = all_dialects;
    size_t n = 0;
    while (all_dialects[n] != NULL)
        n++;
    s->dialect_settings = arena_zero(&s->arena, (n + 1) * sizeof *s->dialect_settings);
    int rc = s->dialect_settings == NULL ? error_memory(err) : times_make(c, s, err);
    if (rc == PB_OK)
        rc = deny_make(c, s, err);
    if (rc == PB_OK)
        rc = verify_make(c, s, err);
    if (rc == PB_OK)
        rc = config_limits(c, s, err);
    if (rc == PB_OK)
        rc = admin_access_make(c, s, err);
    if (rc == PB_OK)
        rc = certificate_make(c, s, err);
    for (size_t i = 0; rc == PB_OK && i < n; i++)
        rc = dialect_make(c, all_dialects[i], s, &s->dialect_settings[i], err);
    if (rc < 0) {
        settings_release(s);
        return rc;
    }
    *out = s;
    return PB_OK;
}

static int listen_add(struct config_start *out, const char *text, const char *where,
                      const struct protocol *protocol, bool tls, struct pb_error *err)
{
    if (out->listen_count == SERVER_ADDRESSES_MAX)
        return error_set(err, PB_INVALID, "%s: more than %d addresses", where, SERVER_ADDRESSES_MAX);
    struct server_listen *l = &out->listen[out->listen_count++];
    l->protocol = protocol;
    l->tls = tls;
    int rc = listen_address_parse(text, &l->address, err);
    return rc < 0 ? error_context(err, "%s", where) : PB_OK;
}

/* "2304" is a port of the loopback address: what the operator sees is not everybody's. */
static int admin_make(const struct pb_config *c, const char *name, bool tls, struct config_start *out,
                      struct pb_error *err)
{
    const struct config_value *v;
    char text[128];
    uint64_t port;
    if (config_values(c, "server", name, &v, 1) == 0)
        return PB_OK;
    bool alone = slice_to_u64(slice_of(v->value), 65535, &port);
    snprintf(text, sizeof text, "%s%s", alone ? "127.0.0.1:" : "", v->value);
    return listen_add(out, text, v->where, &admin_protocol, tls, err);
}

/* Key: where such a listener is configured. */
static const struct {
    const char *key;
    const struct protocol *protocol;
    bool tls;
} kinds[] = {
    {"http", &http_protocol, false}, {"polp", &polp_protocol, false}, {"https", &http_protocol, true}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static int certificate_check(const struct pb_config *c, const struct config_start *out, struct pb_error *err)
{
    const struct config_value *v;
    bool tls = false;
    for (size_t i = 0; i < out->listen_count; i++)
        tls |= out->listen[i].tls;
    if (!tls || config_values(c, "server", "certificate", &v, 1) > 0)
        return PB_OK;
    bool https = config_values(c, "server", "https", &v, 1) > 0 ||
                 config_values(c, "server", "admin_https", &v, 1) > 0;
    return error_set(err, PB_INVALID,
                     "%s: HTTPS needs a certificate: set certificate to the file of the chain and"
                     " certificate_key to that of its key",
                     https ? v->where : "default");
}

/* The listeners that are configured; if there is none at all, each protocol's own without TLS. */
static int listeners_make(const struct pb_config *c, struct config_start *out, struct pb_error *err)
{
    const struct config_value *values[SERVER_ADDRESSES_MAX + 1];
    int rc = PB_OK;
    for (size_t k = 0; k < KINDS; k++) {
        size_t n = config_values(c, "server", kinds[k].key, values, SERVER_ADDRESSES_MAX + 1);
        for (size_t i = 0; rc == PB_OK && i < n && i <= SERVER_ADDRESSES_MAX; i++)
            rc = listen_add(out, values[i]->value, values[i]->where, kinds[k].protocol, kinds[k].tls, err);
    }
    for (size_t k = 0; rc == PB_OK && k < KINDS && !kinds[k].tls && out->listen_count == k; k++)
        rc = listen_add(out, kinds[k].protocol->address, "default", kinds[k].protocol, false, err);
    if (rc == PB_OK)
        rc = admin_make(c, "admin", false, out, err);
    if (rc == PB_OK)
        rc = admin_make(c, "admin_https", true, out, err);
    return rc == PB_OK ? certificate_check(c, out, err) : rc;
}

int config_start(const struct pb_config *c, struct config_start *out, struct pb_error *err)
{
    const struct config_value *log;
    *out = (struct config_start){0};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned threads = cores < 1 ? 1 : cores > SERVER_THREADS_MAX ? SERVER_THREADS_MAX : (unsigned)cores;
    int rc = config_number(c, "threads", 1, SERVER_THREADS_MAX, threads, &out->threads, err);
    if (rc == PB_OK)
        rc = listeners_make(c, out, err);
    if (config_values(c, "server", "access_log", &log, 1) > 0 && strcmp(log->value, "off") != 0)
        out->access_log = log->value;
    return rc;
}
