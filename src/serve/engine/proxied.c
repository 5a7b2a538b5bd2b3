/* Whom a trusted proxy speaks for. */
#include "serve/engine/proxied.h"

#include "serve/engine/conn_end.h"
#include "serve/engine/conn_state.h"
#include "wire/proxy_header.h"

#include <errno.h>

bool proxied_begin(struct loop *l, struct conn *c, bool header)
{
    if (!c->visitor.trusted || c->proxy != NULL || (!header && c->protocol->client == NULL))
        return true;
    c->proxy = calloc(1, sizeof *c->proxy);
    if (c->proxy == NULL)
        return false;
    c->proxy->own = c->remote;
    c->proxy->header_due = header;
    if (header)
        conn_move(l, c, CONN_HEAD); /* its time begins at once */
    return true;
}

/* The connection's visitor is from now on who has this address. False: he may not come in, or memory is out.
 */
static bool visitor_change(struct loop *l, struct conn *c, const union conn_address *to)
{
    struct address address = address_of(&to->any);
    struct admit may = visitor_become(&l->gate, &c->visitor, &address);
    if (may.kind == ADMIT_NOW) {
        c->remote = *to;
        return true;
    }
    count_own(may.reason == ADMIT_ADDRESS_FULL ? &l->counts.refused_address : &l->counts.refused_total, 1);
    return false;
}

/* IPv4 within IPv6 is IPv4. */
static union conn_address address_from(const struct sockaddr_storage *from)
{
    union conn_address out;
    struct sockaddr_storage plain = *from;
    sockaddr_unmap(&plain);
    memcpy(&out, &plain, sizeof out);
    return out;
}

/* ---- the PROXY header ---- */

static bool header_apply(struct loop *l, struct conn *c, const struct proxy_header *h)
{
    union conn_address client;
    c->proxy->header_due = false;
    if (h->named) {
        client = address_from(&h->client);
        if (!visitor_change(l, c, &client))
            return false;
        c->proxy->own = client;
        c->proxy->reached = h->reached;
    }
    conn_move(l, c, CONN_IDLE);
    return true;
}

/* Peeks at up to n bytes. 0: the peer has ended or is broken; negative: nothing is there yet. */
static ssize_t header_peek(const struct conn *c, char *p, size_t n)
{
    ssize_t got;
    do
        got = recv(c->channel.fd, p, n, MSG_PEEK);
    while (got < 0 && errno == EINTR);
    return got >= 0 || errno == EAGAIN ? got : 0;
}

bool proxied_header(struct loop *l, struct conn *c)
{
    struct proxy_header header;
    ssize_t n = header_peek(c, l->input, PROXY_HEADER_MAX);
    if (n < 0)
        return false;
    int length = n > 0 ? proxy_header_parse(l->input, (size_t)n, &header) : 0;
    explicit_bzero(l->input, (size_t)n); /* a request behind the header may hold a password */
    if (length == 0 && n > 0 && !c->ended)
        return false;
    if (length < 0) {
        struct address proxy = address_of(&c->remote.any);
        shared_headerless_note(l->shared, &proxy);
    }
    if (length <= 0 || recv(c->channel.fd, l->input, (size_t)length, 0) != length ||
        !header_apply(l, c, &header)) {
        conn_close(l, c);
        return false;
    }
    return true;
}

/* ---- requests ---- */

static bool same_address(const union conn_address *a, const union conn_address *b)
{
    struct address one = address_of(&a->any), other = address_of(&b->any);
    return memcmp(&one, &other, sizeof one) == 0;
}

bool proxied_request(struct loop *l, struct conn *c, struct slice in)
{
    struct sockaddr_storage named = {0};
    if (c->protocol->client == NULL || (!c->proxy->lent && !c->visitor.trusted))
        return true;
    memcpy(&named, &c->proxy->own, sizeof c->proxy->own);
    if (!c->protocol->client(&l->snapshot->settings->trusted, in.p, in.n, &named))
        return true;
    union conn_address client = address_from(&named);
    if (same_address(&client, &c->remote)) /* also of a request that was held */
        return true;
    if (!visitor_change(l, c, &client)) {
        c->remote = client; /* for the log */
        return false;
    }
    c->proxy->lent = true;
    return true;
}

void proxied_answered(struct loop *l, struct conn *c)
{
    /* Without memory it stays the client's until its next request. */
    if (c->proxy->lent)
        c->proxy->lent = !visitor_change(l, c, &c->proxy->own);
    else
        c->remote = c->proxy->own;
}
