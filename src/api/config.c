/* Setting values and reading INI files (inih). settings.c turns values into what serving needs. */
#include "api/config.h"

#include "api/dialects.h"
#include "base/file.h"

#include <fcntl.h>
#include <ini.h>
#include <stdio.h>

#define SERVER_SECTION "server"

enum { FILE_MAX = 1024 * 1024, LINE_MAX_INI = 198 }; /* inih's line buffer has 200 bytes */

static const struct setting server_settings[] = {
    {"http", "ADDR:PORT", "listen for HTTP there (default 0.0.0.0:2303, if polp is not given either)", true},
    {"polp", "ADDR:PORT", "listen for PlayOnline there (default 0.0.0.0:54000, if http is not given either)",
     true},
    {"https", "ADDR:PORT", "listen for HTTP with TLS there; needs certificate", true},
    {"certificate", "FILE", "the certificate for https and admin_https, and its chain behind it (PEM)",
     false},
    {"certificate_key", "FILE", "its private key (PEM; default: it is in the certificate's file)", false},
    {"threads", "N", "threads that serve (default: one for each core)", false},
    {"access_log", "FILE|-|off", "a line for each request: to a file, to standard output, or none", false},
    {"log_format", "combined|json", "the form of these lines (default combined)", false},
    {"admin", "[ADDR:]PORT", "answer the operator there: /metrics, /status, /healthz, /readyz (default: not)",
     false},
    {"admin_https", "[ADDR:]PORT", "the same with TLS", false},
    {"sandbox", "yes|no", "let the kernel refuse what a server does not need (default yes)", false},
    {"admin_hosts", "NAME", "another name that the admin address may be asked by, such as a proxy's", true},
    {"admin_token_file", "FILE",
     "answer at the admin address only who sends this file's token; needed where it is not a loopback "
     "address",
     false},
    {"deny", "ADDRESS[/BITS]", "answer 403 to this address or range", true},
    {"max_connections", "N", "connections of the server (default 50000)", false},
    {"address_connections", "N", "connections of one address (default 500; 0: no limit)", false},
    {"address_requests", "N", "requests of one address a second; further ones wait (default 0: no limit)",
     false},
    {"rate", "BYTES", "bytes a second of the whole server, such as 10M (default 0: no limit)", false},
    {"address_rate", "[RANGE ]BYTES", "bytes a second of each address, or of each in a range", true},
    {"title_rate", "[TITLE ]BYTES", "bytes a second of each title, or of one", true},
    {"soft_cap", "BYTES", "bytes a day after which no download begins (default 0: none)", false},
    {"hard_cap", "BYTES", "bytes a day after which nothing is served (default 0: none)", false},
    {"title_soft_cap", "[TITLE ]BYTES", "the same for each title, or for one", true},
    {"title_hard_cap", "[TITLE ]BYTES", "the same for each title, or for one", true},
    {"ban_connections", "N",
     "ban an address that makes more connections without a valid request in ban_window (default 0: do not)",
     false},
    {"ban_window", "SECONDS", "after this such a connection is forgotten (default 60)", false},
    {"ban_cooldown", "SECONDS", "how long such a ban holds (default 600)", false},
    {"idle_timeout", "SECONDS", "close a connection without a request after this (default 75)", false},
    {"brief_timeout", "SECONDS", "the same for PlayOnline, as the original server had it (default 15)",
     false},
    {"head_timeout", "SECONDS", "the time that a request's head may take (default 10)", false},
    {"head_max", "BYTES", "the size that a request's head may have (default 8192)", false},
    {"send_timeout", "SECONDS", "close a connection that takes too few bytes for this long (default 30)",
     false},
    {"least_rate", "BYTES", "a second: less is too few (default 0: one byte in send_timeout will do)", false},
    {"drain_timeout", "SECONDS", "when told to stop, finish replies for at most this long (default 10)",
     false},
    {"verify", "yes|no", "check each object once while it is served (default yes)", false},
    {"verify_rate", "BYTES", "a second that this reads (default 4M; 0: no limit)", false},
    {NULL, NULL, NULL, false},
};

struct pb_config *pb_config_new(void)
{
    struct pb_config *c = calloc(1, sizeof *c);
    if (c != NULL)
        c->last = &c->first;
    return c;
}

void pb_config_free(struct pb_config *c)
{
    if (c == NULL)
        return;
    arena_free(&c->arena);
    free(c);
}

static const struct setting *table_of(const char *section, const char **name)
{
    const struct dialect *d = dialect_find(section);
    *name = d != NULL ? d->name : SERVER_SECTION;
    return d != NULL ? d->settings : strcmp(section, SERVER_SECTION) == 0 ? server_settings : NULL;
}

static int value_add(struct pb_config *c, enum config_rank rank, const char *section, const char *key,
                     const char *value, const char *where, struct pb_error *err)
{
    const char *name;
    const struct setting *s = table_of(section, &name);
    const struct config_value *before[1];
    if (s == NULL && section[0] == '\0')
        return error_set(err, PB_INVALID, "%s: %s stands before the first [section]", where, key);
    if (s == NULL)
        return error_set(err, PB_INVALID, "%s: there is no section [%s]", where, section);
    while (s->key != NULL && strcmp(s->key, key) != 0)
        s++;
    if (s->key == NULL)
        return error_set(err, PB_INVALID, "%s: [%s] has no key %s", where, section, key);
    size_t n = config_values(c, name, s->key, before, 1);
    if (n > 0 && before[0]->rank == rank && !s->repeatable)
        return error_set(err, PB_INVALID, "%s: %s is set twice", where, key);
    if (n >= CONFIG_VALUES_MAX)
        return error_set(err, PB_INVALID, "%s: more than %d values of %s", where, CONFIG_VALUES_MAX, key);
    struct config_value *v = arena_zero(&c->arena, sizeof *v);
    if (v == NULL)
        return error_memory(err);
    *v = (struct config_value){
        NULL, rank, name, s->key, arena_text(&c->arena, value), arena_text(&c->arena, where)};
    if (v->value == NULL || v->where == NULL)
        return error_memory(err);
    *c->last = v;
    c->last = &v->next;
    return PB_OK;
}

int pb_config_set(struct pb_config *c, const char *section, const char *key, const char *value,
                  const char *where, struct pb_error *err)
{
    return value_add(c, CONFIG_PROGRAM, section, key, value, where, err);
}

int pb_config_default(struct pb_config *c, const char *section, const char *key, const char *value,
                      struct pb_error *err)
{
    return value_add(c, CONFIG_DEFAULT, section, key, value, "default", err);
}

size_t config_values(const struct pb_config *c, const char *section, const char *key,
                     const struct config_value **out, size_t room)
{
    enum config_rank rank = CONFIG_DEFAULT;
    size_t n = 0;
    for (const struct config_value *v = c->first; v != NULL; v = v->next) {
        if (strcmp(v->section, section) != 0 || strcmp(v->key, key) != 0 || (n > 0 && v->rank < rank))
            continue;
        if (v->rank > rank)
            n = 0;
        rank = v->rank;
        if (n < room)
            out[n] = v;
        n++;
    }
    return n;
}

/* A file being read: inih asks for lines, so that we know their numbers. */
struct ini_read {
    struct pb_config *config;
    const char *file;
    const char *at, *end;
    unsigned line;
    int status;
    struct pb_error *err;
};

static char *ini_line(char *out, int room, void *arg)
{
    struct ini_read *r = arg;
    if (r->at == r->end || r->status < 0)
        return NULL;
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    size_t n = (size_t)((newline != NULL ? newline : r->end) - r->at);
    r->line++;
    if (n > LINE_MAX_INI || n + 2 > (size_t)room) {
        r->status = error_set(r->err, PB_INVALID, "%s:%u: the line is longer than %d bytes", r->file, r->line,
                              LINE_MAX_INI);
        return NULL;
    }
    snprintf(out, (size_t)room, "%.*s\n", (int)n, r->at);
    r->at += n + (newline != NULL);
    return out;
}

static int ini_value(void *arg, const char *section, const char *key, const char *value)
{
    struct ini_read *r = arg;
    char where[512];
    snprintf(where, sizeof where, "%s:%u", r->file, r->line);
    if (r->status == PB_OK && value == NULL)
        value = "";
    if (r->status == PB_OK)
        r->status = value_add(r->config, CONFIG_FILE, section, key, value, where, r->err);
    return r->status == PB_OK;
}

int pb_config_read(struct pb_config *c, const char *file, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, FILE_MAX);
    int rc = file_read_all(AT_FDCWD, file, &text, err);
    if (rc < 0)
        return error_context(err, "configuration");
    struct ini_read r = {c, file, text.p, text.p + text.n, 0, PB_OK, err};
    int line = ini_parse_stream(ini_line, &r, ini_value, &r);
    if (r.status < 0)
        return r.status;
    return line != 0 ? error_set(err, PB_INVALID, "%s:%d: neither [section] nor key = value", file, line)
                     : PB_OK;
}

static void keys_of(const char *section, const struct setting *s,
                    void (*fn)(void *, const struct pb_config_key *), void *arg)
{
    for (; s->key != NULL; s++) {
        struct pb_config_key key = {section, s->key, s->argument, s->help, s->repeatable};
        fn(arg, &key);
    }
}

void pb_config_keys(void (*fn)(void *arg, const struct pb_config_key *key), void *arg)
{
    keys_of(SERVER_SECTION, server_settings, fn, arg);
    for (size_t i = 0; all_dialects[i] != NULL; i++)
        keys_of(all_dialects[i]->name, all_dialects[i]->settings, fn, arg);
}
