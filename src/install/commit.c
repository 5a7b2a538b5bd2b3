/* From a fetch plan to a journal: looking whether every step can be made, finding names in the attic,
 * preparing what is staged. journal.c does the rest. */
#include "install/install.h"

#include "base/beneath.h"
#include "base/file.h"
#include "base/tree.h"
#include "install/files.h"
#include "install/journal.h"
#include "install/records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define RECORD_STAGED "record.new"

/* ---- checking ---- */

struct checking {
    const struct workspace *w;
    struct tree tree;
    dev_t device;
    char checked[PATH_RELATIVE_MAX + 1]; /* the last folder that was found good */
    bool any_checked;
    const char **leaving; /* paths that will be free, sorted */
    size_t leaving_count;
    const struct file_records *before; /* of the title; NULL: none */
};

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_leaving(const struct checking *c, const char *path)
{
    return c->leaving_count > 0 &&
           bsearch(&path, c->leaving, c->leaving_count, sizeof *c->leaving, text_compare) != NULL;
}

/* Will one of the folders above the path have been something else, that leaves? Then there is nothing to look
 * at. */
static bool is_below_leaving(const struct checking *c, const char *path)
{
    char above[PATH_RELATIVE_MAX + 1];
    for (size_t i = 0; i < sizeof above && path[i] != '\0'; i++) {
        above[i] = '\0';
        if (path[i] == '/' && is_leaving(c, above))
            return true;
        above[i] = path[i];
    }
    return false;
}

static const char *leaving_path(const struct fetch_step *s)
{
    switch (s->action) {
    case FETCH_MOVE:
        return s->from;
    case FETCH_ATTIC:
    case FETCH_REMOVE:
    case FETCH_PRUNE:
        return s->path;
    default:
        return NULL;
    }
}

static int leaving_gather(struct checking *c, const struct fetch_plan *plan, struct pb_error *err)
{
    c->leaving = calloc(plan->step_count + 1, sizeof *c->leaving);
    if (c->leaving == NULL)
        return error_memory(err);
    for (size_t i = 0; i < plan->step_count; i++) {
        const char *path = leaving_path(&plan->steps[i]);
        if (path != NULL)
            c->leaving[c->leaving_count++] = path;
    }
    if (c->leaving_count > 1)
        qsort(c->leaving, c->leaving_count, sizeof *c->leaving, text_compare);
    return PB_OK;
}

/* Names change in the folder that the path lies in: can they? */
static int folder_check(struct checking *c, const char *path, struct pb_error *err)
{
    struct stat st;
    if (c->tree.folder < 0 || (c->any_checked && strcmp(c->checked, c->tree.at) == 0))
        return PB_OK;
    if (fstat(c->tree.folder, &st) != 0 || faccessat(c->tree.folder, ".", W_OK | X_OK, 0) != 0)
        return error_errno(err, errno, "%s: write to its folder", path);
    if (st.st_dev != c->device)
        return error_set(err, PB_FAILED, "%s: its folder is on another file system than the rest", path);
    memcpy(c->checked, c->tree.at, sizeof c->checked);
    c->any_checked = true;
    return PB_OK;
}

static int changed(const char *path, struct pb_error *err)
{
    return error_set(err, PB_FAILED, "%s: was changed by somebody while it was fetched; try again", path);
}

/* What leaves must still be what the plan saw. */
static int leaving_check(struct checking *c, const struct fetch_step *s, const char *path,
                         struct pb_error *err)
{
    struct stat st;
    int there = tree_stat(&c->tree, path, &st, err);
    if (there < 0)
        return there;
    if (s->action != FETCH_PRUNE && !fetch_seen_is(&s->seen, there == 1 ? &st : NULL))
        return changed(path, err);
    return folder_check(c, path, err);
}

/* What may be replaced where the step puts something. */
static const struct fetch_seen *seen_onto(const struct fetch_step *s)
{
    return s->action == FETCH_MOVE ? &s->onto : &s->seen;
}

static int arriving_check(struct checking *c, const struct fetch_step *s, struct pb_error *err)
{
    struct stat st;
    if (is_leaving(c, s->path) || is_below_leaving(c, s->path))
        return PB_OK;
    int there = tree_stat(&c->tree, s->path, &st, err);
    if (there < 0)
        return there;
    bool folder = there == 1 && S_ISDIR(st.st_mode);
    if (s->action == FETCH_FOLDER)
        return there == 1 && !folder
                   ? error_set(err, PB_INVALID, "%s: there is a file where a folder must be", s->path)
                   : folder_check(c, s->path, err);
    if (folder)
        return error_set(err, PB_INVALID, "%s: there is a folder where a file must be", s->path);
    if (!fetch_seen_is(seen_onto(s), there == 1 ? &st : NULL))
        return changed(s->path, err);
    return folder_check(c, s->path, err);
}

/* Does the step put something where there may have been nothing? The folders of a plan have such files. */
static bool places(const struct fetch_step *s)
{
    return s->action == FETCH_PLACE || s->action == FETCH_MOVE || s->action == FETCH_LINK;
}

/* Has this title installed the path already? */
static bool is_recorded(const struct checking *c, const char *path)
{
    return c->before != NULL && file_records_find(c->before, path) != NULL;
}

static int step_check(struct checking *c, const struct fetch_step *s, struct pb_error *err)
{
    const char *why, *leaving = leaving_path(s);
    if (!path_relative_below(slice_of(s->path), &why))
        return error_set(err, PB_INVALID, "%.200s: the path %s", s->path, why);
    if (s->action == FETCH_KEEP && !s->executable)
        return PB_OK;
    if (places(s) && !path_relative_portable(slice_of(s->path), &why) && !is_recorded(c, s->path))
        return error_set(err, PB_INVALID, "%.200s: the path %s; patchbay puts no file there", s->path, why);
    int rc = leaving != NULL ? leaving_check(c, s, leaving, err) : PB_OK;
    bool arrives = leaving == NULL || s->action == FETCH_MOVE;
    return rc == PB_OK && arrives ? arriving_check(c, s, err) : rc;
}

/* A folder that names are moved to or from, besides those of the plan: on the same file system, and can be
 * written? */
static int own_check(const struct checking *c, int folder, const char *name, struct pb_error *err)
{
    struct stat st;
    if (folder < 0) /* a dry run */
        return PB_OK;
    if (fstat(folder, &st) != 0 || faccessat(folder, ".", W_OK | X_OK, 0) != 0)
        return error_errno(err, errno, "write to %s", name);
    return st.st_dev == c->device
               ? PB_OK
               : error_set(err, PB_FAILED, "%s is on another file system than the rest", name);
}

/* The attic may not be there yet; what is there must be a folder that can be used. */
static int attic_check(const struct checking *c, const struct fetch_plan *plan, struct pb_error *err)
{
    const char *attic = plan->attic != NULL ? plan->attic : JOURNAL_ATTIC_DEFAULT;
    struct stat st;
    _cleanup_fd_ int fd = -1;
    if (fstatat(c->w->folder, attic, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? PB_OK : error_errno(err, errno, "%s", attic);
    if (!S_ISDIR(st.st_mode))
        return fetch_plan_count(plan, FETCH_ATTIC) == 0
                   ? PB_OK
                   : error_set(err, PB_INVALID, "%s: must be a folder, for what is set aside", attic);
    int rc = own_folder_open(c->w->folder, attic, false, &fd, err);
    return rc < 0 ? rc : own_check(c, fd, attic, err);
}

/* Of patchbay's own files none is a folder: then the install would stop half-way. */
static int names_check(int folder, const char *const *names, const char *in, struct pb_error *err)
{
    struct stat st;
    for (; folder >= 0 && *names != NULL; names++) {
        if (fstatat(folder, *names, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
            return error_set(err, PB_INVALID, "%s/%s: there is a folder where a file of patchbay's must be",
                             in, *names);
    }
    return PB_OK;
}

static int own_names_check(const struct workspace *w, struct pb_error *err)
{
    static const char *const names[] = {"installed.json", "installed.json.new", "journal",
                                        "journal.new",    "journal.arrives",    NULL};
    char new[STAGE_NAME_SIZE + 8];
    snprintf(new, sizeof new, "%s.new", w->stage_name);
    const char *const records[] = {w->stage_name, new, NULL};
    _cleanup_fd_ int fd = -1;
    int rc = names_check(w->home, names, ".patchbay", err);
    if (rc < 0 || w->home < 0)
        return rc;
    rc = files_folder(w->home, false, &fd, err);
    return rc == PB_NOT_FOUND ? PB_OK : rc < 0 ? rc : names_check(fd, records, ".patchbay/records", err);
}

static int folders_check(const struct checking *c, const struct fetch_plan *plan, struct pb_error *err)
{
    int rc = attic_check(c, plan, err);
    if (rc == PB_OK)
        rc = own_names_check(c->w, err);
    if (rc == PB_OK)
        rc = own_check(c, c->w->folder, "the folder", err);
    if (rc == PB_OK)
        rc = own_check(c, c->w->home, ".patchbay", err);
    return rc == PB_OK ? own_check(c, c->w->staging, ".patchbay/staging", err) : rc;
}

static int arrival_compare(const void *a, const void *b)
{
    return path_compare_nocase((*(const struct fetch_step *const *)a)->path,
                               (*(const struct fetch_step *const *)b)->path);
}

/* No two steps may need one path for different things: in order, what clashes stands side by side. */
static int clash_check(const struct fetch_plan *plan, struct pb_error *err)
{
    size_t n = 0;
    const struct fetch_step **list = calloc(plan->step_count + 1, sizeof *list);
    if (list == NULL)
        return error_memory(err);
    for (size_t i = 0; i < plan->step_count; i++) {
        enum fetch_action action = plan->steps[i].action;
        if (action != FETCH_ATTIC && action != FETCH_REMOVE && action != FETCH_PRUNE)
            list[n++] = &plan->steps[i];
    }
    if (n > 1)
        qsort(list, n, sizeof *list, arrival_compare);
    int rc = PB_OK;
    for (size_t i = 1; rc == PB_OK && i < n; i++) {
        const char *before = list[i - 1]->path, *path = list[i]->path;
        size_t length = strlen(before);
        bool folder = list[i - 1]->action == FETCH_FOLDER;
        bool below = strncmp(before, path, length) == 0 && path[length] == '/';
        if (strcmp(before, path) == 0 || (below && !folder))
            rc = error_set(err, PB_INVALID, "%s and %s: can't both be there", before, path);
    }
    free(list);
    return rc;
}

int install_check(const struct workspace *w, const struct fetch_plan *plan, struct pb_error *err)
{
    struct stat st;
    struct checking c = {.w = w, .before = plan->before};
    if (fstat(w->folder, &st) != 0)
        return error_errno(err, errno, "the folder");
    c.device = st.st_dev;
    tree_start(&c.tree, w->folder);
    int rc = fetch_plan_nothing_to_do(plan) ? PB_OK : folders_check(&c, plan, err);
    if (rc == PB_OK)
        rc = clash_check(plan, err);
    if (rc == PB_OK)
        rc = leaving_gather(&c, plan, err);
    for (size_t i = 0; rc == PB_OK && i < plan->step_count; i++)
        rc = step_check(&c, &plan->steps[i], err);
    tree_end(&c.tree);
    free(c.leaving);
    return rc;
}

/* ---- names in the attic ---- */

/* "official/easy/a.esx" becomes "official_easy_a.esx", or "official_easy_a.2.esx" where that is taken. */
static void attic_stem(const char *path, unsigned number, char out[FILE_NAME_MAX + 1])
{
    enum { STEM = 200, HASH = 8 };
    char hashed[STEM + HASH + 2];
    size_t n = strlen(path);
    struct digest_result r;
    if (n > STEM && digest_bytes(DIGEST_MD5, path, n, &r, NULL) == PB_OK) {
        /* Too long for a name: its end says most, and a hash of the whole keeps it apart from others. */
        char hex[MD5_HEX + 1];
        const char *end = path + n - STEM;
        while (((unsigned char)*end & 0xc0) == 0x80) /* not in the middle of a character */
            end++;
        hex_encode(r.md5.bytes, sizeof r.md5.bytes, hex);
        snprintf(hashed, sizeof hashed, "%.8s_%s", hex, end);
        path = hashed;
    }
    const char *base = path_base(slice_of(path)).p;
    const char *dot = strrchr(base, '.');
    size_t stem = dot != NULL && dot > base ? (size_t)(dot - path) : strlen(path);
    if (number > 1)
        snprintf(out, FILE_NAME_MAX + 1, "%.*s.%u%s", (int)stem, path, number, path + stem);
    else
        snprintf(out, FILE_NAME_MAX + 1, "%s", path);
    for (char *c = out; *c != '\0'; c++)
        *c = *c == '/' ? '_' : *c;
    if (out[0] == '.')
        out[0] = '_';
}

/* Marks a name as taken; false when it was. Kept sorted by insertion: `there` is an array with room for all.
 */
static bool name_take(struct names *taken, char *name)
{
    size_t low = 0, high = taken->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(taken->list[middle], name);
        if (order == 0)
            return false;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    memmove(&taken->list[low + 1], &taken->list[low], (taken->n - low) * sizeof *taken->list);
    taken->list[low] = name;
    taken->n++;
    return true;
}

static int attic_names(const struct workspace *w, const struct fetch_plan *plan, size_t more,
                       struct names *out, struct pb_error *err)
{
    _cleanup_fd_ int fd = -1;
    *out = (struct names){0};
    if (plan->attic == NULL)
        return more == 0 ? PB_OK : error_set(err, PB_FAILED, "the plan has no attic");
    if (more == 0)
        return PB_OK;
    int rc = own_folder_open(w->folder, plan->attic, false, &fd, err);
    if (rc == PB_OK)
        rc = folder_names(fd, ".", out, err);
    if (rc < 0 && rc != PB_NOT_FOUND)
        return rc;
    char **list = realloc(out->list, (out->n + more + 1) * sizeof *list);
    if (list == NULL)
        return error_memory(err);
    out->list = list;
    return PB_OK;
}

static int attic_add(const struct fetch_plan *plan, struct names *taken, struct journal *j, const char *path,
                     struct pb_error *err)
{
    enum { NUMBERS = 1000000 };
    char name[FILE_NAME_MAX + 1], to[2 * FILE_NAME_MAX];
    for (unsigned number = 1; number < NUMBERS; number++) {
        attic_stem(path, number, name);
        char *copy = strdup(name);
        if (copy == NULL)
            return error_memory(err);
        if (name_take(taken, copy)) {
            snprintf(to, sizeof to, "%s/%s", plan->attic, name);
            return journal_add(j, JOURNAL_ATTIC, path, to, 0, NULL, err);
        }
        free(copy);
    }
    return error_set(err, PB_FAILED, "%s: no free name for it in the attic", path);
}

/* ---- the journal of a plan ---- */

/* What is about to be placed: is it there, of the right size? Sets its execute bits. */
static int staged_prepare(const struct workspace *w, const struct fetch_step *s, struct pb_error *err)
{
    struct stat st;
    char hex[MD5_HEX + 1];
    const char *staged = fetch_step_staged(s, hex);
    /* A second name for it would be a way to change the player's file from elsewhere, or the reverse. */
    if (fstatat(w->staging, staged, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
        st.st_nlink != 1 || (uint64_t)st.st_size != s->size)
        return error_set(err, PB_FAILED, "%s: is not in staging", s->path);
    return s->executable && own_exec(w->staging, staged, err) < 0
               ? error_context(err, "%s: set its execute bits", s->path)
               : PB_OK;
}

static int step_leaves(const struct workspace *w, const struct fetch_plan *plan, size_t i,
                       struct names *taken, struct journal *j, struct pb_error *err)
{
    const struct fetch_step *s = &plan->steps[i];
    char away[32];
    snprintf(away, sizeof away, "away.%zu", i);
    if (s->action == FETCH_ATTIC)
        return attic_add(plan, taken, j, s->path, err);
    /* What an earlier, failed install left under this name must not be in the way. */
    if (s->action == FETCH_MOVE || s->action == FETCH_REMOVE) {
        int rc = beneath_clear(w->staging, away, err);
        return rc < 0 ? rc
                      : journal_add(j, JOURNAL_AWAY, s->action == FETCH_MOVE ? s->from : s->path, away, 0,
                                    &s->seen, err);
    }
    return PB_OK;
}

static int step_arrives(const struct workspace *w, const struct fetch_plan *plan, size_t i, struct journal *j,
                        struct pb_error *err)
{
    const struct fetch_step *s = &plan->steps[i];
    char away[32], hex[MD5_HEX + 1];
    snprintf(away, sizeof away, "away.%zu", i);
    int rc = s->action == FETCH_PLACE ? staged_prepare(w, s, err) : PB_OK;
    if (rc < 0)
        return rc;
    switch (s->action) {
    case FETCH_PLACE:
        return journal_add(j, JOURNAL_PUT, fetch_step_staged(s, hex), s->path, s->size, &s->seen, err);
    case FETCH_MOVE:
        return journal_add(j, JOURNAL_PUT, away, s->path, s->seen.size, &s->onto, err);
    case FETCH_LINK:
        return journal_add(j, JOURNAL_LINK, s->target, s->path, 0, &s->seen, err);
    case FETCH_KEEP:
        return s->executable ? journal_add(j, JOURNAL_EXEC, s->path, NULL, 0, NULL, err) : PB_OK;
    default:
        return PB_OK;
    }
}

/* Folders go from the inside, and come from the outside, before any file. */
static int folders_add(const struct fetch_plan *plan, struct journal *j, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = plan->step_count; rc == PB_OK && i-- > 0;) {
        if (plan->steps[i].action == FETCH_PRUNE)
            rc = journal_add(j, JOURNAL_RMDIR, plan->steps[i].path, NULL, 0, NULL, err);
    }
    for (size_t i = 0; rc == PB_OK && i < plan->step_count; i++) {
        if (plan->steps[i].action == FETCH_FOLDER)
            rc = journal_add(j, JOURNAL_MKDIR, plan->steps[i].path, NULL, 0, NULL, err);
    }
    return rc;
}

static int record_add(const struct workspace *w, const struct fetch_plan *plan, const char *record,
                      struct journal *j, struct pb_error *err)
{
    if (plan->forget)
        return journal_add(j, JOURNAL_FORGET, plan->title, NULL, 0, NULL, err);
    int rc = journal_add(j, JOURNAL_RECORD, record, NULL, 0, NULL, err);
    if (rc == PB_OK)
        rc = files_write(w->staging, RECORD_STAGED, w, plan, false, err);
    return rc < 0 ? rc : journal_add(j, JOURNAL_BLOB, RECORD_STAGED, NULL, 0, NULL, err);
}

static int journal_make(struct workspace *w, const struct fetch_plan *plan, const char *record,
                        struct journal *j, struct pb_error *err)
{
    _cleanup_names_ struct names taken = {0};
    int rc = journal_begin(j, w, plan->title, plan->attic != NULL ? plan->attic : JOURNAL_ATTIC_DEFAULT, err);
    if (rc == PB_OK)
        rc = attic_names(w, plan, fetch_plan_count(plan, FETCH_ATTIC), &taken, err);
    for (size_t i = 0; rc == PB_OK && i < plan->step_count; i++)
        rc = step_leaves(w, plan, i, &taken, j, err);
    if (rc == PB_OK)
        rc = folders_add(plan, j, err);
    for (size_t i = 0; rc == PB_OK && i < plan->step_count; i++)
        rc = step_arrives(w, plan, i, j, err);
    return rc == PB_OK ? record_add(w, plan, record, j, err) : rc;
}

static int locked_commit(struct workspace *w, const struct fetch_plan *plan, const char *record,
                         struct pb_error *err)
{
    struct journal j;
    bool found;
    int rc = journal_finish(w, &found, err); /* of a process that crashed while we were downloading */
    if (rc == PB_OK && !plan->forget && fetch_plan_nothing_to_do(plan) &&
        records_known(w->home, plan->title, record))
        return PB_OK;
    if (rc == PB_OK)
        rc = install_check(w, plan, err);
    if (rc < 0)
        return rc;
    rc = journal_make(w, plan, record, &j, err);
    if (rc == PB_OK && syncfs(w->folder) != 0)
        rc = error_errno(err, errno, "sync");
    if (rc == PB_OK)
        rc = journal_run(&j, err);
    journal_drop(&j);
    return rc;
}

int install_commit(struct workspace *w, const struct fetch_plan *plan, struct pb_error *err)
{
    _cleanup_fd_ int lock = -1;
    _cleanup_free_ char *record = records_make(plan);
    if (record == NULL)
        return error_memory(err);
    int rc = lock_take(w->home, WORKSPACE_LOCK, LOCK_EXCLUSIVE, true, &lock, err);
    if (rc == PB_OK)
        rc = locked_commit(w, plan, record, err);
    struct pb_error unnoted; /* the next fetch reads the files, then */
    if (rc == PB_OK && !plan->forget && files_note(w, plan, &unnoted) < 0)
        return PB_OK;
    return rc;
}
