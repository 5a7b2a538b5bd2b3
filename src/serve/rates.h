/* Holding requests and replies back, so that no rate is exceeded: of the server, of an address, of a title.
 */
#ifndef PB_SERVE_RATES_H
#define PB_SERVE_RATES_H

#include "serve/conn.h"
#include "serve/meters.h"

/* One connection sends at most this in a turn, so that others wait no longer than its sendfile takes. */
enum { BYTES_PER_TURN = 4 * 1024 * 1024 };

/* How many bytes of a reply may leave now; 0: none, it waits. meter: of the title; may be NULL. */
uint64_t rates_budget(const struct loop *l, const struct conn *c, const struct meter *m);
/* That many have left. */
void rates_take(const struct loop *l, struct conn *c, struct meter *m, uint64_t bytes);

/* May a request be answered now? And: one is. */
bool rates_request_allowed(const struct loop *l, const struct conn *c);
void rates_request_take(const struct loop *l, struct conn *c);

#endif
