/* A folder for targets that need one: in memory where the machine has such a file system, and removed at the
 * end. */
#ifndef PB_FUZZ_FOLDER_H
#define PB_FUZZ_FOLDER_H

#include "fuzz.h"

#include <ftw.h>

static char fuzz_folder_path[64];

static int fuzz_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind;
    return at->level > 0 || strcmp(path, fuzz_folder_path) == 0 ? (remove(path), 0) : 0;
}

static inline void fuzz_folder_empty(const char *path)
{
    enum { OPEN_FILES = 16 };
    nftw(path, fuzz_remove, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
}

static inline void fuzz_folder_end(void)
{
    fuzz_folder_empty(fuzz_folder_path);
}

/* Its path; the same at each call. */
static inline const char *fuzz_folder(void)
{
    if (fuzz_folder_path[0] == '\0') {
        snprintf(fuzz_folder_path, sizeof fuzz_folder_path, "%s/fuzz-XXXXXX",
                 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
        CLAIM(mkdtemp(fuzz_folder_path) != NULL);
        atexit(fuzz_folder_end);
    }
    return fuzz_folder_path;
}

#endif
