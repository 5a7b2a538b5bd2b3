/* The workspace: DIR/.patchbay with the client's state in the user's folder: a staging folder for each title,
 * locks, the journal, and the list of what is installed (docs/formats/install.md). No network. */
#ifndef PB_INSTALL_WORKSPACE_H
#define PB_INSTALL_WORKSPACE_H

#include "install/staging.h"

enum workspace_mode {
    WORKSPACE_MAKE, /* creates the folder and its .patchbay, if missing */
    WORKSPACE_LOOK, /* PB_NOT_FOUND: nothing was ever fetched into the folder */
    WORKSPACE_DRY, /* changes nothing: a missing folder counts as empty, and an interrupted install is PB_BUSY
                    */
};
/* Opens the folder and, except with WORKSPACE_DRY, completes an interrupted install. */
PB_MUST_USE int workspace_open(const char *path, enum workspace_mode mode, struct workspace *w,
                               struct pb_error *err);
/* Opens the staging folder of a title, and takes its lock. PB_BUSY: another process is fetching the title
 * into this folder. */
PB_MUST_USE int workspace_stage(struct workspace *w, const char *title, struct pb_error *err);
/* The title as one file name: "escape/official" becomes "escape%2Fofficial". PB_INVALID: it is too long. */
PB_MUST_USE int workspace_stage_name(const char *title, char out[STAGE_NAME_SIZE], struct pb_error *err);
/* Removes the staging folder. Files that can't be removed are left for the next fetch. */
void workspace_unstage(struct workspace *w);
/* Closes the staging folder and releases its lock. Another title may then be staged. */
void workspace_stage_end(struct workspace *w);
void workspace_close(struct workspace *w);

/* The free space in the user's folder; bytes. */
PB_MUST_USE int workspace_room(const struct workspace *w, uint64_t *bytes, struct pb_error *err);

/* Removes everything from staging that is no piece of the plan. */
PB_MUST_USE int workspace_prune(const struct workspace *w, const struct fetch_plan *plan,
                                struct pb_error *err);

/* The size of all files in staging; bytes. */
PB_MUST_USE int workspace_staged(const struct workspace *w, uint64_t *bytes, struct pb_error *err);

#endif
