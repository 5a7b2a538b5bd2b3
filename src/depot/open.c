/* Making and opening a depot's folder. */
#include "depot/open.h"

#include "base/file.h"
#include "depot/catalog.h"
#include "depot/database_read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int catalog_path(const char *path, char out[PATH_MAX], struct pb_error *err)
{
    if (snprintf(out, PATH_MAX, "%s/" CATALOG_FILE, path) >= PATH_MAX)
        return error_set(err, PB_INVALID, "depot %s: the path is too long", path);
    return PB_OK;
}

int depot_init(const char *path, struct pb_error *err)
{
    char catalog[PATH_MAX], part[PATH_MAX + 8];
    struct stat st;
    int rc = catalog_path(path, catalog, err);
    if (rc < 0)
        return rc;
    if (stat(catalog, &st) == 0)
        return error_set(err, PB_INVALID, "%s: there is a depot already", path);
    static const char *const folders[] = {"", "/objects", "/tmp"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (snprintf(part, sizeof part, "%s%s", path, folders[i]) >= (int)sizeof part)
            return error_set(err, PB_INVALID, "depot %s: the path is too long", path);
        rc = i == 0 ? folder_make_all(part, err) : folder_make(AT_FDCWD, part, err);
        if (rc < 0)
            return error_context(err, "init depot");
    }
    /* Made beside, so that a depot is there whole or not at all. */
    snprintf(part, sizeof part, "%s.new", catalog);
    unlink(part);
    rc = catalog_create(part, err);
    if (rc == PB_OK && rename(part, catalog) != 0)
        rc = error_errno(err, errno, "%s", catalog);
    return rc < 0 ? error_context(err, "init depot") : PB_OK;
}

/* What an operator can't write is read only. Root may write everywhere but on a read-only mount. */
static bool writable(int folder)
{
    return (faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) == 0 &&
            faccessat(folder, CATALOG_FILE, W_OK, AT_EACCESS) == 0) ||
           (errno != EROFS && errno != EACCES && errno != EPERM);
}

static int tmp_open(struct depot *d, struct pb_error *err)
{
    if (d->read_only) {
        d->tmp = -1;
        return PB_OK;
    }
    int rc = folder_make(d->folder, "tmp", err); /* whoever copied the depot may have left it out */
    return rc < 0 ? rc : folder_open(d->folder, "tmp", &d->tmp, err);
}

static int catalog_read(struct depot *d, const char *catalog, struct pb_error *err)
{
    int rc = database_read(catalog, &d->db, &d->copied, &d->stamp, err);
    d->copies += d->copied;
    return rc < 0 ? rc : catalog_check(d->db, catalog, err);
}

static int depot_open_parts(struct depot *d, struct pb_error *err)
{
    char catalog[PATH_MAX];
    struct stat st;
    int rc = catalog_path(d->path, catalog, err);
    if (rc < 0)
        return rc;
    if (stat(catalog, &st) != 0 && errno == ENOENT)
        return error_set(err, PB_NOT_FOUND, "%s: no depot here; make one with: patchbay init --depot %s",
                         d->path, d->path);
    if (folder_open(AT_FDCWD, d->path, &d->folder, err) < 0 ||
        folder_open(d->folder, "objects", &d->objects, err) < 0 || database_regular(catalog, err) < 0)
        return error_context(err, "depot %s", d->path);
    d->read_only = !writable(d->folder);
    rc = tmp_open(d, err);
    if (rc == PB_OK)
        rc = d->read_only ? catalog_read(d, catalog, err) : catalog_open(catalog, &d->db, err);
    return rc < 0 ? error_context(err, "depot %s", d->path) : PB_OK;
}

int depot_open(const char *path, struct depot **out, struct pb_error *err)
{
    struct depot *d = calloc(1, sizeof *d);
    if (d == NULL)
        return error_memory(err);
    d->folder = d->objects = d->tmp = d->lock = -1;
    d->path = strdup(path);
    int rc = d->path == NULL ? error_memory(err) : depot_open_parts(d, err);
    if (rc < 0) {
        depot_close(d);
        return rc;
    }
    *out = d;
    return PB_OK;
}

int depot_writable(const struct depot *d, struct pb_error *err)
{
    return d->read_only ? error_set(err, PB_FAILED, "depot %s can only be read here", d->path) : PB_OK;
}

int depot_version(struct depot *d, int64_t *version, struct pb_error *err)
{
    char catalog[PATH_MAX];
    struct database_stamp now;
    if (!d->copied)
        return catalog_version(d->db, version, err);
    int rc = catalog_path(d->path, catalog, err);
    if (rc == PB_OK && database_look(catalog, &now) && memcmp(&now, &d->stamp, sizeof now) != 0) {
        struct depot fresh = {.path = d->path};
        rc = catalog_read(&fresh, catalog, err);
        if (rc < 0) {
            catalog_close(fresh.db);
            return rc;
        }
        catalog_close(d->db);
        d->db = fresh.db;
        d->copied = fresh.copied;
        d->stamp = fresh.stamp;
        d->copies++;
    }
    /* Apart from the numbers that SQLite gives, should it be able to read in place from now on. */
    *version = -d->copies;
    return rc;
}

void depot_close(struct depot *d)
{
    if (d == NULL)
        return;
    catalog_close(d->db);
    fd_close(&d->lock);
    fd_close(&d->tmp);
    fd_close(&d->objects);
    fd_close(&d->folder);
    free(d->path);
    free(d);
}
