/*
 * The install step, the only code that changes a user's folder. Staged files are made durable together; a
 * journal records the changes of names; then the changes are made. After a crash workspace_open completes
 * them.
 */
#ifndef PB_INSTALL_INSTALL_H
#define PB_INSTALL_INSTALL_H

#include "install/workspace.h"

/* Checks whether the plan can be carried out. PB_INVALID: a path is not safe, or something is in the way (a
 * folder in place of a file, a symbolic link in place of a folder). PB_FAILED: a folder can't be written or
 * is on another file system, or the folder has changed since the plan was made. */
PB_MUST_USE int install_check(const struct workspace *w, const struct fetch_plan *plan, struct pb_error *err);

/* Carries out the plan and records it, atomically. Everything that it places must be in staging. */
PB_MUST_USE int install_commit(struct workspace *w, const struct fetch_plan *plan, struct pb_error *err);

#endif
