/* What a protocol is told of the connection that it answers. */
#include "serve/engine/exchange.h"

#include <stddef.h>

_Static_assert(offsetof(struct conn, channel) == 0, "proxied_reached finds the connection by its channel");

/* What the client connected to, if the proxy said so. */
static bool proxied_reached(const struct channel *channel, struct sockaddr_storage *out)
{
    const struct conn *c = (const struct conn *)channel;
    if (c->proxy->reached.ss_family == AF_UNSPEC)
        return channel->transport->reached(channel, out);
    *out = c->proxy->reached;
    return true;
}

struct exchange exchange_of(const struct loop *l, const struct conn *c)
{
    return (struct exchange){.snapshot = l->snapshot,
                             .date = l->date,
                             .denied = c->visitor.denied,
                             .client = &c->remote.any,
                             .channel = &c->channel,
                             .reached = c->proxy != NULL ? proxied_reached : c->channel.transport->reached,
                             .shared = l->shared};
}
