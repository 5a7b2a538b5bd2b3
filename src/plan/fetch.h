/* The fetch plan: what a client downloads, and what it does to the user's folder. Plain values in an arena.
 */
#ifndef PB_PLAN_FETCH_H
#define PB_PLAN_FETCH_H

#include "plan/files.h"

#define FETCH_SIZE_UNKNOWN UINT64_MAX
#define PART_ENDING        ".part"

/* One file to download into staging. Its name in staging is derived from its digest, or from its line in the
 * list. So a piece from one server is found again when another server lists the same content. */
struct fetch_piece {
    const char *name; /* for people */
    const char *url;
    const char *const *mirrors; /* URLs of the same bytes at other sources */
    size_t mirror_count;
    const struct fetch_piece *fallback; /* tried next when `url` is not found, or when the dialect's accept
                                           rejects the bytes; NULL: none */
    const char *staged;                 /* a plain file name; an incomplete piece has PART_ENDING appended */
    uint64_t size;                      /* bytes, or FETCH_SIZE_UNKNOWN */
    uint64_t ceiling;                   /* the limit for a piece of unknown size */
    size_t index;                       /* in the plan; set by the downloader */
    bool verified; /* `md5` is the MD5 of the bytes to download; else the dialect's accept verifies them */
    struct md5 md5;
};

/* The state of a path when the plan was made. The install compares it with the state at that time, so that it
 * never replaces a file that was changed meanwhile. The inode is not compared: some file systems change it.
 */
struct fetch_seen {
    uint64_t there : 1, size : 63;
    int64_t modified; /* Unix nanoseconds */
};

static inline void fetch_seen_set(struct fetch_seen *s, const struct stat *st)
{
    *s = (struct fetch_seen){
        .there = true, .size = (uint64_t)st->st_size, .modified = nanoseconds(st->st_mtim)};
}

/* True when the path is still in this state. `st`: its present state; NULL: it does not exist. */
static inline bool fetch_seen_is(const struct fetch_seen *s, const struct stat *st)
{
    struct fetch_seen now = {0};
    if (st != NULL)
        fetch_seen_set(&now, st);
    return now.there == s->there && (!now.there || (now.size == s->size && now.modified == s->modified));
}

/* What a step does to a path of the user's folder. All removals and moves away are done before anything is
 * put in place, so steps may swap names. */
enum fetch_action {
    FETCH_KEEP,   /* the file is right already */
    FETCH_PLACE,  /* moves `staged` to `path`; replaces a file */
    FETCH_MOVE,   /* moves the file at `from` to `path` */
    FETCH_LINK,   /* makes `path` a symbolic link to `target`; replaces a file or link */
    FETCH_ATTIC,  /* moves what is at `path` to the attic, under an unused name */
    FETCH_REMOVE, /* removes the file or link at `path` */
    FETCH_FOLDER, /* creates the folder, if missing; folders above it have their own steps */
    FETCH_PRUNE,  /* removes the folder, if it is empty by then */
    FETCH_ACTIONS
};

struct fetch_step {
    uint8_t action;   /* enum fetch_action */
    bool generated;   /* not content, but made by us: not counted */
    bool executable;  /* KEEP, PLACE: the file is made executable */
    uint32_t crc32;   /* KEEP, PLACE: where it is known; or another second checksum of the dialect's */
    const char *path; /* relative to the user's folder; path_relative_below accepts it */
    union {
        const char
            *staged; /* PLACE: its name in staging; each step has its own. NULL: the MD5 in hexadecimal */
        const char *from;   /* MOVE */
        const char *target; /* LINK; KEEP of a link, else NULL */
    };
    uint64_t size;          /* PLACE: set when the file has been made */
    struct md5 md5;         /* KEEP, PLACE, MOVE: where it is known */
    struct fetch_seen seen; /* at `path`; for MOVE at `from` */
    struct fetch_seen onto; /* MOVE: at `path`, unless another step removes that */
};

/* The step's name in staging; PLACE alone. `hex` is room for it. */
const char *fetch_step_staged(const struct fetch_step *s, char hex[MD5_HEX + 1]);

struct fetch_plan {
    struct arena arena;
    const char *title;  /* "opensauce/immure" */
    const char *source; /* the source, for people and the record */
    size_t piece_count;
    struct fetch_piece *pieces; /* NULL: piece_make makes them */
    bool unread; /* the dialect's accept does not read verified pieces: they may be written behind its back */
    /* Makes piece i when it is wanted, with its strings in `scratch`: a plan of many small pieces holds none
     * of their names and URLs. PB_NO_MEMORY. */
    int (*piece_make)(const struct fetch_plan *plan, size_t i, struct arena *scratch, struct fetch_piece *out,
                      struct pb_error *err);
    struct fetch_step *steps;
    size_t step_count;
    bool up_to_date;   /* the server has nothing newer, and nothing is to be done: there are no steps */
    bool forget;       /* the title leaves: its records go */
    bool one_file;     /* the title is the one file of the only step, and is recorded as such */
    const char *attic; /* the folder for FETCH_ATTIC; NULL: no such step */
    const char *version;
    const char *note;   /* the publisher's free text; may be NULL */
    const char *advice; /* what the protocol says about this version: "recommended"; may be NULL */
    size_t kept;        /* up_to_date: files that are right, if they were looked at */
    const struct file_records *before;         /* of the last install; NULL: none */
    const struct fetch_validators *validators; /* of the list; NULL: none */
    uint64_t download;                         /* bytes of all pieces of known size */
    uint64_t unpacked;                         /* bytes of all files to be made, as far as known */
    void *dialect;                             /* for the dialect, in the arena */
};

/* The ceiling of the arena, whatever a server sends; bytes. 250,000 rated levels, all changed, with the
 * earlier list, need about 300 MiB. */
#define FETCH_PLAN_CEILING (512u * 1024 * 1024)

/* Piece i. Its strings are the plan's, or are in `scratch`. */
PB_MUST_USE int fetch_piece_get(const struct fetch_plan *plan, size_t i, struct arena *scratch,
                                struct fetch_piece *out, struct pb_error *err);

/* Adds a step. *room is kept by the caller and starts as 0. NULL: out of memory. */
struct fetch_step *fetch_step_add(struct fetch_plan *plan, size_t *room);

/* Makes room for n more steps. False: out of memory. */
bool fetch_steps_reserve(struct fetch_plan *plan, size_t *room, size_t n);

/* Adds steps for missing folders that files and links will be placed in. `folder`: descriptor of the user's
 * folder. */
PB_MUST_USE int fetch_plan_folders(struct fetch_plan *plan, size_t *room, int folder, struct pb_error *err);

/* The number of steps of this kind, without generated ones. */
size_t fetch_plan_count(const struct fetch_plan *plan, enum fetch_action action);

/* True when every file is right already. */
bool fetch_plan_nothing_to_do(const struct fetch_plan *plan);

#endif
