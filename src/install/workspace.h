/* DIR/.patchbay: what the client must remember in the user's folder. Staging for each title, locks, the
 * journal, and the list of what is installed (docs/formats/install.md). Knows no network. */
#ifndef PB_INSTALL_WORKSPACE_H
#define PB_INSTALL_WORKSPACE_H

#include "plan/fetch.h"

struct workspace {
    int folder;  /* the user's */
    int home;    /* DIR/.patchbay */
    int staging; /* DIR/.patchbay/staging/TITLE; -1: none */
    int lock;    /* held as long as `staging` is in use */
    char stage_name[256];
};

/* Finishes an install that was broken off, and opens the folder. With `make` the folder and its .patchbay are
 * made if needed; without, PB_NOT_FOUND when there is none. */
PB_MUST_USE int workspace_open(const char *path, bool make, struct workspace *w, struct pb_error *err);
/* Opens the staging folder of a title. PB_BUSY: another process fetches it into the same folder right now. */
PB_MUST_USE int workspace_stage(struct workspace *w, const char *title, struct pb_error *err);
/* Removes the staging folder. What can't be removed now goes with the next fetch. */
void workspace_unstage(struct workspace *w);
void workspace_close(struct workspace *w);

/* Bytes that may still be written in the user's folder. */
PB_MUST_USE int workspace_room(const struct workspace *w, uint64_t *bytes, struct pb_error *err);

/* Removes what is in staging and none of the plan's pieces. */
PB_MUST_USE int workspace_prune(const struct workspace *w, const struct fetch_plan *plan,
                                struct pb_error *err);

/* Bytes that are in staging. */
PB_MUST_USE int workspace_staged(const struct workspace *w, uint64_t *bytes, struct pb_error *err);

/* What the installed list says of a title. Text is valid during the callback. */
struct installed {
    const char *title;
    const char *file;
    const char *source;
    uint64_t size;
    char md5[MD5_HEX + 1];
    uint32_t crc32;
    int64_t when; /* Unix seconds */
};
typedef int installed_fn(void *arg, const struct installed *record);
PB_MUST_USE int installed_each(int home, installed_fn *fn, void *arg, struct pb_error *err);

/* Is anything in the way of the plan's files: a folder of the same name, a name that is none? PB_INVALID
 * then. */
PB_MUST_USE int install_check(const struct workspace *w, const struct fetch_plan *plan, struct pb_error *err);

/*
 * The install step: makes the plan's files true on disk and records them, all of it or nothing. Staged files
 * are synced once, the journal says what is to be done, then names change; workspace_open finishes what a
 * crash left half done.
 */
PB_MUST_USE int install_commit(struct workspace *w, const struct fetch_plan *plan, struct pb_error *err);

#endif
