/*
 * Names below an open folder that somebody else may write to, too: a player's folder, and patchbay's own in
 * it. Nothing here follows a symbolic link, waits for whoever is at the other end of a FIFO, or takes a
 * device for a file. Paths with folders in them are opened here; for many files, base/tree.h keeps the folder
 * that was opened last.
 */
#ifndef PB_BASE_BENEATH_H
#define PB_BASE_BENEATH_H

#include "base/bytes.h"

/*
 * Opens the folder at `path`, a relative path without "." and "..", or "" for `root` itself. PB_NOT_FOUND: it
 * is missing. PB_INVALID: a name on the way is a symbolic link, or no folder. beneath_folder asks the kernel
 * to resolve the whole path at once (openat2); beneath_walk goes name by name. They come to the same: the
 * second is for kernels and sandboxes without the call, and says which name is at fault.
 */
PB_MUST_USE int beneath_folder(int root, struct slice path, int *fd, struct pb_error *err);
PB_MUST_USE int beneath_walk(int root, struct slice path, int *fd, struct pb_error *err);

/* The rest is about one plain name in an open folder. */

/* Opens a file that nobody else has a name for: what is written to it, or renamed into place and written to
 * later, changes no other file. `flags`: O_RDONLY or O_RDWR. PB_INVALID: it is something else, or has a
 * second name (hard link). */
PB_MUST_USE int beneath_own(int folder, const char *name, int flags, int *fd, uint64_t *size,
                            struct pb_error *err);

/* Creates a file for reading and writing. Whatever has the name goes first: for folders of our own only. */
PB_MUST_USE int beneath_create(int folder, const char *name, int *fd, struct pb_error *err);

/* Removes whatever has the name; a folder with all that is in it. One that is missing is no error. */
PB_MUST_USE int beneath_clear(int folder, const char *name, struct pb_error *err);

#endif
