/* Sending replies. A small reply leaves in one call; a large one as head and file. What the channel does not
 * take at once is kept in conn->out, together with the snapshot or object that its bytes belong to. */
#ifndef PB_SERVE_ENGINE_SEND_H
#define PB_SERVE_ENGINE_SEND_H

#include "serve/engine/engine.h"

enum sent {
    SENT_ALL,     /* the reply has left; the connection goes on */
    SENT_CLOSE,   /* the reply has left; the connection must be closed */
    SENT_BLOCKED, /* the channel takes no more for now: an event will tell */
    SENT_SOME,    /* the turn is over and the channel would take more: no event will tell */
    SENT_LATER,   /* some was sent; a rate allows no more for now */
    SENT_HELD,    /* nothing was sent; a rate allows nothing for now */
    SENT_RELAY,   /* the upstream server, or the client, must send first: an event will tell */
    SENT_FEED,    /* the reply goes on, and all that there is of it has left: time will tell */
    SENT_FAILED,  /* the peer is gone, or the object could not be read */
};

/* Begins to send l->plan, the reply to the request in `input`. Takes over what the plan owns. */
enum sent send_plan(struct loop *l, struct conn *c, const struct exchange *x, struct slice input,
                    const struct access *access);
/* Continues c->out. */
enum sent send_more(struct loop *l, struct conn *c);
/* True when the peer has acknowledged its share of bytes (least_rate) since the last call, about send_ms ago.
 * Bytes in the send buffer do not count: a slow peer would seem fast. */
bool send_measure(const struct loop *l, struct conn *c);
/* Starts measuring anew: the next send_measure returns true. Most replies end before it is called. */
void send_measure_begin(struct conn *c);
/* Is it a reply that goes on? */
bool out_goes_on(const struct conn *c);
/* Breaks c->out off, if there is one: counts and logs it, and frees it. */
void out_drop(struct loop *l, struct conn *c);

#endif
