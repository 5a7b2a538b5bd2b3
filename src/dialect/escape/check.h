/* Checks of a list as a whole, after its lines were found well-formed. For lists from outside and for
 * published ones. */
#ifndef PB_ESCAPE_CHECK_H
#define PB_ESCAPE_CHECK_H

#include "dialect/escape/lists.h"

/* True when a symbolic link stays within the top folder: its target is relative and has ".." at its start
 * only, fewer than the link's depth. No chain of such links leads out. */
bool es_link_ok(const char *path, const char *target, const char **why);

/* PB_INVALID: a path is listed twice (ignoring case), or is a folder of another path. */
PB_MUST_USE int es_upgrade_check(const struct es_upgrade *u, struct arena *a, struct pb_error *err);
/* PB_INVALID also: a folder comes before its parent; a level lies in a folder that is not listed; a level has
 * a name that is reserved for the client. */
PB_MUST_USE int es_levels_check(const struct es_levels *l, struct arena *a, struct pb_error *err);

#endif
