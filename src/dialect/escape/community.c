/* The community's routes: a table of names and answers. */
#include "dialect/escape/community.h"
#include "dialect/escape/followers.h"

#include "wire/http_reply.h"

#include <netdb.h>

#define SERVER  "patchbay"
#define FOLDER  "/" ES_COMMUNITY_FOLDER "/a/escape/"
#define METHODS "GET, HEAD, POST"

/* The game shows a line that does not begin with "ok" to the player, and any status but 200 as "http request
 * failed". */
static const struct route {
    const char *name;
    bool below;         /* it may have something behind it: NAME/MD5 */
    const char *answer; /* NULL: "ok" and the player's number */
} routes[] = {
    {"register", false, NULL},
    {"ping", false, "this server keeps no record of players\n"},
    {"comment", false, "this server keeps no comments\n"},
    {"rate", false, "this server keeps no ratings\n"},
    {"upload", false, "this server takes no levels from players\n"},
    {"upsol", false, "this server keeps no solutions\n"},
    {"allsols", true, "0\n"}, /* so many solutions */
    {"deletefromgame", false, "this server deletes no levels for players\n"},
};

static const struct route *route_find(struct slice path)
{
    struct slice folder = slice_of(FOLDER);
    if (!slice_begins(path, folder))
        return NULL;
    path.p += folder.n, path.n -= folder.n;
    const char *slash = memchr(path.p, '/', path.n);
    struct slice name = {path.p, slash != NULL ? (size_t)(slash - path.p) : path.n};
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (slice_equal(name, slice_of(routes[i].name)))
            return slash == NULL || routes[i].below ? &routes[i] : NULL;
    }
    return NULL;
}

/* A player's number, 1 to 2^31 - 1, which is what the game's int holds. What it sends to register tells
 * players apart, so the same request always gets the same number without anything being kept. */
static bool player_number(const struct http_request *request, uint32_t *number)
{
    struct digest_result r;
    struct slice from = request->query.n > 0 ? request->query : request->user_agent;
    if (digest_bytes(DIGEST_SHA256, from.n > 0 ? from.p : "", from.n, &r, NULL) < 0)
        return false;
    *number = get_le32(r.sha256.bytes) % INT32_MAX + 1;
    return true;
}

static void register_reply(const struct dialect_http *in, const struct http_moment *moment,
                           struct reply_plan *plan)
{
    enum { LINE_MAX_BYTES = 32 };
    uint32_t number = 0;
    _cleanup_buffer_ struct buffer line;
    buffer_init(&line, LINE_MAX_BYTES);
    if (!player_number(in->request, &number) || !buffer_format(&line, "ok %u\n", number)) {
        http_reply_status(moment, in->request, 500, plan);
        return;
    }
    http_reply_text(moment, in->request, 200, "text/plain", (struct slice){line.p, line.n}, plan);
    plan->owned = plan->body == BODY_MEMORY;
    if (plan->owned)
        line.p = NULL;
}

bool es_community_serve(const struct dialect_http *in, bool titles, struct reply_plan *plan)
{
    const struct http_request *q = in->request;
    const struct relay_target *target = ((const struct es_server_config *)in->settings)->community;
    struct http_moment moment = {SERVER, in->date};
    const struct route *route = route_find(q->path);
    if (route == NULL || (!titles && target == NULL))
        return false;
    if (q->method == HTTP_OTHER && !slice_equal(q->method_text, slice_of("POST"))) {
        http_reply_method(&moment, q, METHODS, plan);
    } else if (target != NULL) {
        /* No number of ours either: it would be a stranger's to the other server. */
        http_reply_text(&moment, q, 200, "text/plain", slice_of("the community server does not answer\n"),
                        plan);
        plan->target = target;
    } else if (route->answer == NULL) {
        register_reply(in, &moment, plan);
    } else {
        http_reply_text(&moment, q, 200, "text/plain", slice_of(route->answer), plan);
    }
    return true;
}

/* ---- settings ---- */

const struct setting es_settings[] = {
    {"community", "URL",
     "hand ratings, comments, solutions and the like to the server http://HOST[:PORT][/PREFIX]", false,
     .connects = true},
    {NULL, NULL, NULL, false},
};

/* http://HOST[:PORT][/PREFIX], taken apart. The host of an IPv6 address is without its brackets. */
struct community_url {
    char *host, *port;
    const char *authority, *prefix;
};

enum { URL_MAX = 512 }; /* so that a request for it fits whatever head the client sends: http_relay.c */

static bool url_split(const char *text, struct arena *a, struct community_url *out)
{
    static const char scheme[] = "http://";
    uint64_t port = 80;
    if (strncmp(text, scheme, sizeof scheme - 1) != 0 || strlen(text) > URL_MAX)
        return false;
    text += sizeof scheme - 1;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || strchr("@?#\"\\", *c) != NULL)
            return false;
    }
    size_t n = strcspn(text, "/"), prefix = strlen(text + n);
    while (prefix > 0 && text[n + prefix - 1] == '/')
        prefix--;
    const char *host = text, *bracket = text[0] == '[' ? memchr(text, ']', n) : NULL;
    const char *colon = bracket != NULL ? bracket + 1 : memchr(text, ':', n);
    if (bracket != NULL && colon == text + n)
        colon = NULL;
    size_t host_n = colon != NULL ? (size_t)(colon - text) : n;
    if (colon != NULL &&
        (*colon != ':' || !slice_to_u64((struct slice){colon + 1, n - host_n - 1}, 65535, &port) ||
         port == 0))
        return false;
    if (bracket != NULL)
        host++, host_n -= 2;
    *out = (struct community_url){arena_copy(a, host, host_n), arena_format(a, "%u", (unsigned)port),
                                  arena_copy(a, text, n), arena_copy(a, text + n, prefix)};
    return host_n > 0;
}

/* Once, here, and not for each request: nothing that serves may wait for a name server. */
static int target_resolve(const struct community_url *url, struct relay_target *t, struct pb_error *err)
{
    struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
    int rc = getaddrinfo(url->host, url->port, &wanted, &found);
    if (rc != 0)
        return error_set(err, PB_FAILED, "%s: %s", url->host, gai_strerror(rc));
    memcpy(&t->address, found->ai_addr, found->ai_addrlen);
    t->address_length = found->ai_addrlen;
    freeaddrinfo(found);
    t->host = url->authority;
    t->prefix = url->prefix;
    return PB_OK;
}

static int community_make(const struct setting_value *v, struct arena *a, const struct relay_target **out,
                          struct pb_error *err)
{
    struct community_url url;
    if (strncmp(v->value, "https:", 6) == 0)
        return error_set(err, PB_INVALID,
                         "%s: community: requests are handed on over http:// only, not https://", v->where);
    if (!url_split(v->value, a, &url))
        return error_set(err, PB_INVALID, "%s: community is http://HOST[:PORT][/PREFIX], not %s", v->where,
                         v->value);
    struct relay_target *t = arena_zero(a, sizeof *t);
    if (t == NULL || url.host == NULL || url.port == NULL || url.authority == NULL || url.prefix == NULL)
        return error_memory(err);
    int rc = target_resolve(&url, t, err);
    if (rc < 0)
        return error_context(err, "%s: community", v->where);
    *out = t;
    return PB_OK;
}

int es_settings_make(const struct setting_value *values, size_t n, struct arena *a, void **out,
                     struct pb_error *err)
{
    struct es_server_config *c = arena_zero(a, sizeof *c);
    if (c == NULL || (c->followers = followers_new(a)) == NULL)
        return error_memory(err);
    *out = c;
    return n > 0 ? community_make(&values[0], a, &c->community, err) : PB_OK;
}
