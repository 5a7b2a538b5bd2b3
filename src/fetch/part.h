/* A piece in staging: NAME.part while it arrives, NAME when it is whole. What staging holds is never trusted:
 * it is hashed again before it is continued. */
#ifndef PB_FETCH_PART_H
#define PB_FETCH_PART_H

#include "plan/fetch.h"

struct part {
    int fd; /* -1: not open */
    uint64_t size;
    struct digest digest; /* of all `size` bytes; not used where the piece is not `verified` */
};
#define PART_CLOSED ((struct part){.fd = -1})

/* Bytes that the piece may have. */
uint64_t piece_most(const struct fetch_piece *p);

/* 1: staging has the whole piece, and its bytes are right as far as the plan tells; 0: not. */
PB_MUST_USE int piece_present(int staging, const struct fetch_piece *p, struct pb_error *err);

/* Opens NAME.part, and keeps of it what can be continued: a multiple of `step` bytes, or all of a piece that
 * is whole. A piece of unknown size that is not `verified` begins anew. */
PB_MUST_USE int part_open(struct part *part, int staging, const struct fetch_piece *p, uint32_t step,
                          struct pb_error *err);
void part_close(struct part *part); /* twice does no harm */
/* Empties it. */
PB_MUST_USE int part_restart(struct part *part, const struct fetch_piece *p, struct pb_error *err);
/* Appends. PB_DAMAGED: more than the piece may have. */
PB_MUST_USE int part_add(struct part *part, const struct fetch_piece *p, const char *bytes, size_t n,
                         struct pb_error *err);
/* Did an earlier run leave all of it? Then it has only to be kept. */
bool part_is_whole(const struct part *part, const struct fetch_piece *p);
/* All has arrived: PB_OK, or PB_DAMAGED with what is wrong; then the part is empty. */
PB_MUST_USE int part_check(struct part *part, const struct fetch_piece *p, struct pb_error *err);
/* NAME.part becomes NAME. Closes. */
PB_MUST_USE int part_keep(struct part *part, int staging, const struct fetch_piece *p, struct pb_error *err);

#endif
