/* Writing what is live as files, for any web server or file host. */
#include "api/dialects.h"
#include "api/export_list.h"
#include "api/sized.h"
#include "base/file.h"
#include "base/tree.h"
#include "depot/object.h"
#include "dialect/compile.h"
#include "patchbay/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define BESIDE ".patchbay-new" /* what is under way; never a name of a depot's */

struct export
{
    const struct depot *depot;
    int folder;
    struct tree tree;
    bool naming; /* nothing is written yet: `now` is being made */
    struct export_list before, now;
    pb_progress_fn *progress;
    void *arg;
    struct pb_export_report *report;
};

/* Makes the folders above a path, and opens the last. */
static int folder_reach(struct export *x, const char *path, int *folder, const char **base,
                        struct pb_error *err)
{
    char above[PATH_RELATIVE_MAX + 1];
    int rc = tree_reach(&x->tree, path, folder, base, err);
    if (rc != PB_NOT_FOUND)
        return rc;
    for (size_t i = 0; path[i] != '\0'; i++) {
        int in;
        const char *name;
        above[i] = '\0';
        if (path[i] == '/') {
            rc = tree_reach(&x->tree, above, &in, &name, err);
            if (rc == PB_OK)
                rc = folder_make(in, name, err);
            if (rc < 0)
                return rc;
        }
        above[i] = path[i];
    }
    return tree_reach(&x->tree, path, folder, base, err);
}

/* Is the file there with just these bytes? */
static bool is_there(int folder, const char *base, const struct sha256 *digest, uint64_t size)
{
    uint64_t found;
    struct digest_result r;
    _cleanup_fd_ int fd = -1;
    return file_open_regular(folder, base, false, &fd, &found, NULL) == PB_OK && found == size &&
           digest_file(DIGEST_SHA256, fd, &r, NULL) == PB_OK &&
           memcmp(&r.sha256, digest, sizeof *digest) == 0;
}

/* Writes beside, then renames over. `object` >= 0: its bytes; else `bytes`. */
static int file_write_beside(struct export *x, int folder, const char *base, int object, struct slice bytes,
                             struct pb_error *err)
{
    unlinkat(x->folder, BESIDE, 0);
    _cleanup_fd_ int fd =
        openat(x->folder, BESIDE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_errno(err, errno, "make a file");
    int rc = object >= 0 ? file_copy(object, fd, err) : file_write(fd, bytes.p, bytes.n, err);
    if (rc == PB_OK && renameat(x->folder, BESIDE, folder, base) != 0)
        rc = error_errno(err, errno, "put it in place");
    if (rc < 0)
        unlinkat(x->folder, BESIDE, 0);
    return rc;
}

static int counted(struct export *x, uint64_t size, bool written, struct pb_error *err)
{
    struct pb_progress p = {"export", ++x->report->files, 0, "files"};
    x->report->written += written;
    x->report->bytes += written ? size : 0;
    return x->progress != NULL && x->progress(x->arg, &p) != 0 ? error_set(err, PB_CANCELLED, "cancelled")
                                                               : PB_OK;
}

static int entry_export(struct export *x, const char *path, const struct site_entry *e, struct pb_error *err)
{
    int folder;
    const char *base;
    _cleanup_fd_ int fd = -1;
    if (x->naming)
        return export_list_add(&x->now, path, &e->object, err);
    int rc = folder_reach(x, path, &folder, &base, err);
    if (rc < 0)
        return rc;
    bool there = is_there(folder, base, &e->object, e->size);
    if (!there)
        rc = object_open(x->depot->objects, &e->object, e->size, &fd, err);
    if (!there && rc == PB_OK)
        rc = file_write_beside(x, folder, base, fd, (struct slice){0}, err);
    return rc < 0 ? error_context(err, "%s", path) : counted(x, e->size, !there, err);
}

/* All places of one entry, if it is a list or if it is none. */
static int places_export(struct export *x, const struct dialect *d, const struct site_title *t,
                         const struct site_entry *e, bool lists, struct pb_error *err)
{
    int rc = PB_OK;
    bool list = false;
    _cleanup_buffer_ struct buffer path;
    buffer_init(&path, 2 * PATH_RELATIVE_MAX);
    for (unsigned n = 0; rc == PB_OK; n++) {
        path.n = 0;
        if (!d->export_path(t, e, n, &path, &list) || path.failed)
            break;
        if (path.n > 0 && list == lists)
            rc = entry_export(x, path.p, e, err);
    }
    return path.failed ? error_memory(err) : rc;
}

/* Lists come last, so that nobody finds a list of what is not there. */
static int title_export(struct export *x, const struct site_title *t, struct pb_error *err)
{
    const struct dialect *d = dialect_find(t->dialect);
    int rc = PB_OK;
    if (d == NULL || d->export_path == NULL)
        return PB_OK;
    for (int lists = 0; lists <= 1; lists++) {
        for (size_t i = 0; rc == PB_OK && i < t->n; i++)
            rc = places_export(x, d, t, &t->entries[i], lists == 1, err);
    }
    x->report->titles += !x->naming;
    return rc < 0 ? error_context(err, "export %s/%s", t->dialect, t->name) : PB_OK;
}

static int together_export(struct export *x, const struct site *site, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && all_dialects[i] != NULL; i++) {
        const char *path = NULL, *base = "";
        struct slice bytes;
        struct digest_result r;
        int folder = -1;
        if (all_dialects[i]->export_site == NULL)
            continue;
        all_dialects[i]->export_site(site, site->compiled[i], &path, &bytes);
        if (path == NULL)
            continue;
        rc = digest_bytes(DIGEST_SHA256, bytes.p, bytes.n, &r, err);
        if (rc == PB_OK && x->naming) {
            rc = export_list_add(&x->now, path, &r.sha256, err);
            continue;
        }
        if (rc == PB_OK)
            rc = folder_reach(x, path, &folder, &base, err);
        bool there = rc == PB_OK && is_there(folder, base, &r.sha256, bytes.n);
        if (rc == PB_OK && !there)
            rc = file_write_beside(x, folder, base, -1, bytes, err);
        rc = rc < 0 ? error_context(err, "%s", path) : counted(x, bytes.n, !there, err);
    }
    return rc;
}

/* A title that can't be served can't be exported: the first one's fault is the result. */
static void failed(void *arg, const struct site_title *title, const struct pb_error *err)
{
    struct pb_error *first = arg;
    if (first->status == PB_OK)
        error_set(first, err->status, "%s/%s: %s", title->dialect, title->name, err->text);
}

static int site_export(struct export *x, const struct site *site, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < site->n; i++)
        rc = title_export(x, site->titles[i], err);
    return rc == PB_OK ? together_export(x, site, err) : rc;
}

/* What earlier exports wrote. Without their list nobody knows what in the folder is theirs. */
static int before_read(struct export *x, bool prune, struct pb_error *err)
{
    struct tree_counts there = {0};
    int rc = export_list_read(x->folder, &x->before, err);
    if (rc != PB_NOT_FOUND)
        return rc;
    rc = prune ? tree_count(x->folder, &there, err) : PB_OK;
    if (rc == PB_OK && there.folders + there.others > 0)
        return error_set(
            err, PB_INVALID,
            "the folder has no list of what an export wrote (%s), so nothing of it can be removed: "
            "export without --prune first",
            EXPORT_LIST);
    return rc;
}

static int folder_sync(const struct export *x, struct pb_error *err)
{
    return syncfs(x->folder) == 0 ? PB_OK : error_errno(err, errno, "sync");
}

/* Names first: whatever a crash leaves behind is on the list, and can be removed later. */
static int names_write(struct export *x, const struct site *site, struct pb_error *err)
{
    x->naming = true;
    int rc = site_export(x, site, err);
    x->naming = false;
    if (rc == PB_OK)
        rc = export_list_write(x->folder, &x->now, &x->before, false, err);
    return rc == PB_OK ? folder_sync(x, err) : rc;
}

/* All that is named is there, and synced. */
static int prune(struct export *x, struct pb_error *err)
{
    struct export_pruned pruned;
    int rc = export_list_prune(x->folder, &x->before, &x->now, &pruned, err);
    x->report->removed = pruned.removed;
    x->report->kept = pruned.kept;
    /* Else a power cut could leave a file that no list has. */
    if (rc == PB_OK && pruned.removed > 0)
        rc = folder_sync(x, err);
    return rc == PB_OK ? export_list_write(x->folder, &x->now, NULL, true, err) : rc;
}

/* Two exports to one folder would take each other's files for old ones. Where the file system has no locks,
 * it is the caller's to see to that. */
static int folder_take(const char *folder, int *fd, struct pb_error *err)
{
    int rc = folder_make_all(folder, err);
    if (rc == PB_OK)
        rc = folder_open(AT_FDCWD, folder, fd, err);
    if (rc == PB_OK && flock(*fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        rc = error_set(err, PB_BUSY, "%s: another export is under way", folder);
    return rc;
}

static int export_run(struct export *x, bool remove, struct pb_error *err)
{
    struct site *site = NULL;
    struct pb_error first = {0};
    struct site_maker maker = dialects_maker(all_dialects, NULL, failed, &first);
    int rc = before_read(x, remove, err);
    if (rc == PB_OK)
        rc = site_make((struct depot *)x->depot, NULL, true, &maker, &site, err);
    if (rc == PB_OK)
        rc = names_write(x, site, err);
    if (rc == PB_OK)
        rc = site_export(x, site, err);
    if (rc == PB_OK)
        rc = folder_sync(x, err);
    /* What is missing here for a fault is live all the same. */
    if (rc == PB_OK && remove && first.status == PB_OK)
        rc = prune(x, err);
    else if (rc == PB_OK)
        rc = export_list_write(x->folder, &x->now, &x->before, true, err);
    site_release(site);
    if (rc == PB_OK && first.status != PB_OK) {
        *err = first;
        rc = first.status;
    }
    return rc;
}

static int export_to(struct pb_depot *depot, const char *folder, bool remove, pb_progress_fn *progress,
                     void *arg, struct pb_export_report *report, struct pb_error *err)
{
    struct export x = {.depot = (const struct depot *)depot,
                       .folder = -1,
                       .progress = progress,
                       .arg = arg,
                       .report = report};
    *report = (struct pb_export_report){0};
    export_list_init(&x.before);
    export_list_init(&x.now);
    int rc = folder_take(folder, &x.folder, err);
    if (rc == PB_OK) {
        tree_start(&x.tree, x.folder);
        rc = export_run(&x, remove, err);
        tree_end(&x.tree);
    }
    fd_close(&x.folder);
    export_list_free(&x.before);
    export_list_free(&x.now);
    return rc;
}

static int sized_export(struct pb_depot *depot, const char *folder, bool remove, pb_progress_fn *progress,
                        void *arg, struct pb_export_report *report, struct pb_error *err)
{
    static const struct sized sized = SIZED(pb_export_report, kept, kept);
    struct pb_export_report own = {0};
    int rc = sized_check(&sized, report, err);
    if (rc < 0)
        return rc;
    rc = export_to(depot, folder, remove, progress, arg, &own, err);
    sized_give(&sized, &own, report);
    return rc;
}

int pb_export(struct pb_depot *depot, const char *folder, pb_progress_fn *progress, void *arg,
              struct pb_export_report *report, struct pb_error *err)
{
    return sized_export(depot, folder, false, progress, arg, report, err);
}

int pb_export_prune(struct pb_depot *depot, const char *folder, pb_progress_fn *progress, void *arg,
                    struct pb_export_report *report, struct pb_error *err)
{
    return sized_export(depot, folder, true, progress, arg, report, err);
}
