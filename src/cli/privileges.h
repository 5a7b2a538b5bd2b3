/* Who the program runs as. */
#ifndef PB_CLI_PRIVILEGES_H
#define PB_CLI_PRIVILEGES_H

#include "patchbay/patchbay.h"

/* Becomes the user, for good. Of root's rights only one stays until privileges_drop: listening below port
 * 1024. PB_NOT_FOUND: there is no such user. PB_FAILED: it is not root's process. */
PB_MUST_USE int privileges_user(const char *name, struct pb_error *err);
/* Gives up what privileges_user left to this thread. */
void privileges_drop(void);

#endif
