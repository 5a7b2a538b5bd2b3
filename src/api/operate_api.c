/* patchbay/operate.h. */
#include "patchbay/operate.h"

#include "api/token.h"
#include "depot/depot.h"
#include "depot/state.h"
#include "fetch/net.h"
#include "serve/live/banning.h"

#include <jansson.h>
#include <stdio.h>

static int state_of(struct pb_depot *depot, struct state **out, struct pb_error *err)
{
    return state_open(((struct depot *)depot)->path, out, err);
}

int pb_ban(struct pb_depot *depot, const char *range, const char *reason, int64_t expires,
           struct pb_error *err)
{
    struct banning ban;
    int rc = banning_make(range, reason != NULL ? reason : "", expires, &ban, err);
    return rc < 0 ? rc : banning_put(((struct depot *)depot)->path, STATE_PATIENCE_MS, &ban, err);
}

int pb_unban(struct pb_depot *depot, const char *range, struct pb_error *err)
{
    return banning_lift(((struct depot *)depot)->path, STATE_PATIENCE_MS, range, err);
}

struct listing {
    pb_ban_fn *fn;
    void *arg;
};

static int ban_show(void *arg, const struct state_ban *ban, struct pb_error *err)
{
    const struct listing *l = arg;
    struct pb_ban shown = {ban->range, ban->reason, ban->added, ban->expires};
    return l->fn(l->arg, &shown) == 0 ? PB_OK : error_set(err, PB_CANCELLED, "cancelled");
}

int pb_bans(struct pb_depot *depot, pb_ban_fn *fn, void *arg, struct pb_error *err)
{
    struct listing l = {fn, arg};
    struct state *state = NULL;
    int rc = state_of(depot, &state, err);
    if (rc < 0)
        return rc;
    rc = state_bans(state, ban_show, &l, err);
    state_close(state);
    return rc;
}

/* ---- a running server's state ---- */

static int servers_of(struct pb_depot *depot, struct state_server out[STATE_SERVERS_MAX], size_t *n,
                      struct pb_error *err)
{
    struct state *state = NULL;
    int rc = depot != NULL ? state_of(depot, &state, err)
                           : error_set(err, PB_INVALID, "neither a depot nor an address is given");
    if (rc < 0)
        return rc;
    rc = state_servers(state, out, n, err);
    state_close(state);
    if (rc == PB_OK && *n == 0)
        return error_set(err, PB_NOT_FOUND,
                         "no server with an admin address serves this depot; start it with"
                         " --admin 127.0.0.1:2304");
    return rc;
}

/* What every server is shown, and judged by; `token` may be "", `ca_file` NULL. */
struct credentials {
    char token[TOKEN_ROOM];
    const char *ca_file;
};

/* Asks once. `seconds` 0: it may take as long as over a slow line. */
static int status_ask(const char *address, const struct credentials *by, unsigned seconds,
                      struct buffer *text, struct pb_error *err)
{
    char url[512];
    struct net_options o = {.user_agent = "patchbay",
                            .direct = true,
                            .seconds = seconds,
                            .token = by->token,
                            .ca_file = by->ca_file};
    bool has_scheme = strncmp(address, "http://", 7) == 0 || strncmp(address, "https://", 8) == 0;
    struct net *t;
    if (snprintf(url, sizeof url, "%s%s/status", has_scheme ? "" : "http://", address) >= (int)sizeof url)
        return error_set(err, PB_INVALID, "the address is too long");
    int rc = net_new(&o, &t, err);
    if (rc < 0)
        return rc;
    rc = net_try(t, url, NULL, text, err);
    net_free(t);
    if (rc == PB_OK && text->n == 0)
        rc = error_set(err, PB_NETWORK, "an empty answer");
    return rc < 0 ? error_context(err, "no answer from a server at %s", address) : rc;
}

/* Is the answer that of the server in the record? Its address may be another program's by now, or another
 * server's. One that stops may still answer where its successor has the same socket. */
static bool status_is_of(const char *text, const struct state_server *server)
{
    json_t *o = json_loads(text, 0, NULL);
    const char *state = json_string_value(json_object_get(o, "state"));
    json_int_t started = json_integer_value(json_object_get(o, "start_time_seconds"));
    bool same = state != NULL &&
                (server->started == 0 || started == server->started || strcmp(state, "stopping") == 0);
    json_decref(o);
    return same;
}

/* The newest server that answers. The error is that of the newest. */
static int status_of_depot(struct pb_depot *depot, const struct credentials *by, struct buffer *text,
                           struct pb_error *err)
{
    enum { ANSWER_SECONDS = 10 }; /* one that hangs must not keep us from the next for long */
    struct state_server servers[STATE_SERVERS_MAX];
    struct pb_error of_newest = {0}, of_other = {0};
    size_t n = 0;
    int rc = servers_of(depot, servers, &n, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++) {
        struct pb_error *of_this = i == 0 ? &of_newest : &of_other;
        rc = status_ask(servers[i].admin, by, ANSWER_SECONDS, text, of_this);
        if (rc == PB_OK && status_is_of(text->p, &servers[i]))
            return PB_OK;
        if (rc == PB_OK)
            error_set(of_this, PB_NETWORK, "no answer from a server at %s: another program answers there",
                      servers[i].admin);
    }
    if (err != NULL)
        *err = of_newest;
    return of_newest.status;
}

int pb_server_status(struct pb_depot *depot, const char *address, const char *token_file, const char *ca_file,
                     char **json, struct pb_error *err)
{
    enum { STATUS_MAX = 256 * 1024 * 1024 };
    struct credentials by = {"", ca_file};
    struct buffer text;
    int rc = token_file != NULL ? token_read(token_file, by.token, err) : PB_OK;
    if (rc < 0)
        return rc;
    buffer_init(&text, STATUS_MAX);
    rc = address != NULL ? status_ask(address, &by, 0, &text, err) : status_of_depot(depot, &by, &text, err);
    if (rc < 0) {
        buffer_free(&text);
        return rc;
    }
    *json = text.p;
    return PB_OK;
}
