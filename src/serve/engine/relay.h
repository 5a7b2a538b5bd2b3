/* Handing a request to another server and its answer to the client: the engine's side of plan/relay.h. The
 * answer goes out piece by piece through send.c, like any reply. */
#ifndef PB_SERVE_ENGINE_RELAY_H
#define PB_SERVE_ENGINE_RELAY_H

#include "plan/relay.h"
#include "serve/engine/engine.h"

enum {
    RELAYS_MAX = 64,      /* at once, of a loop */
    RELAY_LOOK_MS = 1000, /* so often a relay without any event looks at its time */
};

struct relay;

/* Begins. Takes the request over. NULL when it can't be done: too many at once, out of memory or descriptors,
 * no way to the server. */
struct relay *relay_open(struct loop *l, struct conn *c, struct relay_request *request);
void relay_close(struct loop *l, struct relay *r); /* NULL does no harm */

enum relay_state {
    RELAY_WAITS,  /* for the other server, or for the rest of the client's body: an event will tell */
    RELAY_TURN,   /* the turn is over, there is more to do: no event will tell */
    RELAY_PIECE,  /* *piece is to be sent; relay_sent says how much was */
    RELAY_ENDS,   /* the answer is through */
    RELAY_SILENT, /* there is none, and nothing has gone to the client: it may have another */
    RELAY_BREAKS, /* no more comes of what was begun, or the client has gone */
};

/* Moves the client's body on, and gets the next piece of the answer unless there is one still. */
enum relay_state relay_step(struct loop *l, struct conn *c, struct relay *r, struct slice *piece);
void relay_sent(struct relay *r, size_t n);
/* Is there more of the client's body that could be moved now? */
bool relay_has_turn(const struct relay *r);
/* Of n bytes that were sent, those behind the answer's head. */
uint64_t relay_body(const struct relay *r, uint64_t n);

#endif
