/* The journal of an install (docs/formats/install.md). It is written before the first change of a name, and
 * removed after the last. Phase 1 moves things away, phase 2 puts things in place; the name of the journal
 * file says which phase is under way. */
#ifndef PB_INSTALL_JOURNAL_H
#define PB_INSTALL_JOURNAL_H

#include "install/staging.h"

enum journal_kind {
    /* phase 1 */
    JOURNAL_ATTIC, /* a: path, b: unused path in the attic */
    JOURNAL_AWAY,  /* a: path, b: name in staging */
    /* phase 2 */
    JOURNAL_RMDIR,  /* a: path */
    JOURNAL_MKDIR,  /* a: path */
    JOURNAL_PUT,    /* a: name in staging, b: path; `size` bytes */
    JOURNAL_LINK,   /* a: target, b: path */
    JOURNAL_EXEC,   /* a: path */
    JOURNAL_RECORD, /* a: the record, as JSON */
    JOURNAL_BLOB,   /* a: name in staging of the record of files */
    JOURNAL_FORGET, /* a: the title; its records go */
    JOURNAL_KINDS,
    JOURNAL_ARRIVES = JOURNAL_RMDIR,
};

struct journal_op {
    enum journal_kind kind;
    const char *a, *b;
    uint64_t size;
    struct fetch_seen seen; /* AWAY: what is moved; PUT, LINK: what may be replaced. Anything else at the path
                               belongs to the player */
};

/* The attic for things that appear at a path during an install, when the plan names none. */
#define JOURNAL_ATTIC_DEFAULT "attic"

/* A journal being written, beside its name. */
struct journal {
    struct workspace *w;
    int fd;
    struct buffer text; /* not written yet */
    bool leaves;        /* it has operations of phase 1 */
};

/* Begins the journal of w's staged title. `attic`: a folder within the user's folder. The caller holds the
 * install's lock. */
PB_MUST_USE int journal_begin(struct journal *j, struct workspace *w, const char *title, const char *attic,
                              struct pb_error *err);
/* Adds an operation; those of phase 1 come first. b and seen may be NULL. */
PB_MUST_USE int journal_add(struct journal *j, enum journal_kind kind, const char *a, const char *b,
                            uint64_t size, const struct fetch_seen *seen, struct pb_error *err);
/* Completes the journal, carries it out and removes it. Everything in staging that it names must be durable.
 */
PB_MUST_USE int journal_run(struct journal *j, struct pb_error *err);
void journal_drop(struct journal *j); /* frees; removes it, unless it was run */

/* Completes the install of a journal. *found: there was one. The caller holds the lock. */
PB_MUST_USE int journal_finish(struct workspace *w, bool *found, struct pb_error *err);

/* The same, but takes the lock. */
PB_MUST_USE int journal_recover(struct workspace *w, bool *found, struct pb_error *err);

/* True when an interrupted install has left its journal. */
bool journal_pending(const struct workspace *w);

#endif
