/* Relays: a request goes on to an upstream server, and its answer back to the client. The engine's side of
 * plan/relay.h. The answer leaves piece by piece through send.c, like any reply. */
#ifndef PB_SERVE_ENGINE_RELAY_H
#define PB_SERVE_ENGINE_RELAY_H

#include "plan/relay.h"
#include "serve/engine/engine.h"

enum {
    RELAYS_MAX = 64,      /* at once in one loop */
    RELAY_LOOK_MS = 1000, /* how often a relay without events looks at its deadlines */
};

struct relay;

/* Connects to the upstream server and begins. Takes over the request, also when it fails. NULL: too many
 * relays, out of memory or descriptors, or no route. */
struct relay *relay_open(struct loop *l, struct conn *c, struct relay_request *request);
void relay_close(struct loop *l, struct relay *r); /* accepts NULL */

enum relay_state {
    RELAY_WAITS,  /* for the upstream server or for the client's body: an event will tell */
    RELAY_TURN,   /* the turn is over, and there is more to do: no event will tell */
    RELAY_PIECE,  /* send *piece; tell relay_sent how much left */
    RELAY_ENDS,   /* the answer is complete */
    RELAY_SILENT, /* there is no answer, and nothing has been sent to the client: the plan itself may answer
                   */
    RELAY_BREAKS, /* the answer stops half-way, or the client has gone */
};

/* Moves the client's body on, and gets the next piece of the answer; the last piece again, if some of it is
 * left. */
enum relay_state relay_step(struct loop *l, struct conn *c, struct relay *r, struct slice *piece);
void relay_sent(struct relay *r, size_t n);
/* True when more of the client's body could be moved without an event. */
bool relay_has_turn(const struct relay *r);
/* How many of the first n bytes of the answer belong to its body. */
uint64_t relay_body(const struct relay *r, uint64_t n);

#endif
