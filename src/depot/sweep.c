/* Walking objects/ and tmp/ for files that the catalog does not name. */
#include "depot/sweep.h"

#include "base/file.h"
#include "depot/catalog.h"
#include "depot/object.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct sweep {
    struct sqlite3_stmt *find;
    const char *fan; /* the two digits of the folder */
    struct pb_gc_report *report;
    bool remove;
};

static int file_sweep(void *arg, int folder, const char *name, struct pb_error *err)
{
    struct sweep *s = arg;
    struct stat st;
    if (s->fan != NULL) {
        char hex[SHA256_HEX + 1];
        struct sha256 sha;
        snprintf(hex, sizeof hex, "%.2s%.62s", s->fan, name);
        if (strlen(name) == SHA256_HEX - 2 && hex_decode(slice_of(hex), &sha, sizeof sha)) {
            sqlite3_bind_blob(s->find, 1, &sha, sizeof sha, SQLITE_TRANSIENT);
            int rc = sql_step(s->find, err);
            sqlite3_reset(s->find);
            if (rc != 0)
                return rc < 0 ? rc : PB_OK;
        }
    }
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(st.st_mode))
        return PB_OK;
    if (s->remove && unlinkat(folder, name, 0) != 0)
        return error_errno(err, errno, "remove object %s", name);
    s->report->objects++;
    s->report->bytes += (uint64_t)st.st_size;
    return PB_OK;
}

static int fan_sweep(void *arg, int folder, const char *name, struct pb_error *err)
{
    struct sweep *s = arg;
    struct stat st;
    if (strlen(name) != 2 || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
        return PB_OK;
    s->fan = name;
    return folder_each(folder, name, file_sweep, s, err);
}

int depot_sweep(struct depot *d, bool remove, struct pb_gc_report *report, struct pb_error *err)
{
    struct sweep s = {.report = report, .remove = remove};
    int rc = sql_prepare(d->db, "SELECT 1 FROM object WHERE sha256 = ?", &s.find, err);
    if (rc == PB_OK)
        rc = folder_each(d->folder, "objects", fan_sweep, &s, err);
    s.fan = NULL;
    if (rc == PB_OK && d->tmp >= 0)
        rc = folder_each(d->folder, "tmp", file_sweep, &s, err);
    sql_finish(&s.find);
    return rc;
}
