/* Setting values and reading INI files (inih). settings.c turns values into what serving needs. */
#include "api/config.h"

#include "api/dialects.h"
#include "base/file.h"
#include "base/nearest.h"

#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>

#define SERVER_SECTION "server"

enum { FILE_MAX = 1024 * 1024, LINE_MAX_INI = 198 }; /* inih's line buffer has 200 bytes */

static const struct setting server_settings[] = {
    {"http", "ADDR:PORT", "listen for HTTP there (default 0.0.0.0:2303, if neither polp nor https is given)",
     true},
    {"polp", "ADDR:PORT",
     "listen for PlayOnline there (default 0.0.0.0:54000, if neither http nor https is given)", true},
    {"https", "ADDR:PORT", "listen for HTTP with TLS there; needs certificate", true},
    {"certificate", "FILE", "the certificate for https and admin_https, and its chain behind it (PEM)",
     false},
    {"certificate_key", "FILE", "its private key (PEM; default: it is in the certificate's file)", false},
    {"threads", "N", "threads that serve (default: one for each core)", false},
    {"access_log", "FILE|-|off", "a line for each request: to a file, to standard output, or none", false},
    {"log_format", "combined|json", "the form of these lines (default combined)", false},
    {"admin", "[ADDR:]PORT",
     "answer the operator there: a page, /metrics, /status, /healthz, /readyz (default: not)", false},
    {"admin_https", "[ADDR:]PORT", "the same with TLS", false},
    {"sandbox", "yes|no", "let the kernel refuse what a server does not need (default yes)", false},
    {"admin_hosts", "NAME", "another name that the admin address may be asked by, such as a proxy's", true},
    {"admin_token_file", "FILE",
     "the token in this file opens everything at the admin address; where that is not a loopback one, this "
     "or "
     "a token of 'patchbay token add' is needed",
     false},
    {"publish", "yes|no",
     "let who has a token with this right publish maps at the admin address (default no)", false},
    {"upload_max", "BYTES", "the size that such a map may have (default 4G)", false},
    {"deny", "ADDRESS[/BITS]", "answer 403 to this address or range", true},
    {"trusted_proxies", "RANGE",
     "believe these proxies (addresses or ranges) whom they ask for: in X-Forwarded-For or Forwarded", true},
    {"proxy_protocol", "yes|no|ADDR:PORT",
     "what trusted proxies send begins with a PROXY header: at all addresses but the operator's, or at this "
     "one (default no)",
     true},
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
    {"ban_window", "DURATION", "after this such a connection is forgotten (default 60s)", false},
    {"ban_cooldown", "DURATION", "how long such a ban holds (default 10m)", false},
    {"idle_timeout", "DURATION", "close a connection without a request after this (default 75s)", false},
    {"brief_timeout", "DURATION", "the same for PlayOnline, as the original server had it (default 15s)",
     false},
    {"head_timeout", "DURATION", "the time that a request's head may take (default 10s)", false},
    {"head_max", "BYTES", "the size that a request's head may have (default 8192)", false},
    {"send_timeout", "DURATION", "close a connection that takes too few bytes for this long (default 30s)",
     false},
    {"least_rate", "BYTES", "a second: less is too few (default 0: one byte in send_timeout will do)", false},
    {"drain_timeout", "DURATION", "when told to stop, finish replies for at most this long (default 10s)",
     false},
    {"index", "yes|no", "answer a browser that asks for / with a page of what is live (default yes)", false},
    {"verify", "yes|no", "check each object once while it is served (default yes)", false},
    {"verify_rate", "BYTES", "a second that this reads (default 4M; 0: no limit)", false},
    {"repair_from", "URL",
     "fetch what is damaged again from this server of the same content: http://, https:// or polp://", true,
     true},
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

void pb_config_faults(struct pb_config *c, pb_config_fault_fn *fn, void *arg)
{
    c->fault = fn;
    c->fault_arg = arg;
}

static const struct setting *table_of(const char *section, const char **name)
{
    const struct dialect *d = dialect_find(section);
    *name = d != NULL ? d->name : SERVER_SECTION;
    return d != NULL ? d->settings : strcmp(section, SERVER_SECTION) == 0 ? server_settings : NULL;
}

static int section_unknown(const char *section, const char *where, struct pb_error *err)
{
    char suggested[NEAREST_TEXT];
    struct nearest near;
    nearest_init(&near, slice_of(section));
    nearest_offer(&near, slice_of(SERVER_SECTION), slice_of(SERVER_SECTION));
    for (size_t i = 0; all_dialects[i] != NULL; i++)
        nearest_offer(&near, slice_of(all_dialects[i]->name), slice_of(all_dialects[i]->name));
    return error_set(err, PB_INVALID, "%s: there is no section [%s]%s", where, section,
                     nearest_text(&near, suggested));
}

static int key_unknown(const struct setting *table, const char *section, const char *key, const char *where,
                       struct pb_error *err)
{
    char suggested[NEAREST_TEXT];
    struct nearest near;
    nearest_init(&near, slice_of(key));
    for (const struct setting *s = table; s->key != NULL; s++)
        nearest_offer(&near, slice_of(s->key), slice_of(s->key));
    return error_set(err, PB_INVALID, "%s: [%s] has no key %s%s", where, section, key,
                     nearest_text(&near, suggested));
}

static int value_append(struct pb_config *c, const struct config_value *value, struct pb_error *err)
{
    struct config_value *v = arena_zero(&c->arena, sizeof *v);
    if (v == NULL)
        return error_memory(err);
    *v = *value;
    v->value = arena_text(&c->arena, value->value);
    v->where = arena_text(&c->arena, value->where);
    if (v->value == NULL || v->where == NULL)
        return error_memory(err);
    *c->last = v;
    c->last = &v->next;
    return PB_OK;
}

static int value_add(struct pb_config *c, enum config_rank rank, const char *section, const char *key,
                     const char *value, const char *where, struct pb_error *err)
{
    const char *name;
    const struct setting *table = table_of(section, &name), *s = table;
    const struct config_value *before[1];
    if (s == NULL && section[0] == '\0')
        return error_set(err, PB_INVALID, "%s: %s stands before the first [section]", where, key);
    if (s == NULL)
        return section_unknown(section, where, err);
    while (s->key != NULL && strcmp(s->key, key) != 0)
        s++;
    if (s->key == NULL)
        return key_unknown(table, section, key, where, err);
    size_t n = config_values(c, name, s->key, before, 1);
    if (n > 0 && before[0]->rank == rank && !s->repeatable)
        return error_set(err, PB_INVALID, "%s: %s is set twice", where, key);
    if (n >= CONFIG_VALUES_MAX)
        return error_set(err, PB_INVALID, "%s: more than %d values of %s", where, CONFIG_VALUES_MAX, key);
    return value_append(c, &(struct config_value){NULL, rank, name, s->key, value, where}, err);
}

int pb_config_set(struct pb_config *c, const char *section, const char *key, const char *value,
                  const char *where, struct pb_error *err)
{
    return config_wrong(c, value_add(c, CONFIG_PROGRAM, section, key, value, where, err), err);
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

static bool connects(const struct pb_config *c, const char *section, const struct setting *s)
{
    const struct config_value *v;
    for (; s->key != NULL; s++) {
        if (s->connects && config_values(c, section, s->key, &v, 1) > 0)
            return true;
    }
    return false;
}

bool config_connects(const struct pb_config *c)
{
    bool found = connects(c, SERVER_SECTION, server_settings);
    for (size_t i = 0; !found && all_dialects[i] != NULL; i++)
        found = connects(c, all_dialects[i]->name, all_dialects[i]->settings);
    return found;
}

/* A file being read: inih asks for lines. What it would pass over in silence, or name by a number alone, is
 * looked at before. */
struct ini_read {
    struct pb_config *config;
    const char *file;
    const char *at, *end;
    unsigned line;
    bool foreign; /* the section that we are in is not known: its keys need no words of their own */
    int status;
    struct pb_error *err;
};

PB_PRINTF(2, 3) static int line_fault(struct ini_read *r, const char *format, ...)
{
    char text[PB_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(r->err, PB_INVALID, "%s:%u: %s", r->file, r->line, text);
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice trimmed(struct slice text)
{
    while (text.n > 0 && blank(text.p[0]))
        text.p++, text.n--;
    while (text.n > 0 && blank(text.p[text.n - 1]))
        text.n--;
    return text;
}

/* A line that begins a section, or is meant to. */
static int section_look(struct ini_read *r, struct slice line)
{
    char name[LINE_MAX_INI + 1], where[sizeof name + 512];
    const char *table;
    const char *close = memchr(line.p, ']', line.n);
    bool open = line.p[0] == '[';
    struct slice rest = {close != NULL ? close + 1 : line.p + line.n, 0};
    rest = trimmed((struct slice){rest.p, (size_t)(line.p + line.n - rest.p)});
    if (!open || close == NULL)
        return line_fault(r, "a section is written in two brackets, [%.*s], not %.*s",
                          (int)(line.n - (open || close != NULL)), line.p + open, (int)line.n, line.p);
    if (rest.n > 0 && rest.p[0] != ';' && rest.p[0] != '#')
        return line_fault(r, "%.*s stands behind the section; it goes to a line of its own", (int)rest.n,
                          rest.p);
    snprintf(name, sizeof name, "%.*s", (int)(close - line.p - 1), line.p + 1);
    snprintf(where, sizeof where, "%s:%u", r->file, r->line);
    return table_of(name, &table) != NULL ? PB_OK : section_unknown(name, where, r->err);
}

/* PB_OK: inih may have the line. */
static int line_look(struct ini_read *r, struct slice line)
{
    if (line.n > LINE_MAX_INI)
        return line_fault(r, "the line is longer than %d bytes", LINE_MAX_INI);
    line = trimmed(line);
    if (line.n == 0 || line.p[0] == ';' || line.p[0] == '#')
        return PB_OK;
    bool key = memchr(line.p, '=', line.n) != NULL || memchr(line.p, ':', line.n) != NULL;
    if (line.p[0] != '[' && (key || line.p[line.n - 1] != ']'))
        return key ? PB_OK : line_fault(r, "neither [section] nor key = value: %.*s", (int)line.n, line.p);
    r->foreign = false;
    int rc = section_look(r, line);
    r->foreign = rc < 0;
    return rc;
}

static char *ini_line(char *out, int room, void *arg)
{
    struct ini_read *r = arg;
    if (r->at == r->end || r->status < 0)
        return NULL;
    const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
    struct slice line = {r->at, (size_t)((newline != NULL ? newline : r->end) - r->at)};
    r->at += line.n + (newline != NULL);
    if (r->line++ == 0 && slice_begins(line, slice_of("\xef\xbb\xbf"))) /* a byte order mark */
        line = (struct slice){line.p + 3, line.n - 3};
    int rc = line_look(r, line);
    r->status = config_wrong(r->config, rc, r->err);
    if (r->status < 0)
        return NULL;
    if (rc < 0)
        line.n = 0;
    line = trimmed(line); /* inih would take an indented line for more of the value before it */
    snprintf(out, (size_t)room, "%.*s\n", (int)line.n, line.p);
    return out;
}

static int ini_value(void *arg, const char *section, const char *key, const char *value)
{
    struct ini_read *r = arg;
    char where[512];
    snprintf(where, sizeof where, "%s:%u", r->file, r->line);
    if (value == NULL)
        value = "";
    if (r->status == PB_OK && !r->foreign)
        r->status = config_wrong(
            r->config, value_add(r->config, CONFIG_FILE, section, key, value, where, r->err), r->err);
    return r->status == PB_OK;
}

int pb_config_read(struct pb_config *c, const char *file, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, FILE_MAX);
    int rc = file_read_all(AT_FDCWD, file, &text, err);
    if (rc < 0)
        return error_context(err, "configuration");
    struct ini_read r = {.config = c, .file = file, .at = text.p, .end = text.p + text.n, .err = err};
    int line = ini_parse_stream(ini_line, &r, ini_value, &r);
    if (r.status < 0 || line == 0)
        return r.status;
    r.line = (unsigned)line;
    rc = line_fault(&r, "neither [section] nor key = value");
    return config_wrong(c, rc, err);
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
