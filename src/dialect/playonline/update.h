/* One update of a player's folder, from asking for the newest version to its files in staging. What is kept
 * for each file is small: a list may name 200,000. */
#ifndef PB_PLAYONLINE_UPDATE_H
#define PB_PLAYONLINE_UPDATE_H

#include "codec/unpacker.h"
#include "dialect/dialect.h"
#include "dialect/playonline/pack_file.h"

/* The winning line of a file. */
struct update_file {
    const char *name;     /* on the server */
    uint32_t direct_size; /* what it has when installed is its step's size */
    int32_t sum_a, sum_b;
    bool left_over; /* staging has some of its piece from an earlier run */
};

struct update {
    const struct fetch_request *q;
    const struct fetch_net *net;
    struct fetch_plan *plan;
    const char *address; /* where to ask, as the newest reply says */
    struct polp_id application, hardware;
    struct update_file *files; /* files[i] belongs to the plan's step i; the steps of folders come behind */
    size_t n;
    uint32_t *wanted;            /* the steps whose files are downloaded: one for each piece */
    size_t room;                 /* of the plan's steps */
    struct unpacking *unpacking; /* the threads that make files of pieces; NULL: none were needed */
    struct unpacker unpacker;    /* of the downloading thread */
};

/* Makes files and steps of patch.cfg: of each file's winning line. */
PB_MUST_USE int update_list(struct update *u, struct slice config, struct pb_error *err);
/* Compares the folder with them, with all cores, and adds what is to be downloaded. */
PB_MUST_USE int update_compare(struct update *u, struct pb_error *err);

/* Are these the file's? */
bool update_sums_match(const struct update *u, size_t file, const struct po_sums *sums);

/* The name in staging of what is downloaded for a step; of the steps that have a piece. */
const char *update_piece_name(const struct update *u, size_t step);
/* The step of a piece, by its name in staging. */
size_t update_piece_step(const char *staged);

/* The dialect_fetch's accept, assemble and end: a piece becomes a file in staging. */
int update_accept(const struct fetch_request *q, const struct fetch_plan *plan,
                  const struct fetch_piece *piece, struct pb_error *err);
int update_assemble(const struct fetch_request *q, struct fetch_plan *plan, pb_progress_fn *progress,
                    void *arg, struct pb_error *err);
void update_end(struct fetch_plan *plan);

#endif
