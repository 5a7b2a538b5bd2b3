/*
 * The install step: the one way in which any dialect changes a user's folder. Staged files are made durable
 * together, a journal says what is to be done, then names change; what a crash leaves half done,
 * workspace_open finishes.
 */
#ifndef PB_INSTALL_INSTALL_H
#define PB_INSTALL_INSTALL_H

#include "install/workspace.h"

/* Could the plan's steps be made? PB_INVALID: something is in the way (a folder of the name of a file, a link
 * on the way to it), or a path is not safe; PB_FAILED: a folder that can't be written, or is on another file
 * system; or what is there is no longer what the plan was made from. */
PB_MUST_USE int install_check(const struct workspace *w, const struct fetch_plan *plan, struct pb_error *err);

/* Makes the plan true on disk and records it, all of it or nothing. Everything that it places must be in
 * staging. */
PB_MUST_USE int install_commit(struct workspace *w, const struct fetch_plan *plan, struct pb_error *err);

#endif
