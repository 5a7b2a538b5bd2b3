/* The fetch plan: what a client must download, and what that makes of the user's folder. Plain values in an
 * arena. */
#ifndef PB_PLAN_FETCH_H
#define PB_PLAN_FETCH_H

#include "base/arena.h"
#include "base/digest.h"

#include <sys/stat.h>

#define FETCH_SIZE_UNKNOWN UINT64_MAX
#define PART_ENDING        ".part"

/* One file to download into staging. Its name in staging is derived from its digest, or from what the list
 * says of it. So a piece that was downloaded from one server is found again when another server lists the
 * same content. */
struct fetch_piece {
    const char *name; /* for people */
    const char *url;
    const char *const *mirrors; /* URLs of the same bytes at other sources */
    size_t mirror_count;
    const struct fetch_piece *fallback; /* tried next when `url` is not found, or when the dialect's accept
                                           rejects the bytes; NULL: none */
    const char *staged;                 /* a plain file name; half a piece has PART_ENDING behind it */
    uint64_t size;                      /* or FETCH_SIZE_UNKNOWN: */
    uint64_t ceiling;                   /* then no more than this */
    bool verified; /* `md5` is that of these very bytes; else the dialect's accept verifies them */
    struct md5 md5;
};

/* The state of a path when the plan was made. The install compares it with the state then, so that it never
 * replaces what was changed meanwhile. The inode is not compared: some file systems give a file another one
 * each time. */
struct fetch_seen {
    bool there;
    uint64_t size;
    int64_t modified; /* Unix nanoseconds */
};

static inline void fetch_seen_set(struct fetch_seen *s, const struct stat *st)
{
    *s = (struct fetch_seen){true, (uint64_t)st->st_size,
                             (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec};
}

/* Is the path still in this state? `st` is what stat says now; NULL: nothing is there. */
static inline bool fetch_seen_is(const struct fetch_seen *s, const struct stat *st)
{
    struct fetch_seen now = {0};
    if (st != NULL)
        fetch_seen_set(&now, st);
    return now.there == s->there && (!now.there || (now.size == s->size && now.modified == s->modified));
}

/* One step: what becomes of a path of the user's folder. Everything that leaves a place does so before
 * anything arrives, so steps may swap names. */
enum fetch_action {
    FETCH_KEEP,   /* a file that is there and right */
    FETCH_PLACE,  /* `staged` appears at `path`, in place of a file that is there */
    FETCH_MOVE,   /* the file at `from` appears at `path` */
    FETCH_LINK,   /* `path` becomes a symbolic link to `target`, in place of a file or link that is there */
    FETCH_ATTIC,  /* what is at `path` goes into the plan's attic, under a name that nothing there has */
    FETCH_REMOVE, /* the file or link at `path` goes */
    FETCH_FOLDER, /* a folder is made, if it is not there; those above it have steps of their own */
    FETCH_PRUNE,  /* a folder goes, if it is empty by then */
    FETCH_ACTIONS
};

struct fetch_step {
    enum fetch_action action;
    bool generated;     /* made by us, and not content: not worth counting */
    bool executable;    /* KEEP, PLACE: the file gets its execute bits */
    const char *path;   /* relative to the user's folder, as path_relative_below wants it */
    const char *staged; /* in staging; set when it has been made. Each name is used by one step only */
    const char *from;
    const char *target;
    uint64_t size;          /* PLACE: set when it has been made */
    struct md5 md5;         /* KEEP, PLACE, MOVE: where it is known */
    uint32_t crc32;         /* KEEP, PLACE: where it is known */
    struct fetch_seen seen; /* at `path`; for MOVE at `from` */
    struct fetch_seen onto; /* for MOVE: at `path`, where that does not leave by a step of its own */
};

struct fetch_plan {
    struct arena arena;
    const char *title;  /* "opensauce/immure" */
    const char *source; /* where from, for people and the record */
    struct fetch_piece *pieces;
    size_t piece_count;
    struct fetch_step *steps;
    size_t step_count;
    bool up_to_date;   /* the server has nothing newer; nothing was looked at, and there are no steps */
    bool one_file;     /* the title is the file of the only step: it is recorded and shown as such */
    const char *attic; /* where FETCH_ATTIC puts things; NULL when there are none */
    const char *version;
    const char *note;    /* the publisher's free text; may be NULL */
    const char *advice;  /* what the protocol says about this version: "recommended"; may be NULL */
    struct slice record; /* what the dialect wants to be shown when it plans the next time; p NULL: nothing */
    uint64_t download;   /* bytes of all pieces whose sizes are known */
    uint64_t unpacked;   /* bytes of all files that will be made from them, as far as known */
    void *dialect;       /* the dialect's own, in the arena */
};

/* Of the arena: no server makes us hold more than this. 250,000 levels, rated and all of them changed, with
 * the list before, need some 300 MiB. */
#define FETCH_PLAN_CEILING (512u * 1024 * 1024)

/* Adds a step; `room` must be kept by the caller, from 0. NULL when memory is out. */
struct fetch_step *fetch_step_add(struct fetch_plan *plan, size_t *room);

/* Adds steps for the folders that what is placed and linked needs and that are not there yet, below `folder`.
 */
PB_MUST_USE int fetch_plan_folders(struct fetch_plan *plan, size_t *room, int folder, struct pb_error *err);

/* How many steps are of this kind, generated ones aside? */
size_t fetch_plan_count(const struct fetch_plan *plan, enum fetch_action action);

/* Is everything there already? */
bool fetch_plan_nothing_to_do(const struct fetch_plan *plan);

#endif
