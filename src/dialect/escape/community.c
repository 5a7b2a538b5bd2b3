/* The community's routes: a table of names and answers. */
#include "dialect/escape/community.h"

#include "wire/http_reply.h"

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
    struct http_moment moment = {SERVER, in->date};
    const struct route *route = route_find(q->path);
    if (route == NULL || !titles)
        return false;
    if (q->method == HTTP_OTHER && !slice_equal(q->method_text, slice_of("POST")))
        http_reply_method(&moment, q, METHODS, plan);
    else if (route->answer == NULL)
        register_reply(in, &moment, plan);
    else
        http_reply_text(&moment, q, 200, "text/plain", slice_of(route->answer), plan);
    return true;
}

/* ---- settings ---- */

const struct setting es_settings[] = {{NULL, NULL, NULL, false}};

int es_settings_make(const struct setting_value *values, size_t n, struct arena *a, void **out,
                     struct pb_error *err)
{
    (void)values, (void)n, (void)a, (void)err;
    *out = NULL;
    return PB_OK;
}
