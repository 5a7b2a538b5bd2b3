/* What a publish tells its caller besides its result: warnings, and everything in a tree that can't be
 * published. */
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
/* A file or folder that can't be published: told at once, and the publish goes on, so that all of a tree are
 * told. item_refuse: `what` is "is empty"; name_refuse: `why` is as path_name_ok has it. */
void item_refuse(struct notices *n, const char *path, const char *what);
void name_refuse(struct notices *n, const char *path, const char *why);
/* PB_INVALID when there was any. */
PB_MUST_USE int refused_check(const struct notices *n, struct pb_error *err);

#endif
