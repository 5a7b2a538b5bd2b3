/* Settings about proxies, and about addresses that are for IPv4 and IPv6. */
#include "api/config.h"

#include <netinet/in.h>

/* ---- who is trusted ---- */

/* Several ranges may stand in one value. */
static int trusted_add(struct serve_settings *s, const struct config_value *v, struct pb_error *err)
{
    char *rest = arena_text(&s->arena, v->value), *word;
    if (rest == NULL)
        return error_memory(err);
    size_t before = s->trusted.n;
    while ((word = strsep(&rest, " \t,")) != NULL) {
        struct range range;
        if (word[0] == '\0')
            continue;
        int rc = range_parse(word, &range, err);
        if (rc < 0)
            return error_context(err, "%s: trusted_proxies", v->where);
        rc = range_set_add(&s->trusted, &s->arena, &range, err);
        if (rc < 0)
            return rc;
    }
    if (s->trusted.n == before)
        return error_set(err, PB_INVALID, "%s: trusted_proxies is empty", v->where);
    return PB_OK;
}

int config_trusted(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    const struct config_value *values[CONFIG_VALUES_MAX];
    size_t n = config_values(c, "server", "trusted_proxies", values, CONFIG_VALUES_MAX);
    for (size_t i = 0; i < n; i++) {
        int rc = trusted_add(s, values[i], err);
        if (rc < 0)
            return rc;
    }
    range_set_sort(&s->trusted);
    return PB_OK;
}

/* ---- where the PROXY header is expected ---- */

static bool same_listen(const struct listen_address *a, const struct listen_address *b)
{
    return a->inherited == b->inherited && a->length == b->length &&
           memcmp(&a->address, &b->address, a->length) == 0;
}

/* One value: marks the listeners that it names. */
static int header_mark(struct config_start *start, const struct config_value *v, struct pb_error *err)
{
    bool all = strcmp(v->value, "yes") == 0, found = all;
    struct listen_address address;
    if (!all && listen_address_parse(v->value, &address, NULL) < 0)
        return error_set(err, PB_INVALID, "%s: proxy_protocol is yes, no or ADDRESS:PORT, not %s", v->where,
                         v->value);
    for (size_t i = 0; i < start->listen_count; i++) {
        struct server_listen *l = &start->listen[i];
        if (l->protocol->for_operator || (!all && !same_listen(&l->address, &address)))
            continue;
        l->proxy_header = true;
        found = true;
    }
    return found ? PB_OK
                 : error_set(err, PB_INVALID, "%s: proxy_protocol: players are not served at %s", v->where,
                             v->value);
}

static int headers_mark(const struct pb_config *c, struct config_start *start, struct pb_error *err)
{
    const struct config_value *values[CONFIG_VALUES_MAX], *trusted;
    size_t n = config_values(c, "server", "proxy_protocol", values, CONFIG_VALUES_MAX);
    if (n == 1 && strcmp(values[0]->value, "no") == 0)
        return PB_OK;
    if (n > 0 && config_values(c, "server", "trusted_proxies", &trusted, 1) == 0)
        return error_set(err, PB_INVALID, "%s: proxy_protocol: only from trusted_proxies, which is not set",
                         values[0]->where);
    for (size_t i = 0; i < n; i++) {
        int rc = header_mark(start, values[i], err);
        if (rc < 0)
            return rc;
    }
    return PB_OK;
}

/* ---- IPv4 and IPv6 ---- */

static uint16_t port_of(const struct listen_address *a)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)&a->address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&a->address;
    return a->length == 0 ? 0 : ntohs(a->address.ss_family == AF_INET6 ? six->sin6_port : four->sin_port);
}

/* [::]:P is for IPv4, too, unless an IPv4 address with the same port is given. */
static void families_part(struct config_start *start)
{
    for (size_t i = 0; i < start->listen_count; i++) {
        struct listen_address *a = &start->listen[i].address;
        for (size_t k = 0; k < start->listen_count; k++) {
            const struct listen_address *b = &start->listen[k].address;
            a->only_v6 |= b->address.ss_family == AF_INET && port_of(b) != 0 && port_of(b) == port_of(a);
        }
    }
}

int config_listeners(const struct pb_config *c, struct config_start *start, struct pb_error *err)
{
    families_part(start);
    return headers_mark(c, start, err);
}
