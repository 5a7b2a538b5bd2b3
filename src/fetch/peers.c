/* Servers that libcurl has reached, for http_pipeline.c: so that names are looked up, and proxies and
 * redirects followed, in one place. */
#include "fetch/net_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

/* "http://HOST:PORT", up to the path. */
static struct slice server_of(const char *url)
{
    const char *host = strstr(url, "://");
    const char *path = host != NULL ? strchr(host + 3, '/') : NULL;
    return (struct slice){url, path != NULL ? (size_t)(path - url) : strlen(url)};
}

struct net_peer *net_peer(struct net *t, const char *url)
{
    struct slice server = server_of(url);
    for (size_t i = 0; i < t->peer_count; i++) {
        if (slice_equal(slice_of(t->peers[i].name), server))
            return &t->peers[i];
    }
    return NULL;
}

static bool address_parse(const char *text, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    *out = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        return true;
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    return inet_pton(AF_INET6, text, &six->sin6_addr) == 1;
}

/* Would libcurl ask a proxy? Its address would be taken for the server's. Rather not pipelined than wrong. */
static bool proxy_is_set(const struct net *t)
{
    if (t->options.direct || t->options.proxy != NULL)
        return !t->options.direct && t->options.proxy[0] != '\0';
    static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return true;
    }
    return false;
}

void net_peer_note(struct net *t, CURL *e, const char *url)
{
    long redirects = 0, version = 0, port = 0;
    const char *address = NULL;
    struct slice server = server_of(url);
    curl_easy_getinfo(e, CURLINFO_REDIRECT_COUNT, &redirects);
    curl_easy_getinfo(e, CURLINFO_HTTP_VERSION, &version);
    curl_easy_getinfo(e, CURLINFO_PRIMARY_PORT, &port);
    curl_easy_getinfo(e, CURLINFO_PRIMARY_IP, &address);
    struct net_peer *p = &t->peers[t->peer_count];
    if (t->peer_count == NET_PEERS_MAX || net_peer(t, url) != NULL || redirects > 0 ||
        version != CURL_HTTP_VERSION_1_1 || address == NULL || port <= 0 || port > UINT16_MAX ||
        server.n >= sizeof p->name || !slice_begins(server, slice_of("http://")) || proxy_is_set(t) ||
        !address_parse(address, (uint16_t)port, &p->address))
        return;
    snprintf(p->name, sizeof p->name, "%.*s", (int)server.n, server.p);
    p->unfit = false;
    t->peer_count++;
}
