/* Access to paths below a folder, without following symbolic links; and walking a tree. */
#ifndef PB_BASE_TREE_H
#define PB_BASE_TREE_H

#include "base/path.h"

#include <sys/stat.h>

/* Access to a tree. It keeps the last folder open, as the next path is mostly in the same folder. One thread.
 */
struct tree {
    int root; /* not owned */
    int folder;
    char at[PATH_RELATIVE_MAX + 1];      /* the path of `folder` */
    char missing[PATH_RELATIVE_MAX + 1]; /* a folder that tree_stat did not find; "" for none */
};

void tree_start(struct tree *t, int root);
void tree_end(struct tree *t); /* may be called twice */
/* Forgets the kept folder, and the missing one. Call it after folders were created, removed or renamed. */
void tree_forget(struct tree *t);

/*
 * Opens the folder of `path`. The tree owns *folder; it is valid until the next call. *base points to the
 * last name within `path`. PB_NOT_FOUND: a folder of the path is missing. PB_INVALID: one of them is a
 * symbolic link or no folder, or path_relative_below refuses the path.
 */
PB_MUST_USE int tree_reach(struct tree *t, const char *path, int *folder, const char **base,
                           struct pb_error *err);

/* lstat of `path`. Returns 1 when it exists; 0 when it, or a folder of it, is missing. */
PB_MUST_USE int tree_stat(struct tree *t, const char *path, struct stat *st, struct pb_error *err);

/* Opens the regular file at `path` for reading. PB_NOT_FOUND. PB_INVALID: it is no regular file. */
PB_MUST_USE int tree_open(struct tree *t, const char *path, int *fd, uint64_t *size, struct pb_error *err);

/* The same, but follows symbolic links that stay within the tree. `real` is the realpath(3) of the tree.
 * PB_INVALID: a link leads out of it. */
PB_MUST_USE int tree_open_within(struct tree *t, const char *real, const char *path, int *fd, uint64_t *size,
                                 struct pb_error *err);

/* One item of a walk: a file, a folder (before its content), a link or anything else. */
struct tree_item {
    int folder; /* that contains it; descriptor */
    const char *name;
    const char *path; /* relative to the start of the walk */
    const struct stat *st;
};
/* The return value of a tree_fn that skips the content of a folder. */
enum { TREE_SKIP = 1 };
typedef int tree_fn(void *arg, const struct tree_item *item, struct pb_error *err);

/*
 * Walks a folder: names in bytewise order, symbolic links not followed. `path` is the prefix of all paths; ""
 * for none. PB_INVALID: folders are nested more than TREE_DEPTH_MAX deep, or a path is too long. A negative
 * return value of fn ends the walk and is its result.
 */
enum { TREE_DEPTH_MAX = 64 };
PB_MUST_USE int tree_walk(int folder, const char *path, tree_fn *fn, void *arg, struct pb_error *err);

/* Counts what is below a folder, without looking at it. Links count as others. PB_INVALID: as for tree_walk.
 */
struct tree_counts {
    size_t folders, others;
};
PB_MUST_USE int tree_count(int folder, struct tree_counts *out, struct pb_error *err);

#define _cleanup_tree_ __attribute__((cleanup(tree_end)))

#endif
