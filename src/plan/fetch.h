/* The fetch plan: what a client must download, and which files that makes. Plain values in an arena. */
#ifndef PB_PLAN_FETCH_H
#define PB_PLAN_FETCH_H

#include "base/arena.h"
#include "base/digest.h"

/* One thing to download into staging, whole. Its digest is its name there, so that a piece downloaded for one
 * server's definition serves for another's. */
struct fetch_piece {
    const char *name; /* for people */
    const char *url;
    uint64_t size;
    struct md5 md5;
};

/* One file of the user's tree. */
enum fetch_action {
    FETCH_KEEP,  /* it is there and right */
    FETCH_PLACE, /* staged under `staged`, to appear at `path` */
};
struct fetch_file {
    enum fetch_action action;
    const char *path;   /* in the user's folder */
    const char *staged; /* in staging; set when it has been made */
    uint64_t size;
    struct md5 md5;
    uint32_t crc32; /* set when it has been made or found */
};

struct fetch_plan {
    struct arena arena;
    const char *title;  /* "opensauce/immure" */
    const char *source; /* where from, for people and the record */
    struct fetch_piece *pieces;
    size_t piece_count;
    struct fetch_file *files;
    size_t file_count;
    uint64_t download; /* bytes of all pieces */
    uint64_t unpacked; /* bytes of all files that will be made from them */
    void *dialect;     /* the dialect's own, in the arena */
};

#define FETCH_PLAN_CEILING (64u * 1024 * 1024) /* of the arena: no server makes us hold more than this */

/* Is every file of the plan there already? */
static inline bool fetch_plan_nothing_to_place(const struct fetch_plan *plan)
{
    for (size_t i = 0; i < plan->file_count; i++) {
        if (plan->files[i].action != FETCH_KEEP)
            return false;
    }
    return true;
}

#endif
