/* Files and folders: whole reads and writes, atomic replacement, locks, listing. Most functions take the
 * descriptor of an open folder (`at`) and a name in it, so that renaming a folder above it makes no
 * difference. */
#ifndef PB_BASE_FILE_H
#define PB_BASE_FILE_H

#include "base/bytes.h"

#include <sys/types.h>

void fd_close(int *fd); /* closes unless *fd is -1, and sets it to -1; keeps errno */
#define _cleanup_fd_ __attribute__((cleanup(fd_close)))

/* Opens a folder. */
PB_MUST_USE int folder_open(int at, const char *name, int *fd, struct pb_error *err);
/* Creates the folder, if it is missing; its parent must exist. */
PB_MUST_USE int folder_make(int at, const char *name, struct pb_error *err);
/* Creates the folder and missing folders above it. */
PB_MUST_USE int folder_make_all(const char *path, struct pb_error *err);
/* Calls fn for each name but "." and "..", in no particular order. A negative return value of fn ends the
 * walk and is its result. */
typedef int folder_each_fn(void *arg, int folder, const char *name, struct pb_error *err);
PB_MUST_USE int folder_each(int at, const char *name, folder_each_fn *fn, void *arg, struct pb_error *err);
/* All names in a folder, sorted bytewise. The caller frees them with names_free. */
struct names {
    char **list;
    size_t n;
};
PB_MUST_USE int folder_names(int at, const char *name, struct names *names, struct pb_error *err);
void names_free(struct names *names);
/* Removes a folder and the files in it, and folders within it down to `depth` levels. Links go; what they
 * lead to stays. */
PB_MUST_USE int folder_remove(int at, const char *name, unsigned depth, struct pb_error *err);

PB_MUST_USE int file_write(int fd, const void *p, size_t n, struct pb_error *err);
/* Copies from the position of `from` to its end. */
PB_MUST_USE int file_copy(int from, int to, struct pb_error *err);
/* Reads exactly n bytes at `offset`. PB_DAMAGED: the file is shorter. */
PB_MUST_USE int file_read_at(int fd, void *p, size_t n, uint64_t offset, struct pb_error *err);
/* Reads a whole file into `b`, which must be initialised. PB_INVALID: the file is larger than the ceiling of
 * `b`. */
PB_MUST_USE int file_read_all(int at, const char *name, struct buffer *b, struct pb_error *err);
/* The same, but never through a symbolic link. */
PB_MUST_USE int file_read_here(int at, const char *name, struct buffer *b, struct pb_error *err);
/* Replaces the file atomically and durably: writes a temporary file, syncs it, renames it. */
PB_MUST_USE int file_replace(int at, const char *name, const void *p, size_t n, struct pb_error *err);
/* Opens a regular file for reading. PB_INVALID: it is something else; or, unless `follow`, a symbolic link.
 */
PB_MUST_USE int file_open_regular(int at, const char *name, bool follow, int *fd, uint64_t *size,
                                  struct pb_error *err);

/* Creates a file without a name in the open folder, for reading and writing: whatever ends the process leaves
 * nothing of it. */
PB_MUST_USE int file_nameless(int folder, int *fd, struct pb_error *err);

enum lock_kind { LOCK_SHARED, LOCK_EXCLUSIVE };
/* Takes a lock on a lock file, which is created if missing, and replaced if it is a link or no file. The lock
 * lasts until *fd is closed. Without `wait`: PB_BUSY when it is taken. */
PB_MUST_USE int lock_take(int at, const char *name, enum lock_kind kind, bool wait, int *fd,
                          struct pb_error *err);
/* The same for a lock file that can't be written. PB_NOT_FOUND: there is none. */
PB_MUST_USE int lock_take_existing(int at, const char *name, enum lock_kind kind, bool wait, int *fd,
                                   struct pb_error *err);

#define _cleanup_names_ __attribute__((cleanup(names_free)))

#endif
