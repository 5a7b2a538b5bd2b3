/* Bans by hand: checks what the operator asks for, and writes it into the record. Servers take it up from
 * there. */
#ifndef PB_SERVE_LIVE_BANNING_H
#define PB_SERVE_LIVE_BANNING_H

#include "depot/state.h"
#include "serve/admission/ranges.h"

/* What is asked for, made canonical. PB_INVALID: no range, a reason that is too long or not one line of text,
 * or an end that has been. `expires`: Unix seconds; 0: never. */
struct banning {
    char range[ADDRESS_TEXT];
    char reason[STATE_REASON_MAX + 1];
    int64_t added, expires;
};
PB_MUST_USE int banning_make(const char *range, const char *reason, int64_t expires, struct banning *out,
                             struct pb_error *err);

/* Opens the record of the depot at this path for the one call, and waits `patience_ms` for other programs'
 * transactions: PB_BUSY. banning_lift: PB_NOT_FOUND when just this range is not banned. */
PB_MUST_USE int banning_put(const char *depot, unsigned patience_ms, const struct banning *ban,
                            struct pb_error *err);
PB_MUST_USE int banning_lift(const char *depot, unsigned patience_ms, const char *range,
                             struct pb_error *err);

#endif
