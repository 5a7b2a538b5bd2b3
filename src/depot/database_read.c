/*
 * SQLite reads a database in WAL mode only with the log's index beside it, which it would have to make. Where
 * a writer on this machine has it open, the index is there, and may be read. Otherwise we copy: SQLite's own
 * `immutable` ignores the log, so it shows too little of a depot that was copied while it was in use, and it
 * shows a torn database when another machine writes. A copy is taken between two equal looks at the files.
 */
#include "depot/database_read.h"

#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const suffixes[] = {"", "-wal"};

static void file_name(const char *file, const char *suffix, char out[PATH_MAX])
{
    if (snprintf(out, PATH_MAX, "%s%s", file, suffix) >= PATH_MAX)
        out[0] = '\0';
}

int database_regular(const char *file, struct pb_error *err)
{
    static const char *const all[] = {"", "-wal", "-shm", "-journal"};
    char name[PATH_MAX];
    struct stat st;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        file_name(file, all[i], name);
        if (stat(name, &st) == 0 && !S_ISREG(st.st_mode))
            return error_set(err, PB_INVALID, "%s: not a regular file", name);
    }
    return PB_OK;
}

bool database_look(const char *file, struct database_stamp *out)
{
    *out = (struct database_stamp){0};
    for (size_t i = 0; i < 2; i++) {
        char name[PATH_MAX];
        struct stat st;
        file_name(file, suffixes[i], name);
        if (stat(name, &st) != 0) {
            if (i == 0)
                return false;
            continue;
        }
        out->files[i].inode = st.st_ino;
        out->files[i].size = (uint64_t)st.st_size;
        out->files[i].seconds = st.st_mtim.tv_sec;
        out->files[i].nanoseconds = st.st_mtim.tv_nsec;
    }
    return true;
}

/* An absent log is no fault. */
static int files_copy(const char *file, const char *to, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < 2; i++) {
        char from_name[PATH_MAX], to_name[PATH_MAX];
        uint64_t size;
        _cleanup_fd_ int in = -1, out = -1;
        file_name(file, suffixes[i], from_name);
        file_name(to, suffixes[i], to_name);
        unlink(to_name); /* of a try before */
        rc = file_open_regular(AT_FDCWD, from_name, true, &in, &size, err);
        if (rc == PB_NOT_FOUND && i > 0)
            return PB_OK;
        if (rc < 0)
            return rc;
        out = open(to_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        rc = out < 0 ? error_set(err, PB_FAILED, "%s: it can't be made", to_name) : file_copy(in, out, err);
    }
    return rc;
}

static int copy_take(const char *file, const char *to, struct database_stamp *stamp, struct pb_error *err)
{
    enum { TRIES = 10 };
    for (int i = 0; i < TRIES; i++) {
        struct database_stamp after;
        if (!database_look(file, stamp))
            return error_set(err, PB_NOT_FOUND, "%s: it is not there", file);
        int rc = files_copy(file, to, err);
        if (rc < 0)
            return rc;
        if (database_look(file, &after) && memcmp(stamp, &after, sizeof after) == 0)
            return PB_OK;
    }
    return error_set(err, PB_BUSY, "%s: it changes all the time", file);
}

/* Opens the copy, with its log taken in, so that it is one file that can lose its name. */
static int copy_open(const char *copy, struct sqlite3 **db, struct pb_error *err)
{
    int rc = sql_connect(copy, SQLITE_OPEN_READWRITE, db, err);
    if (rc == PB_OK)
        rc = sql_run(*db, "PRAGMA journal_mode=DELETE; PRAGMA query_only=ON", err);
    if (rc < 0) {
        catalog_close(*db);
        *db = NULL;
    }
    return rc;
}

static int read_copy(const char *file, struct sqlite3 **db, struct database_stamp *stamp,
                     struct pb_error *err)
{
    const char *tmp = getenv("TMPDIR");
    char folder[PATH_MAX - 64], copy[PATH_MAX - 32], name[PATH_MAX];
    if (snprintf(folder, sizeof folder, "%s/patchbay-catalog.XXXXXX",
                 tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp") >= (int)sizeof folder)
        return error_set(err, PB_INVALID, "TMPDIR: the path is too long");
    if (mkdtemp(folder) == NULL)
        return error_set(err, PB_FAILED,
                         "%s: it can't be read in its place, and TMPDIR takes no copy (%s can't be made)",
                         file, folder);
    snprintf(copy, sizeof copy, "%s/copy", folder);
    int rc = copy_take(file, copy, stamp, err);
    if (rc == PB_OK)
        rc = copy_open(copy, db, err);
    for (size_t i = 0; i < 2; i++) {
        file_name(copy, suffixes[i], name);
        unlink(name);
    }
    rmdir(folder);
    return rc;
}

int database_read(const char *file, struct sqlite3 **db, bool *copied, struct database_stamp *stamp,
                  struct pb_error *err)
{
    int64_t tables;
    *copied = false;
    int rc = database_regular(file, err);
    if (rc == PB_OK)
        rc = sql_connect(file, SQLITE_OPEN_READONLY, db, err);
    if (rc < 0)
        return rc;
    rc = sql_int(*db, "SELECT count(*) FROM sqlite_master", &tables, err);
    if (rc == PB_OK)
        return rc;
    catalog_close(*db);
    *db = NULL;
    if (rc == PB_DAMAGED || rc == PB_NO_MEMORY)
        return rc;
    *copied = true;
    return read_copy(file, db, stamp, err);
}
