/* Trees of folders: reaching a path below a folder without following links, and walking everything there. */
#ifndef PB_BASE_TREE_H
#define PB_BASE_TREE_H

#include "base/path.h"

#include <sys/stat.h>

/* A place in a tree: remembers the folder that it reached last, as the next path is mostly beside it. */
struct tree {
    int root; /* not owned */
    int folder;
    char at[PATH_RELATIVE_MAX + 1]; /* the path of `folder` */
};

void tree_start(struct tree *t, int root);
void tree_end(struct tree *t); /* twice does no harm */
/* Forgets the folder, as one of this name may be made or removed now. */
void tree_forget(struct tree *t);

/*
 * Opens the folder that `path` lies in; *folder stays the tree's own, and is good until the next call. *base
 * points at the last name within `path`. PB_NOT_FOUND: a folder on the way is missing; PB_INVALID: one is a
 * symbolic link, or no folder, or the path is none (path_relative_below).
 */
PB_MUST_USE int tree_reach(struct tree *t, const char *path, int *folder, const char **base,
                           struct pb_error *err);

/* What is at `path`, a link itself and not what it leads to. 1 there is something; 0 nothing, not even the
 * folders on the way. */
PB_MUST_USE int tree_stat(struct tree *t, const char *path, struct stat *st, struct pb_error *err);

/* Opens the regular file at `path` for reading. PB_NOT_FOUND; PB_INVALID for anything else of that name. */
PB_MUST_USE int tree_open(struct tree *t, const char *path, int *fd, uint64_t *size, struct pb_error *err);

/* The same, and symbolic links are followed as long as they stay in the tree. `real` is the tree's own path
 * as realpath(3) gives it. PB_INVALID: a link leads out of it. */
PB_MUST_USE int tree_open_within(struct tree *t, const char *real, const char *path, int *fd, uint64_t *size,
                                 struct pb_error *err);

/* One thing in a tree: a file, a folder (before what is in it), a link or something else. */
struct tree_item {
    int folder; /* that it is in */
    const char *name;
    const char *path; /* from where the walk began */
    const struct stat *st;
};
/* TREE_SKIP for a folder: what is in it is passed over. */
enum { TREE_SKIP = 1 };
typedef int tree_fn(void *arg, const struct tree_item *item, struct pb_error *err);

/*
 * Walks all of `folder`, names in bytewise order, links not followed. `path` is what the paths begin with; ""
 * for none. More than TREE_DEPTH_MAX folders within each other, or a path that is too long, are PB_INVALID. A
 * negative return of fn ends the walk with it.
 */
enum { TREE_DEPTH_MAX = 64 };
PB_MUST_USE int tree_walk(int folder, const char *path, tree_fn *fn, void *arg, struct pb_error *err);

#define _cleanup_tree_ __attribute__((cleanup(tree_end)))

#endif
