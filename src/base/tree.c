/* Trees on a POSIX system. */
#include "base/tree.h"

#include "base/beneath.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

void tree_start(struct tree *t, int root)
{
    *t = (struct tree){.root = root, .folder = -1};
}

void tree_forget(struct tree *t)
{
    fd_close(&t->folder);
    t->missing[0] = '\0';
}

void tree_end(struct tree *t)
{
    tree_forget(t);
}

int tree_reach(struct tree *t, const char *path, int *folder, const char **base, struct pb_error *err)
{
    const char *why;
    if (!path_relative_below(slice_of(path), &why))
        return error_set(err, PB_INVALID, "%.200s: the path %s", path, why);
    struct slice above = path_folder(slice_of(path));
    *base = path + above.n + (above.n > 0);
    if (t->folder >= 0 && slice_equal(above, slice_of(t->at))) {
        *folder = t->folder;
        return PB_OK;
    }
    fd_close(&t->folder);
    int rc = beneath_folder(t->root, above, &t->folder, err);
    if (rc < 0)
        return rc;
    memcpy(t->at, above.p, above.n);
    t->at[above.n] = '\0';
    *folder = t->folder;
    return PB_OK;
}

int tree_stat(struct tree *t, const char *path, struct stat *st, struct pb_error *err)
{
    int folder;
    const char *base;
    struct slice above = path_folder(slice_of(path));
    if (above.n > 0 && slice_equal(above, slice_of(t->missing)))
        return 0; /* a new folder's files follow upon each other */
    int rc = tree_reach(t, path, &folder, &base, err);
    if (rc == PB_NOT_FOUND && above.n < sizeof t->missing) {
        memcpy(t->missing, above.p, above.n);
        t->missing[above.n] = '\0';
    }
    if (rc == PB_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    if (fstatat(folder, base, st, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT ? 0 : error_errno(err, errno, "%s", path);
}

int tree_open(struct tree *t, const char *path, int *fd, uint64_t *size, struct pb_error *err)
{
    int folder = -1;
    const char *base = "";
    int rc = tree_reach(t, path, &folder, &base, err);
    return rc < 0 ? rc : file_open_regular(folder, base, false, fd, size, err);
}

int tree_open_within(struct tree *t, const char *real, const char *path, int *fd, uint64_t *size,
                     struct pb_error *err)
{
    char whole[PATH_MAX], found[PATH_MAX];
    size_t n = strlen(real);
    int rc = tree_open(t, path, fd, size, err);
    if (rc == PB_OK || rc == PB_NOT_FOUND || rc == PB_NO_MEMORY)
        return rc;
    if (snprintf(whole, sizeof whole, "%s/%s", real, path) >= (int)sizeof whole ||
        realpath(whole, found) == NULL)
        return error_errno(err, errno, "%s", path);
    if (strncmp(found, real, n) != 0 || found[n] != '/')
        return error_set(err, PB_INVALID, "a link that leads out of the tree");
    /* There is no link on this path; one that is put there meanwhile is not followed. */
    return tree_open(t, found + n + 1, fd, size, err);
}

struct walk {
    char path[PATH_RELATIVE_MAX + 1];
    unsigned depth;
    tree_fn *fn;
    void *arg;
};

static int walk_folder(struct walk *w, int folder, size_t length, struct pb_error *err);

/* One name of a folder; `length` is the length of the folder's path. */
static int walk_item(struct walk *w, int folder, size_t length, const char *name, struct pb_error *err)
{
    struct stat st;
    int n = snprintf(w->path + length, sizeof w->path - length, "%s%s", length > 0 ? "/" : "", name);
    if (n < 0 || (size_t)n >= sizeof w->path - length)
        return error_set(err, PB_INVALID, "%.200s…: the path is longer than %d bytes", w->path,
                         PATH_RELATIVE_MAX);
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? PB_OK : error_errno(err, errno, "%s", w->path);
    struct tree_item item = {folder, name, w->path, &st};
    int rc = w->fn(w->arg, &item, err);
    if (rc != PB_OK || !S_ISDIR(st.st_mode))
        return rc < 0 ? rc : PB_OK;
    if (w->depth == TREE_DEPTH_MAX)
        return error_set(err, PB_INVALID, "%s: more than %d folders within each other", w->path,
                         TREE_DEPTH_MAX);
    _cleanup_fd_ int below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (below < 0)
        return error_errno(err, errno, "open folder %s", w->path);
    w->depth++;
    rc = walk_folder(w, below, length + (size_t)n, err);
    w->depth--;
    return rc;
}

static int walk_folder(struct walk *w, int folder, size_t length, struct pb_error *err)
{
    _cleanup_names_ struct names names;
    int rc = folder_names(folder, ".", &names, err);
    for (size_t i = 0; rc == PB_OK && i < names.n; i++)
        rc = walk_item(w, folder, length, names.list[i], err);
    return rc;
}

int tree_walk(int folder, const char *path, tree_fn *fn, void *arg, struct pb_error *err)
{
    struct walk w = {.fn = fn, .arg = arg};
    size_t n = strlen(path);
    if (n >= sizeof w.path)
        return error_set(err, PB_INVALID, "%.200s…: the path is too long", path);
    memcpy(w.path, path, n + 1);
    return walk_folder(&w, folder, n, err);
}

/* ---- counting ---- */

static int count_folder(int at, const char *name, unsigned depth, struct tree_counts *out,
                        struct pb_error *err);

static int count_item(int folder, const struct dirent *d, unsigned depth, struct tree_counts *out,
                      struct pb_error *err)
{
    struct stat st;
    bool is_folder = d->d_type == DT_DIR;
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
        return PB_OK;
    if (d->d_type == DT_UNKNOWN)
        is_folder = fstatat(folder, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
    if (!is_folder) {
        out->others++;
        return PB_OK;
    }
    out->folders++;
    return depth < TREE_DEPTH_MAX
               ? count_folder(folder, d->d_name, depth + 1, out, err)
               : error_set(err, PB_INVALID, "more than %d folders within each other", TREE_DEPTH_MAX);
}

static int count_folder(int at, const char *name, unsigned depth, struct tree_counts *out,
                        struct pb_error *err)
{
    int rc = PB_OK, fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        fd_close(&fd);
        return error_errno(err, errno, "read folder %s", name);
    }
    while (rc == PB_OK) {
        errno = 0;
        struct dirent *d = readdir(dir);
        if (d == NULL) {
            rc = errno != 0 ? error_errno(err, errno, "read folder %s", name) : PB_OK;
            break;
        }
        rc = count_item(fd, d, depth, out, err);
    }
    closedir(dir);
    return rc;
}

int tree_count(int folder, struct tree_counts *out, struct pb_error *err)
{
    *out = (struct tree_counts){0};
    return count_folder(folder, ".", 0, out, err);
}
