/*
 * Connections that a trusted proxy makes. Whose they are a PROXY header in front of their bytes may say, and
 * for each request a field of its head. The connection's visitor and `remote` are the proxy's while it waits,
 * and the client's from the moment that he is known until he has his reply; so rates, bans, limits, caps and
 * the log see the client.
 *
 * The header is peeked at and then taken from the socket itself, so that the transport, whatever it is, finds
 * its own first byte.
 */
#ifndef PB_SERVE_ENGINE_PROXIED_H
#define PB_SERVE_ENGINE_PROXIED_H

#include "serve/engine/engine.h"

/* The connection's peer is a trusted proxy, or is none; its visitor says which. `header`: it is new, and a
 * PROXY header comes first. Also for one that has become trusted. False: memory is out. */
PB_MUST_USE bool proxied_begin(struct loop *l, struct conn *c, bool header);

/* Is the header still to come? */
static inline bool proxied_waits(const struct conn *c)
{
    return c->proxy != NULL && c->proxy->header_due;
}
/* Reads it. False: it has not come whole, or the connection is closed. */
PB_MUST_USE bool proxied_header(struct loop *l, struct conn *c);

/* A request begins at `in`: its client becomes the visitor. False: he has as many requests under way as
 * address_connections lets him have connections. Also called again for a request that was held. */
PB_MUST_USE bool proxied_request(struct loop *l, struct conn *c, struct slice in);
/* The reply has left, or none is due: the visitor is the proxy again. */
void proxied_answered(struct loop *l, struct conn *c);

#endif
