/* What is wrong with a list as a whole, though each of its lines is well-formed. For lists from outside and
 * for those that we publish alike. */
#ifndef PB_ESCAPE_CHECK_H
#define PB_ESCAPE_CHECK_H

#include "dialect/escape/lists.h"

/* Does a symbolic link stay below the folder that holds everything? Its target is relative, and has ".." only
 * at its start, fewer than the link's own depth allows: so no chain of such links leads out. */
bool es_link_ok(const char *path, const char *target, const char **why);

/* PB_INVALID: a path that is there twice (without regard to case), or is a folder of another. */
PB_MUST_USE int es_upgrade_check(const struct es_upgrade *u, struct arena *a, struct pb_error *err);
/* Besides: a folder before its parent or without, a level in a folder that is not listed, a level with a name
 * that the client needs for itself. */
PB_MUST_USE int es_levels_check(const struct es_levels *l, struct arena *a, struct pb_error *err);

#endif
