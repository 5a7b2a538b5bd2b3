/* Opening DIR/.patchbay and its staging folders. */
#include "install/workspace.h"

#include "base/file.h"
#include "install/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define HOME    ".patchbay"
#define STAGING "staging"

/* A folder of ours is never reached through a link that somebody planted. */
static int own_folder(int at, const char *name, bool make, int *fd, struct pb_error *err)
{
    int rc = make ? folder_make(at, name, err) : PB_OK;
    if (rc < 0)
        return rc;
    *fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *fd < 0 ? error_errno(err, errno, "open folder %s", name) : PB_OK;
}

int workspace_open(const char *path, bool make, struct workspace *w, struct pb_error *err)
{
    *w = (struct workspace){.folder = -1, .home = -1, .staging = -1, .lock = -1};
    int rc = make ? folder_make_all(path, err) : PB_OK;
    if (rc == PB_OK)
        rc = folder_open(AT_FDCWD, path, &w->folder, err);
    if (rc == PB_OK)
        rc = own_folder(w->folder, HOME, make, &w->home, err);
    if (rc == PB_OK)
        rc = journal_recover(w, err);
    if (rc < 0) {
        workspace_close(w);
        return error_context(err, "folder %s", path);
    }
    return PB_OK;
}

void workspace_close(struct workspace *w)
{
    /* Goes only when it is empty: then nothing had arrived. */
    _cleanup_fd_ int all =
        w->staging >= 0 ? openat(w->home, STAGING, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (all >= 0)
        unlinkat(all, w->stage_name, AT_REMOVEDIR);
    fd_close(&w->staging);
    fd_close(&w->lock);
    fd_close(&w->home);
    fd_close(&w->folder);
}

/* A title as one file name: bytes other than letters, digits, - and _ become %XX. */
static bool stage_name(const char *title, char *out, size_t room)
{
    for (size_t n = 0; *title != '\0'; title++) {
        char c = *title;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '_';
        if (n + 4 > room)
            return false;
        n += (size_t)snprintf(out + n, room - n, plain ? "%c" : "%%%02X", (unsigned char)c);
    }
    return true;
}

int workspace_stage(struct workspace *w, const char *title, struct pb_error *err)
{
    char lock[sizeof w->stage_name + 8];
    _cleanup_fd_ int all = -1;
    if (!stage_name(title, w->stage_name, sizeof w->stage_name - 8))
        return error_set(err, PB_INVALID, "%s: the title's name is too long", title);
    snprintf(lock, sizeof lock, "%s.lock", w->stage_name);
    int rc = own_folder(w->home, STAGING, true, &all, err);
    if (rc == PB_OK)
        rc = lock_take(all, lock, LOCK_EXCLUSIVE, false, &w->lock, err);
    if (rc == PB_BUSY)
        return error_set(err, PB_BUSY, "another process is fetching %s into this folder", title);
    if (rc == PB_OK)
        rc = own_folder(all, w->stage_name, true, &w->staging, err);
    return rc;
}

void workspace_unstage(struct workspace *w)
{
    _cleanup_fd_ int all = openat(w->home, STAGING, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    fd_close(&w->staging);
    /* The lock file stays: removing it would let two processes hold "the" lock on two files. */
    if (all >= 0 && folder_remove(all, w->stage_name, 0, NULL) < 0)
        return;
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

static int prune_one(void *arg, int folder, const char *name, struct pb_error *err)
{
    const struct fetch_plan *plan = arg;
    struct md5 md5;
    bool digest = strlen(name) >= MD5_HEX && hex_decode((struct slice){name, MD5_HEX}, &md5, sizeof md5);
    for (size_t i = 0; digest && i < plan->piece_count; i++) {
        if (md5_equal(&plan->pieces[i].md5, &md5))
            return PB_OK;
    }
    return unlinkat(folder, name, 0) == 0 || errno == ENOENT ? PB_OK
                                                             : error_errno(err, errno, "staging: %s", name);
}

int workspace_prune(const struct workspace *w, const struct fetch_plan *plan, struct pb_error *err)
{
    return folder_each(w->staging, ".", prune_one, (void *)plan, err);
}
