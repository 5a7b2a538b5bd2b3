/* Notices of a publish: warnings, and all names in a tree that can't be published. */
#ifndef PB_DIALECT_NOTICES_H
#define PB_DIALECT_NOTICES_H

#include "base/error.h"
#include "patchbay/publish.h"

#include <stddef.h>

enum { NAMES_TOLD_MAX = 1000 };

/* Zero-initialise, then set fn and arg. */
struct notices {
    pb_notice_fn *fn; /* may be NULL */
    void *arg;
    size_t refused;                    /* files and folders */
    char first[PB_ERROR_TEXT_MAX / 2]; /* of them, and why */
};

void notice(const struct notices *n, const char *format, ...) PB_PRINTF(2, 3);
/* Reports a file or folder that can't be published. The walk goes on, so that all of a tree are reported;
 * then refused_check fails. `what`: "is empty"; `why`: from path_name_ok. */
void item_refuse(struct notices *n, const char *path, const char *what);
void name_refuse(struct notices *n, const char *path, const char *why);
/* PB_INVALID: something was refused. */
PB_MUST_USE int refused_check(const struct notices *n, struct pb_error *err);

#endif
