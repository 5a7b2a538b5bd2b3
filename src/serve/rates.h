/* Holding requests and replies back, so that no rate is exceeded: of the server, of an address, of a title. A
 * connection takes its share from the buckets in advance, and waits until it is due: so all that wait have
 * their turns, whichever thread they are on. */
#ifndef PB_SERVE_RATES_H
#define PB_SERVE_RATES_H

#include "serve/engine.h"
#include "serve/meters.h"

/* One connection sends at most this in a turn, so that others wait no longer than its sendfile takes. */
enum { BYTES_PER_TURN = 4 * 1024 * 1024 };

/* Is there a rate that holds for this connection and this title's replies? meter: may be NULL. */
bool rates_hold(const struct loop *l, struct conn *c, struct meter *m);

/* How many bytes of a reply that has `need` left may leave now; 0: none before c->due. Only where rates_hold.
 */
uint64_t rates_grant(const struct loop *l, struct conn *c, struct meter *m, uint64_t need);
/* That many have left, the head's included. */
void rates_spend(const struct loop *l, struct conn *c, struct meter *m, uint64_t bytes);
/* The rest of the grant is not needed. */
void rates_give_back(const struct loop *l, struct conn *c, struct meter *m);

/* May the next request be answered now? Else from c->due on. And: it is. */
bool rates_request(const struct loop *l, struct conn *c);
void rates_request_done(struct conn *c);
/* It closes without asking, or the rates have changed: what it waits for counts no more. */
void rates_forget(const struct loop *l, struct conn *c);

#endif
