/* From a configuration to what serving needs. limits.c does the limits. */
#include "api/config.h"
#include "api/dialects.h"
#include "api/token.h"
#include "patchbay/words.h"
#include "wire/http_request.h"

#include <stdio.h>
#include <unistd.h>

enum { HEAD_LEAST = 256, VERIFY_RATE = 4 * 1024 * 1024 };
#define VERIFY_RATE_MAX ((uint64_t)1 << 40)
#define UPLOAD_MAX      ((uint64_t)4 << 30) /* what a map of the one protocol that has them can have */
#define UPLOAD_MAX_MAX  ((uint64_t)1 << 40)

int config_wrong(const struct pb_config *c, int rc, const struct pb_error *err)
{
    if (rc == PB_OK || rc == PB_NO_MEMORY || c->fault == NULL)
        return rc;
    c->fault(c->fault_arg, err->text);
    return PB_OK;
}

int config_number(const struct pb_config *c, const char *key, unsigned low, unsigned high, unsigned fallback,
                  unsigned *out, struct pb_error *err)
{
    const struct config_value *v;
    uint64_t n = fallback;
    int rc = PB_OK;
    if (config_values(c, "server", key, &v, 1) > 0 &&
        (!slice_to_u64(slice_of(v->value), high, &n) || n < low)) {
        rc = error_set(err, PB_INVALID, "%s: %s is a number from %u to %u, not %s", v->where, key, low, high,
                       v->value);
        n = fallback;
    }
    *out = (unsigned)n;
    return config_wrong(c, rc, err);
}

int config_seconds(const struct pb_config *c, const char *key, unsigned most, unsigned fallback, unsigned *ms,
                   struct pb_error *err)
{
    const struct config_value *v;
    uint64_t n = fallback;
    int rc = PB_OK;
    if (config_values(c, "server", key, &v, 1) > 0) {
        struct pb_error why;
        rc = pb_duration_read(v->value, 1, most, &n, &why);
        if (rc < 0)
            error_set(err, rc, "%s: %s %s", v->where, key, why.text);
    }
    *ms = (unsigned)n * 1000;
    return config_wrong(c, rc, err);
}

int config_choice(const struct pb_config *c, const char *key, const char *yes, const char *no, bool fallback,
                  bool *out, struct pb_error *err)
{
    const struct config_value *v;
    *out = fallback;
    if (config_values(c, "server", key, &v, 1) == 0)
        return PB_OK;
    if (strcmp(v->value, yes) == 0 || strcmp(v->value, no) == 0) {
        *out = strcmp(v->value, yes) == 0;
        return PB_OK;
    }
    int rc = error_set(err, PB_INVALID, "%s: %s is %s or %s, not %s", v->where, key, yes, no, v->value);
    return config_wrong(c, rc, err);
}

static int times_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    bool json = false;
    const struct {
        const char *key;
        unsigned fallback, *ms;
    } times[] = {{"idle_timeout", 75, &s->idle_ms},
                 {"brief_timeout", 15, &s->short_idle_ms},
                 {"head_timeout", 10, &s->head_ms},
                 {"send_timeout", 30, &s->send_ms},
                 {"drain_timeout", 10, &s->drain_ms}};
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < sizeof times / sizeof times[0]; i++)
        rc = config_seconds(c, times[i].key, CONFIG_SECONDS_MAX, times[i].fallback, times[i].ms, err);
    if (rc == PB_OK)
        rc = config_number(c, "head_max", HEAD_LEAST, HTTP_HEAD_MAX, HTTP_HEAD_MAX, &s->head_max, err);
    if (rc == PB_OK)
        rc = config_choice(c, "log_format", "json", "combined", false, &json, err);
    s->log_format = json ? LOG_JSON : LOG_COMBINED;
    return rc;
}

static int verify_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    s->verify_rate = VERIFY_RATE;
    int rc = config_choice(c, "verify", "yes", "no", true, &s->verify, err);
    return rc == PB_OK ? config_bytes(c, "verify_rate", VERIFY_RATE_MAX, &s->verify_rate, err) : rc;
}

static int publish_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    s->upload_max = UPLOAD_MAX;
    int rc = config_choice(c, "publish", "yes", "no", false, &s->publish, err);
    return rc == PB_OK ? config_bytes(c, "upload_max", UPLOAD_MAX_MAX, &s->upload_max, err) : rc;
}

static int deny_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    const struct config_value *values[CONFIG_VALUES_MAX];
    size_t n = config_values(c, "server", "deny", values, CONFIG_VALUES_MAX);
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < n; i++) {
        struct range range;
        rc = range_parse(values[i]->value, &range, err);
        if (rc < 0)
            error_context(err, "%s", values[i]->where);
        else
            rc = range_set_add(&s->deny, &s->arena, &range, err);
        rc = config_wrong(c, rc, err);
    }
    range_set_sort(&s->deny);
    return rc;
}

/* Names of the operator's address. */
static int admin_hosts_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    const struct config_value *values[CONFIG_VALUES_MAX];
    struct admin_access *a = &s->admin;
    size_t n = config_values(c, "server", "admin_hosts", values, CONFIG_VALUES_MAX);
    a->hosts = arena_zero(&s->arena, (n + 1) * sizeof *a->hosts);
    int rc = a->hosts == NULL ? error_memory(err) : PB_OK;
    for (size_t i = 0; rc == PB_OK && i < n; i++) {
        if (values[i]->value[0] == '\0' || strpbrk(values[i]->value, " ,/") != NULL)
            rc = error_set(err, PB_INVALID, "%s: admin_hosts is the name of one host, not \"%s\"",
                           values[i]->where, values[i]->value);
        else if ((a->hosts[a->host_count] = arena_text(&s->arena, values[i]->value)) == NULL)
            rc = error_memory(err);
        else
            a->host_count++;
        rc = config_wrong(c, rc, err);
    }
    return rc;
}

static int admin_token_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    const struct config_value *v;
    char token[TOKEN_ROOM];
    if (config_values(c, "server", "admin_token_file", &v, 1) == 0)
        return PB_OK;
    int rc = token_read(v->value, token, err);
    if (rc < 0) {
        error_context(err, "%s", v->where);
        return config_wrong(c, rc, err);
    }
    s->admin.token = arena_text(&s->arena, token);
    return s->admin.token != NULL ? PB_OK : error_memory(err);
}

/* Tells of each value that is wrong by itself, and leaves it out. Returns how many stay. */
static size_t dialect_sift(const struct pb_config *c, const struct dialect *d, struct setting_value *list,
                           size_t n, struct arena *a)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct pb_error err;
        void *out;
        int rc = d->settings_make(&list[i], 1, a, &out, &err);
        if (rc < 0 && config_wrong(c, rc, &err) == PB_OK)
            continue;
        list[kept++] = list[i];
    }
    return kept;
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
    if (c->fault != NULL)
        total = dialect_sift(c, d, list, total, &s->arena);
    int rc = d->settings_make(list, total, &s->arena, out, err);
    free(list);
    return config_wrong(c, rc, err);
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
        rc = config_wrong(c, config_trusted(c, s, err), err);
    if (rc == PB_OK)
        rc = verify_make(c, s, err);
    if (rc == PB_OK)
        rc = config_choice(c, "index", "yes", "no", true, &s->index, err);
    bool sandbox; /* confine_api.c makes it so */
    if (rc == PB_OK)
        rc = config_choice(c, "sandbox", "yes", "no", true, &sandbox, err);
    if (rc == PB_OK)
        rc = config_limits(c, s, err);
    if (rc == PB_OK)
        rc = admin_hosts_make(c, s, err);
    if (rc == PB_OK)
        rc = admin_token_make(c, s, err);
    if (rc == PB_OK)
        rc = publish_make(c, s, err);
    if (rc == PB_OK)
        rc = config_wrong(c, certificate_make(c, s, err), err);
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
    if (rc < 0) {
        out->listen_count--;
        error_context(err, "%s", where);
    }
    return rc;
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
    return config_wrong(c, listen_add(out, text, v->where, &admin_protocol, tls, err), err);
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
            rc = config_wrong(
                c, listen_add(out, values[i]->value, values[i]->where, kinds[k].protocol, kinds[k].tls, err),
                err);
    }
    for (size_t k = 0; rc == PB_OK && k < KINDS && !kinds[k].tls && out->listen_count == k; k++)
        rc = listen_add(out, kinds[k].protocol->address, "default", kinds[k].protocol, false, err);
    if (rc == PB_OK)
        rc = admin_make(c, "admin", false, out, err);
    if (rc == PB_OK)
        rc = admin_make(c, "admin_https", true, out, err);
    return rc == PB_OK ? config_wrong(c, certificate_check(c, out, err), err) : rc;
}

/* A URL with a host, without its last slashes. */
static int mirror_take(const struct config_value *v, const char **out, struct pb_error *err)
{
    static const char *const schemes[] = {"http://", "https://", "polp://"};
    enum { MIRROR_MOST = 400 };
    size_t n = strlen(v->value), skip = 0;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(v->value, schemes[i], strlen(schemes[i])) == 0)
            skip = strlen(schemes[i]);
    }
    bool plain = n <= MIRROR_MOST && strpbrk(v->value, " \t?#\\\"") == NULL;
    if (skip == 0 || !plain || n == skip || v->value[skip] == '/' || v->value[n - 1] == '/')
        return error_set(
            err, PB_INVALID,
            "%s: repair_from is http://HOST[:PORT][/PATH], https://… or polp://HOST[:PORT], without a "
            "slash at its end, not %.100s",
            v->where, v->value);
    *out = v->value;
    return PB_OK;
}

static int mirrors_make(const struct pb_config *c, struct config_start *out, struct pb_error *err)
{
    const struct config_value *values[CONFIG_MIRRORS_MAX];
    size_t n = config_values(c, "server", "repair_from", values, CONFIG_MIRRORS_MAX);
    int rc = n > CONFIG_MIRRORS_MAX ? error_set(err, PB_INVALID, "%s: more than %d of repair_from",
                                                values[0]->where, CONFIG_MIRRORS_MAX)
                                    : PB_OK;
    rc = config_wrong(c, rc, err);
    for (size_t i = 0; rc == PB_OK && i < n && i < CONFIG_MIRRORS_MAX; i++) {
        rc = mirror_take(values[i], &out->mirrors[out->mirror_count], err);
        out->mirror_count += rc == PB_OK;
        rc = config_wrong(c, rc, err);
    }
    return rc;
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
    if (rc == PB_OK)
        rc = mirrors_make(c, out, err);
    if (rc == PB_OK)
        rc = config_choice(c, "publish", "yes", "no", false, &out->publish, err);
    if (rc == PB_OK)
        rc = config_wrong(c, config_listeners(c, out, err), err);
    if (config_values(c, "server", "access_log", &log, 1) > 0 && strcmp(log->value, "off") != 0)
        out->access_log = log->value;
    return rc;
}
