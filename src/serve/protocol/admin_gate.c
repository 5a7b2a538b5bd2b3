/*
 * Three checks. The host that was asked for must be a name of ours: a page in the operator's browser can give
 * a name of its own the address 127.0.0.1 (DNS rebinding), and then reads what that answers; but the browser
 * still sends the page's name. What changes something must not come from another site's page. And where there
 * are tokens, the request must have one with the right that it needs.
 */
#include "serve/protocol/admin_gate.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

/* Without the port. */
static struct slice host_of(const struct http_request *r)
{
    struct slice host = r->authority.n > 0 ? r->authority : r->host;
    const char *bracket = host.n > 0 && host.p[0] == '[' ? memchr(host.p, ']', host.n) : NULL;
    const char *from = bracket != NULL ? bracket : host.p;
    const char *colon = host.n > 0 ? memchr(from, ':', (size_t)(host.p + host.n - from)) : NULL;
    if (colon != NULL)
        host.n = (size_t)(colon - host.p);
    return host;
}

/* The address that the client has reached, as it stands in a URL; "" when it is not known. */
static void reached_text(const struct exchange *x, char out[INET6_ADDRSTRLEN + 2])
{
    struct sockaddr_storage a;
    char text[INET6_ADDRSTRLEN] = "";
    out[0] = '\0';
    if (!x->reached(x->channel, &a))
        return;
    if (a.ss_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)&a)->sin_addr, out, INET6_ADDRSTRLEN);
    } else if (a.ss_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)&a)->sin6_addr;
        bool four = IN6_IS_ADDR_V4MAPPED(six);
        inet_ntop(four ? AF_INET : AF_INET6, four ? six->s6_addr + 12 : six->s6_addr, text, sizeof text);
        snprintf(out, INET6_ADDRSTRLEN + 2, four ? "%s" : "[%s]", text);
    }
}

static bool host_is_ours(const struct exchange *x, struct slice host)
{
    /* The last two are how `patchbay status` asks a server that listens on all addresses. */
    static const char *const own[] = {"localhost", "127.0.0.1", "[::1]", "0.0.0.0", "[::]"};
    const struct admin_access *access = &x->snapshot->settings->admin;
    char reached[INET6_ADDRSTRLEN + 2];
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        if (slice_equal_nocase(host, slice_of(own[i])))
            return true;
    }
    for (size_t i = 0; i < access->host_count; i++) {
        if (slice_equal_nocase(host, slice_of(access->hosts[i])))
            return true;
    }
    reached_text(x, reached);
    return host.n > 0 && slice_equal_nocase(host, slice_of(reached));
}

/* Takes the same time wherever the texts differ; the length is no secret. */
static bool token_equal(struct slice sent, const char *token)
{
    volatile unsigned char differs = 0;
    if (sent.n != strlen(token))
        return false;
    for (size_t i = 0; i < sent.n; i++)
        differs = (unsigned char)(differs | (sent.p[i] ^ token[i]));
    return differs == 0;
}

/* The token of the request; empty when it has none. */
static struct slice token_sent(struct slice authorization)
{
    static const char scheme[] = "Bearer ";
    enum { SCHEME = sizeof scheme - 1 };
    if (authorization.n < SCHEME ||
        !slice_equal_nocase((struct slice){authorization.p, SCHEME}, slice_of(scheme)))
        return (struct slice){0};
    struct slice sent = {authorization.p + SCHEME, authorization.n - SCHEME};
    while (sent.n > 0 && sent.p[0] == ' ')
        sent = (struct slice){sent.p + 1, sent.n - 1};
    return sent;
}

struct caller {
    bool known;
    unsigned rights;
    const char *id; /* of its token in the record; "": it has none there */
};

/* Where there are tokens, each request needs one. Publishing needs one in any case: other users of this
 * machine reach a loopback address, too. */
static struct caller caller_of(const struct exchange *x, const struct http_request *request)
{
    const char *token = x->snapshot->settings->admin.token;
    struct slice sent = token_sent(request->authorization);
    bool exposed = x->shared != NULL && x->shared->exposed;
    if (token == NULL && !tokens_any(x->snapshot->tokens))
        return (struct caller){!exposed, RIGHT_LOOK | RIGHT_BAN, ""};
    if (token != NULL && token_equal(sent, token))
        return (struct caller){true, RIGHT_LOOK | RIGHT_BAN | RIGHT_PUBLISH, ""};
    int64_t now = clock_unix();
    struct token *stored = sent.n > 0 ? tokens_find(x->snapshot->tokens, sent, now) : NULL;
    if (stored == NULL)
        return (struct caller){0};
    __atomic_store_n(&stored->used, now, __ATOMIC_RELAXED);
    return (struct caller){true, stored->rights, stored->id};
}

/* A page of somebody else's in the operator's browser can send a request to us, but not change what the
 * browser says of where it comes from. Programs say nothing. */
static bool origin_is_ours(const struct http_request *r)
{
    static const char *const schemes[] = {"http://", "https://"};
    struct slice asked = r->authority.n > 0 ? r->authority : r->host, site = r->fetch_site;
    if (site.p != NULL && !slice_equal(site, slice_of("same-origin")) && !slice_equal(site, slice_of("none")))
        return false;
    if (r->origin.p == NULL)
        return true;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t n = strlen(schemes[i]);
        if (r->origin.n > n && slice_equal_nocase((struct slice){r->origin.p, n}, slice_of(schemes[i])))
            return slice_equal_nocase((struct slice){r->origin.p + n, r->origin.n - n}, asked);
    }
    return false;
}

int admin_refusal(const struct exchange *x, const struct http_request *request, unsigned needed)
{
    if (!host_is_ours(x, host_of(request)))
        return 421;
    if (needed > RIGHT_LOOK && !origin_is_ours(request))
        return 403;
    if (needed == 0)
        return 0;
    struct caller caller = caller_of(x, request);
    if ((caller.rights & needed) == needed && caller.known)
        return 0;
    return caller.known && !(needed & RIGHT_PUBLISH && caller.id[0] == '\0') ? 403 : 401;
}

const char *admin_caller(const struct exchange *x, const struct http_request *request)
{
    const char *id = caller_of(x, request).id;
    return id != NULL ? id : "";
}
