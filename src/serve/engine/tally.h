/* Counting replies: under their dialect in the loop's counters, and under their title's meter. */
#ifndef PB_SERVE_ENGINE_TALLY_H
#define PB_SERVE_ENGINE_TALLY_H

#include "serve/engine/engine.h"

/* What a reply is counted under. */
struct tally {
    struct counts *dialect;
    struct meter *meter; /* NULL: of no title */
    bool ends_download;
    bool opens; /* it is the first reply of its connection */
};

/* Of l->plan. */
struct tally tally_of(struct loop *l, const struct conn *c);
void tally_request(const struct tally *t, bool refused);
/* So many bytes have left. */
void tally_bytes(const struct tally *t, uint64_t n);
/* One more reply is under way, or (`by` is -1) one less. */
void tally_active(const struct tally *t, int by);
/* `whole`: all of the reply has left. */
void tally_end(const struct tally *t, bool whole);

#endif
