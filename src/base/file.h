/* Files and folders: whole reads and writes, replacing by rename, locks, walking. Names are relative to an
 * open folder wherever possible, so that a folder renamed under us changes nothing. */
#ifndef PB_BASE_FILE_H
#define PB_BASE_FILE_H

#include "base/bytes.h"

#include <sys/types.h>

void fd_close(int *fd); /* closes unless -1; errno stays */
#define _cleanup_fd_ __attribute__((cleanup(fd_close)))

/* Opens a folder for use with the *at calls. */
PB_MUST_USE int folder_open(int at, const char *name, int *fd, struct pb_error *err);
/* Makes the folder if it is not there (its parent must be). */
PB_MUST_USE int folder_make(int at, const char *name, struct pb_error *err);
/* As mkdir -p. */
PB_MUST_USE int folder_make_all(const char *path, struct pb_error *err);
/* Calls fn for each name but "." and "..", in no order. A negative return from fn ends the walk with it. */
typedef int folder_each_fn(void *arg, int folder, const char *name, struct pb_error *err);
PB_MUST_USE int folder_each(int at, const char *name, folder_each_fn *fn, void *arg, struct pb_error *err);
/* Names of all entries, sorted bytewise; free with names_free. */
struct names {
    char **list;
    size_t n;
};
PB_MUST_USE int folder_names(int at, const char *name, struct names *names, struct pb_error *err);
void names_free(struct names *names);
/* Removes a folder and the plain files in it; folders within it are removed only if `depth` allows. */
PB_MUST_USE int folder_remove(int at, const char *name, unsigned depth, struct pb_error *err);

PB_MUST_USE int file_write(int fd, const void *p, size_t n, struct pb_error *err);
/* Copies from the file's position to its end. */
PB_MUST_USE int file_copy(int from, int to, struct pb_error *err);
/* Reads exactly n bytes at `offset`, or fails with PB_DAMAGED where the file is shorter. */
PB_MUST_USE int file_read_at(int fd, void *p, size_t n, uint64_t offset, struct pb_error *err);
/* Reads a whole file into `b`, which must be initialised; PB_INVALID when it is larger than the ceiling. */
PB_MUST_USE int file_read_all(int at, const char *name, struct buffer *b, struct pb_error *err);
/* Writes beside, syncs, renames over. */
PB_MUST_USE int file_replace(int at, const char *name, const void *p, size_t n, struct pb_error *err);
/* Opens for reading; only a regular file, and never through a symbolic link when `follow` is false. */
PB_MUST_USE int file_open_regular(int at, const char *name, bool follow, int *fd, uint64_t *size,
                                  struct pb_error *err);

enum lock_kind { LOCK_SHARED, LOCK_EXCLUSIVE };
/* Opens (and makes) a lock file and locks it; the lock lasts until *fd is closed. With wait false, PB_BUSY
 * when somebody else has it. */
PB_MUST_USE int lock_take(int at, const char *name, enum lock_kind kind, bool wait, int *fd,
                          struct pb_error *err);

#define _cleanup_names_ __attribute__((cleanup(names_free)))

#endif
