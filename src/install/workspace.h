/* DIR/.patchbay: what the client must remember in the user's folder. Staging for each title, locks, the
 * journal, and the list of what is installed (docs/formats/install.md). Knows no network. */
#ifndef PB_INSTALL_WORKSPACE_H
#define PB_INSTALL_WORKSPACE_H

#include "install/staging.h"

enum workspace_mode {
    WORKSPACE_MAKE, /* the folder and its .patchbay are made if they are not there */
    WORKSPACE_LOOK, /* PB_NOT_FOUND when nothing was ever fetched into it */
    WORKSPACE_DRY,  /* nothing is changed: a folder that is not there counts as an empty one, and an install
                       that was broken off is PB_BUSY */
};
/* Opens the folder, and (but for WORKSPACE_DRY) finishes an install that was broken off. */
PB_MUST_USE int workspace_open(const char *path, enum workspace_mode mode, struct workspace *w,
                               struct pb_error *err);
/* Opens the staging folder of a title. PB_BUSY: another process fetches it into the same folder right now. */
PB_MUST_USE int workspace_stage(struct workspace *w, const char *title, struct pb_error *err);
/* A title as one file name: "escape/official" becomes "escape%2Fofficial". PB_INVALID when it is too long. */
PB_MUST_USE int workspace_stage_name(const char *title, char out[STAGE_NAME_SIZE], struct pb_error *err);
/* Removes the staging folder. What can't be removed now goes with the next fetch. */
void workspace_unstage(struct workspace *w);
/* Lets go of the title, whether or not its staging folder was removed: another may be staged. */
void workspace_stage_end(struct workspace *w);
void workspace_close(struct workspace *w);

/* Bytes that may still be written in the user's folder. */
PB_MUST_USE int workspace_room(const struct workspace *w, uint64_t *bytes, struct pb_error *err);

/* Removes what is in staging and none of the plan's pieces. */
PB_MUST_USE int workspace_prune(const struct workspace *w, const struct fetch_plan *plan,
                                struct pb_error *err);

/* Bytes that are in staging. */
PB_MUST_USE int workspace_staged(const struct workspace *w, uint64_t *bytes, struct pb_error *err);

#endif
