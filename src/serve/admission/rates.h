/* Byte rates of a reply: it takes its share from every bucket in advance, and waits until the share is due.
 * So all waiting replies get their turns, on whichever thread they are. Used by admission.c alone. */
#ifndef PB_SERVE_ADMISSION_RATES_H
#define PB_SERVE_ADMISSION_RATES_H

#include "serve/admission/gate.h"

/* Does any rate apply to this visitor and this title? `m` may be NULL, here and below. */
bool rates_apply(const struct gate *g, struct visitor *v, struct meter *m);
/* How many of `need` bytes may leave now; 0: none before v->due. Only where rates_apply. */
uint64_t rates_grant(const struct gate *g, struct visitor *v, struct meter *m, uint64_t need);
/* So many bytes have left: the grant's, and perhaps a head's beyond it. */
void rates_spend(const struct gate *g, struct visitor *v, struct meter *m, uint64_t bytes);
/* Puts the rest of the grant back. */
void rates_return(const struct gate *g, struct visitor *v, struct meter *m);

#endif
