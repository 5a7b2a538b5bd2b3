/* Opening DIR/.patchbay and its staging folders. */
#include "install/workspace.h"

#include "base/beneath.h"
#include "base/file.h"
#include "base/path.h"
#include "install/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* For a dry run into a folder that is not there: an empty one that is nowhere any more. */
static int nowhere_open(int *fd, struct pb_error *err)
{
    char name[] = "/tmp/patchbay-dry.XXXXXX";
    if (mkdtemp(name) == NULL)
        return error_errno(err, errno, "make a folder in /tmp");
    int rc = folder_open(AT_FDCWD, name, fd, err);
    rmdir(name);
    return rc;
}

static int dry_open(const char *path, struct workspace *w, struct pb_error *err)
{
    int rc = folder_open(AT_FDCWD, path, &w->folder, err);
    if (rc == PB_NOT_FOUND)
        return nowhere_open(&w->folder, err);
    if (rc == PB_OK)
        rc = own_folder_open(w->folder, WORKSPACE_HOME, false, &w->home, err);
    if (rc == PB_OK && journal_pending(w))
        return error_set(err, PB_BUSY, "an install was broken off here: 'patchbay recover' finishes it");
    return rc == PB_NOT_FOUND ? PB_OK : rc;
}

static int real_open(const char *path, bool make, struct workspace *w, struct pb_error *err)
{
    int rc = make ? folder_make_all(path, err) : PB_OK;
    if (rc == PB_OK)
        rc = folder_open(AT_FDCWD, path, &w->folder, err);
    if (rc == PB_OK)
        rc = own_folder_open(w->folder, WORKSPACE_HOME, make, &w->home, err);
    return rc == PB_OK ? journal_recover(w, &w->recovered, err) : rc;
}

int workspace_open(const char *path, enum workspace_mode mode, struct workspace *w, struct pb_error *err)
{
    *w = (struct workspace){.folder = -1, .home = -1, .staging = -1, .lock = -1};
    int rc = mode == WORKSPACE_DRY ? dry_open(path, w, err) : real_open(path, mode == WORKSPACE_MAKE, w, err);
    if (rc < 0) {
        workspace_close(w);
        return error_context(err, "folder %s", path);
    }
    return PB_OK;
}

void workspace_stage_end(struct workspace *w)
{
    /* Goes only when it is empty: then nothing had arrived. */
    _cleanup_fd_ int all = -1;
    if (w->staging >= 0 && own_folder_open(w->home, WORKSPACE_STAGING, false, &all, NULL) == PB_OK)
        unlinkat(all, w->stage_name, AT_REMOVEDIR);
    fd_close(&w->staging);
    fd_close(&w->lock);
}

void workspace_close(struct workspace *w)
{
    workspace_stage_end(w);
    fd_close(&w->home);
    fd_close(&w->folder);
}

int workspace_stage_name(const char *title, char out[STAGE_NAME_SIZE], struct pb_error *err)
{
    enum { ROOM = STAGE_NAME_SIZE - 8 }; /* ".lock" is put behind it */
    const char *from = title;
    for (size_t n = 0; *from != '\0'; from++) {
        char c = *from;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '_';
        if (n + 4 > ROOM)
            return error_set(err, PB_INVALID, "%s: the title's name is too long", title);
        n += (size_t)snprintf(out + n, ROOM - n, plain ? "%c" : "%%%02X", (unsigned char)c);
    }
    return PB_OK;
}

int workspace_stage(struct workspace *w, const char *title, struct pb_error *err)
{
    bool recovered;
    char lock[sizeof w->stage_name + 8];
    _cleanup_fd_ int all = -1;
    int rc = workspace_stage_name(title, w->stage_name, err);
    if (rc == PB_OK)
        rc = own_folder_open(w->home, WORKSPACE_STAGING, true, &all, err);
    snprintf(lock, sizeof lock, "%s.lock", w->stage_name);
    if (rc == PB_OK)
        rc = lock_take(all, lock, LOCK_EXCLUSIVE, false, &w->lock, err);
    if (rc == PB_BUSY)
        return error_set(err, PB_BUSY, "another process is fetching %s into this folder", title);
    /* Whoever had the lock before may have died half-way, with files in this folder that its journal needs.
     */
    if (rc == PB_OK)
        rc = journal_recover(w, &recovered, err);
    return rc == PB_OK ? own_folder_open(all, w->stage_name, true, &w->staging, err) : rc;
}

void workspace_unstage(struct workspace *w)
{
    _cleanup_fd_ int all = -1;
    fd_close(&w->staging);
    /* The lock file stays: removing it would let two processes hold "the" lock on two files. */
    int rc = own_folder_open(w->home, WORKSPACE_STAGING, false, &all, NULL);
    if (rc == PB_OK)
        rc = folder_remove(all, w->stage_name, 0, NULL);
    (void)rc; /* what can't be removed now goes the next time */
}

int workspace_room(const struct workspace *w, uint64_t *bytes, struct pb_error *err)
{
    struct statvfs s;
    if (fstatvfs(w->folder, &s) != 0)
        return error_errno(err, errno, "free space");
    *bytes = (uint64_t)s.f_bavail * s.f_frsize;
    return PB_OK;
}

static int size_add(void *arg, int folder, const char *name, struct pb_error *err)
{
    struct stat st;
    (void)err;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        *(uint64_t *)arg += (uint64_t)st.st_size;
    return PB_OK;
}

int workspace_staged(const struct workspace *w, uint64_t *bytes, struct pb_error *err)
{
    *bytes = 0;
    return folder_each(w->staging, ".", size_add, bytes, err);
}

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct prune {
    const char **keep; /* sorted */
    size_t n;
};

static int prune_one(void *arg, int folder, const char *name, struct pb_error *err)
{
    const struct prune *p = arg;
    char whole[FILE_NAME_MAX + 1], *key = whole;
    bool part = slice_ends_nocase(slice_of(name), slice_of(PART_ENDING));
    snprintf(whole, sizeof whole, "%.*s", (int)(strlen(name) - (part ? strlen(PART_ENDING) : 0)), name);
    if (p->n > 0 && bsearch(&key, p->keep, p->n, sizeof *p->keep, text_compare) != NULL)
        return PB_OK;
    return beneath_clear(folder, name, err) < 0 ? error_context(err, "staging") : PB_OK;
}

int workspace_prune(const struct workspace *w, const struct fetch_plan *plan, struct pb_error *err)
{
    struct prune p = {calloc(plan->piece_count + 1, sizeof *p.keep), plan->piece_count};
    _cleanup_arena_ struct arena names;
    arena_init(&names, 0);
    if (p.keep == NULL)
        return error_memory(err);
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < p.n; i++) {
        struct fetch_piece piece;
        rc = fetch_piece_get(plan, i, &names, &piece, err);
        p.keep[i] = rc == PB_OK ? piece.staged : "";
    }
    if (p.n > 1)
        qsort(p.keep, p.n, sizeof *p.keep, text_compare);
    if (rc == PB_OK)
        rc = folder_each(w->staging, ".", prune_one, &p, err);
    free(p.keep);
    return rc;
}
