/* The journal of an install (docs/formats/install.md): written before the first name changes, removed after
 * the last. First everything leaves that is to leave, then everything arrives; the journal's own name says
 * which of the two is under way. */
#ifndef PB_INSTALL_JOURNAL_H
#define PB_INSTALL_JOURNAL_H

#include "install/staging.h"

enum journal_kind {
    /* what leaves */
    JOURNAL_ATTIC, /* a: path, b: path in the attic, which nothing has */
    JOURNAL_AWAY,  /* a: path, b: name in staging */
    /* what arrives */
    JOURNAL_RMDIR,  /* a: path */
    JOURNAL_MKDIR,  /* a: path */
    JOURNAL_PUT,    /* a: name in staging, b: path; `size` bytes */
    JOURNAL_LINK,   /* a: target, b: path */
    JOURNAL_EXEC,   /* a: path */
    JOURNAL_RECORD, /* a: the record, as JSON */
    JOURNAL_BLOB,   /* a: name in staging, of what the dialect wants to remember */
    JOURNAL_KINDS,
    JOURNAL_ARRIVES = JOURNAL_RMDIR,
};

struct journal_op {
    enum journal_kind kind;
    const char *a, *b;
    uint64_t size;
    struct fetch_seen
        seen; /* AWAY: what leaves; PUT, LINK: what may be replaced. Anything else there is the player's */
};

/* Where things go that turn up at a path while an install is half done, if the plan names no attic. */
#define JOURNAL_ATTIC_DEFAULT "attic"

struct journal {
    const char *title;
    const char *stage; /* the staging folder's name */
    const char *attic; /* a folder beside the user's others */
    struct journal_op *ops;
    size_t n, room;
    struct arena arena;
};

void journal_init(struct journal *j);
void journal_free(struct journal *j);
/* Copies everything; b and seen may be NULL. */
PB_MUST_USE int journal_add(struct journal *j, enum journal_kind kind, const char *a, const char *b,
                            uint64_t size, const struct fetch_seen *seen, struct pb_error *err);

/* Writes the journal, does what it says and removes it. All that it names in staging must be durable. The
 * install's lock must be held. */
PB_MUST_USE int journal_run(struct workspace *w, struct journal *j, struct pb_error *err);

/* Finishes the install that a journal describes, if there is one: *found says whether there was. With the
 * lock held. */
PB_MUST_USE int journal_finish(struct workspace *w, bool *found, struct pb_error *err);

/* The same, taking the lock. */
PB_MUST_USE int journal_recover(struct workspace *w, bool *found, struct pb_error *err);

/* Is an install broken off here? */
bool journal_pending(const struct workspace *w);

#endif
