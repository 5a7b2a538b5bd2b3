/* Draining reply plans: a small reply leaves in one call, a large one as head and sendfile, and what the
 * socket does not take waits in a conn_out. */
#ifndef PB_SERVE_ENGINE_SEND_H
#define PB_SERVE_ENGINE_SEND_H

#include "serve/engine/engine.h"

enum sent {
    SENT_ALL,     /* the reply has left; the connection goes on */
    SENT_CLOSE,   /* the reply has left; the connection is to be closed */
    SENT_BLOCKED, /* the socket takes no more for now */
    SENT_SOME,    /* the turn is over, the socket would take more: no event will tell */
    SENT_LATER,   /* that was all that a rate allows for now */
    SENT_HELD,    /* a rate allows nothing now */
    SENT_RELAY,   /* another server, or the client, has to send first: an event will tell */
    SENT_FAILED,  /* the peer is gone, or the object could not be read */
};

/* Sends l->plan, which answers the request in `input`. */
enum sent send_plan(struct loop *l, struct conn *c, const struct exchange *x, struct slice input,
                    const struct access *access);
/* Goes on with c->out. */
enum sent send_more(struct loop *l, struct conn *c);
/* Has the peer taken its share since this was asked last, which was about send_ms ago? A large send buffer
 * takes all of ours long before a slow peer has them, so what it holds does not count. */
bool send_measure(const struct loop *l, struct conn *c);
/* The time before does not count: the first look from now on finds all well. (That spares most replies the
 * look.) */
void send_measure_begin(struct conn *c);
/* Forgets c->out, if there is one. */
void out_drop(struct loop *l, struct conn *c);

#endif
