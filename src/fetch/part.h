/*
 * A piece on its way into staging: NAME.part while it arrives, NAME when it is whole. A small piece stays in
 * memory until it is whole, and is written once. What staging holds is never trusted: it is hashed again
 * before it is continued.
 */
#ifndef PB_FETCH_PART_H
#define PB_FETCH_PART_H

#include "plan/fetch.h"

struct writer;

struct part {
    int staging; /* descriptor of the folder */
    int fd;      /* of NAME.part; -1: the bytes are in memory */
    uint64_t size;
    struct digest digest; /* of the file's bytes; not used where the piece is not `verified` */
    char *held;           /* the bytes in memory; kept from piece to piece */
    size_t held_room;
};
#define PART_NONE ((struct part){.fd = -1})

/* Bytes that the piece may have. */
uint64_t piece_most(const struct fetch_piece *p);

/* 1: staging has the whole piece, of *size bytes, and they are right as far as the plan tells; 0: not. */
PB_MUST_USE int piece_present(int staging, const struct fetch_piece *p, uint64_t *size, struct pb_error *err);

/* Begins a piece. With `look`, keeps of NAME.part what can be continued: a multiple of `step` bytes, or all
 * of a piece that is whole. A piece of unknown size that is not `verified` begins anew. */
PB_MUST_USE int part_open(struct part *part, int staging, const struct fetch_piece *p, bool look,
                          uint32_t step, struct pb_error *err);
/* Ends it; bytes in memory go to NAME.part, so that they can be continued. Twice does no harm. */
void part_close(struct part *part, const struct fetch_piece *p);
/* Frees what is kept from piece to piece. */
void part_free(struct part *part);
/* Empties it. */
PB_MUST_USE int part_restart(struct part *part, const struct fetch_piece *p, struct pb_error *err);
/* Appends. PB_DAMAGED: more than the piece may have. */
PB_MUST_USE int part_add(struct part *part, const struct fetch_piece *p, const char *bytes, size_t n,
                         struct pb_error *err);
/* Did an earlier run leave all of it? Then it has only to be kept. */
bool part_is_whole(const struct part *part, const struct fetch_piece *p);
/* All has arrived: PB_OK, or PB_DAMAGED with what is wrong; then the part is empty. */
PB_MUST_USE int part_check(struct part *part, const struct fetch_piece *p, struct pb_error *err);
/* It becomes NAME. Closes. `writer` writes what is in memory, later; NULL: now. */
PB_MUST_USE int part_keep(struct part *part, const struct fetch_piece *p, struct writer *writer,
                          struct pb_error *err);

#endif
