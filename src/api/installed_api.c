/* What was fetched into a folder, by its records: patchbay/installed.h. */
#include "patchbay/installed.h"

#include "api/sized.h"
#include "base/file.h"
#include "base/text.h"
#include "base/tree.h"
#include "install/files.h"
#include "install/install.h"
#include "install/records.h"
#include "patchbay/fetch.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* ---- one file ---- */

enum verdict { FILE_RIGHT, FILE_MISSING, FILE_OTHER_KIND, FILE_OTHER_SIZE, FILE_OTHER_BYTES };

static const char *const verdicts[] = {
    [FILE_MISSING] = "is missing",
    [FILE_OTHER_KIND] = "is something else than was installed",
    [FILE_OTHER_SIZE] = "has another size than was installed",
    [FILE_OTHER_BYTES] = "has other bytes than were installed",
};

static int link_check(struct tree *t, const struct file_record *f, enum verdict *out, struct pb_error *err)
{
    char target[PATH_RELATIVE_MAX + 1];
    struct md5 md5;
    int folder;
    const char *base;
    int rc = tree_reach(t, f->path, &folder, &base, err);
    if (rc < 0)
        return rc;
    ssize_t n = readlinkat(folder, base, target, sizeof target);
    bool same = n >= 0 && md5_bytes(target, (size_t)n, &md5) && md5_equal(&md5, &f->md5);
    *out = same ? FILE_RIGHT : FILE_OTHER_BYTES;
    return PB_OK;
}

static int bytes_check(struct tree *t, const struct file_record *f, enum verdict *out, struct pb_error *err)
{
    static const struct md5 unknown = {{0}}; /* of a dialect that has another digest: then the size must do */
    uint64_t size;
    struct digest_result r;
    _cleanup_fd_ int fd = -1;
    int rc = tree_open(t, f->path, &fd, &size, err);
    if (rc < 0)
        return rc;
    *out = size == f->size ? FILE_RIGHT : FILE_OTHER_SIZE;
    if (*out != FILE_RIGHT || md5_equal(&f->md5, &unknown))
        return PB_OK;
    rc = digest_file(DIGEST_MD5, fd, &r, err);
    if (rc == PB_OK && !md5_equal(&r.md5, &f->md5))
        *out = FILE_OTHER_BYTES;
    return rc;
}

static int file_check(struct tree *t, const struct file_record *f, struct stat *st, enum verdict *out,
                      struct pb_error *err)
{
    const char *why;
    *out = FILE_OTHER_KIND;
    if (!path_relative_below(slice_of(f->path), &why))
        return error_set(err, PB_DAMAGED, "the record has a path that is not ours: %.200s", f->path);
    int there = tree_stat(t, f->path, st, err);
    if (there == PB_INVALID) /* a folder of it is a link now */
        return PB_OK;
    if (there < 0)
        return there;
    if (there == 0)
        *out = FILE_MISSING;
    else if (f->link && S_ISLNK(st->st_mode))
        return link_check(t, f, out, err);
    else if (!f->link && S_ISREG(st->st_mode))
        return bytes_check(t, f, out, err);
    return PB_OK;
}

/* ---- titles ---- */

typedef int title_fn(void *arg, const char *title, const struct file_records *files, struct pb_error *err);

struct titles {
    struct workspace w;
    const char *wanted; /* NULL: all */
    title_fn *fn;
    void *arg;
    unsigned found;
    int rc;
    struct pb_error *err;
};

/* An installed_fn. */
static int title_visit(void *arg, const struct installed *i)
{
    struct titles *t = arg;
    char stage[STAGE_NAME_SIZE];
    struct file_records files;
    _cleanup_fd_ int fd = -1;
    if (t->wanted != NULL && strcmp(i->title, t->wanted) != 0)
        return 0;
    t->found++;
    t->rc = workspace_stage_name(i->title, stage, t->err);
    if (t->rc == PB_OK)
        t->rc = files_open(t->w.home, stage, &fd, t->err);
    if (t->rc < 0)
        return 1;
    file_records_open(&files, fd, true);
    t->rc = files.fd >= 0
                ? t->fn(t->arg, i->title, &files, t->err)
                : error_set(t->err, PB_DAMAGED,
                            "%s: there is no record of its files; the next fetch makes one", i->title);
    file_records_close(&files);
    return t->rc < 0;
}

static int folder_look(const char *folder, struct workspace *w, struct pb_error *err)
{
    int rc = workspace_open(folder, WORKSPACE_LOOK, w, err);
    return rc == PB_NOT_FOUND ? error_set(err, rc, "%s: nothing was fetched into this folder", folder) : rc;
}

/* Calls fn for the wanted titles. */
static int titles_each(struct titles *t, struct pb_error *err)
{
    int rc = installed_each(t->w.home, title_visit, t, err);
    if (t->rc < 0)
        return t->rc;
    if (rc == PB_OK && t->found == 0 && t->wanted != NULL)
        return error_set(err, PB_NOT_FOUND, "%s is not installed in this folder", t->wanted);
    return rc;
}

/* ---- verify ---- */

struct verifying {
    struct tree tree;
    const char *title;
    pb_verify_fn *fn;
    pb_progress_fn *progress;
    void *arg;
    struct pb_verify_report *report;
};

/* A file_record_fn. */
static int file_verify(void *arg, const struct file_record *f, struct pb_error *err)
{
    struct verifying *v = arg;
    struct stat st;
    enum verdict verdict;
    struct pb_progress p = {"checking", v->report->files, 0, "files"};
    if (v->progress != NULL && v->progress(v->arg, &p) != 0)
        return error_set(err, PB_CANCELLED, "cancelled");
    if (f->generated)
        return PB_OK;
    int rc = file_check(&v->tree, f, &st, &verdict, err);
    if (rc < 0)
        return rc;
    v->report->files++;
    if (verdict == FILE_RIGHT || verdict == FILE_OTHER_BYTES)
        v->report->bytes += f->size;
    if (verdict == FILE_RIGHT)
        return PB_OK;
    v->report->problems++;
    char path[PATH_RELATIVE_MAX + 1];
    snprintf(path, sizeof path, "%s", f->path);
    text_clean(path);
    return v->fn != NULL && v->fn(v->arg, v->title, path, verdicts[verdict]) != 0
               ? error_set(err, PB_CANCELLED, "cancelled")
               : PB_OK;
}

/* A title_fn. */
static int title_verify(void *arg, const char *title, const struct file_records *files, struct pb_error *err)
{
    struct verifying *v = arg;
    v->title = title;
    v->report->titles++;
    return file_records_each(files, file_verify, v, err);
}

int pb_verify(const char *folder, const char *title, pb_verify_fn *fn, pb_progress_fn *progress, void *arg,
              struct pb_verify_report *report, struct pb_error *err)
{
    static const struct sized sized = SIZED(pb_verify_report, problems, problems);
    struct pb_verify_report own = {0};
    struct verifying v = {.fn = fn, .progress = progress, .arg = arg, .report = &own};
    struct titles t = {.wanted = title, .fn = title_verify, .arg = &v, .err = err};
    int rc = sized_check(&sized, report, err);
    if (rc < 0)
        return rc;
    sized_give(&sized, &own, report);
    rc = folder_look(folder, &t.w, err);
    if (rc < 0)
        return rc;
    tree_start(&v.tree, t.w.folder);
    rc = titles_each(&t, err);
    tree_end(&v.tree);
    workspace_close(&t.w);
    sized_give(&sized, &own, report);
    return rc < 0 ? error_context(err, "verify %s", folder) : PB_OK;
}

/* ---- uninstall ---- */

struct leaving {
    struct tree tree;
    struct fetch_plan plan;
    size_t room;
    const char *above; /* the folder of the file before; "" for none */
};

static int step_add(struct leaving *l, enum fetch_action action, const char *path, const struct stat *st,
                    struct pb_error *err)
{
    const char *copy = arena_text(&l->plan.arena, path);
    struct fetch_step *s = copy != NULL ? fetch_step_add(&l->plan, &l->room) : NULL;
    if (s == NULL)
        return error_memory(err);
    *s = (struct fetch_step){.action = action, .path = copy};
    if (st != NULL)
        fetch_seen_set(&s->seen, st);
    return PB_OK;
}

/* The folders above a file go if they are empty: those of the outside first, as the install goes through them
 * from the end. Records are in the order of their paths, so a folder's files are beside each other. */
static int folders_leave(struct leaving *l, const char *path, struct pb_error *err)
{
    int rc = PB_OK;
    char folder[PATH_RELATIVE_MAX + 1];
    for (const char *slash = strchr(path, '/'); rc == PB_OK && slash != NULL;
         slash = strchr(slash + 1, '/')) {
        size_t n = (size_t)(slash - path);
        if (strncmp(l->above, path, n + 1) == 0 || n >= sizeof folder)
            continue;
        snprintf(folder, sizeof folder, "%.*s", (int)n, path);
        rc = step_add(l, FETCH_PRUNE, folder, NULL, err);
    }
    l->above = arena_text(&l->plan.arena, path);
    return rc == PB_OK && l->above == NULL ? error_memory(err) : rc;
}

/* A file_record_fn. */
static int file_leave(void *arg, const struct file_record *f, struct pb_error *err)
{
    struct leaving *l = arg;
    struct stat st = {0};
    enum verdict verdict = FILE_MISSING;
    int rc = file_check(&l->tree, f, &st, &verdict, err);
    if (rc == PB_OK)
        rc = folders_leave(l, f->path, err);
    if (rc < 0 || verdict == FILE_MISSING)
        return rc;
    if (verdict == FILE_RIGHT && f->ours)
        return step_add(l, FETCH_REMOVE, f->path, &st, err);
    /* What is no file any more is none of the title's. */
    return S_ISREG(st.st_mode) ? step_add(l, FETCH_ATTIC, f->path, &st, err) : PB_OK;
}

/* A title_fn. */
static int title_leave(void *arg, const char *title, const struct file_records *files, struct pb_error *err)
{
    (void)title;
    return file_records_each(files, file_leave, arg, err);
}

static int uninstall_run(struct titles *t, struct leaving *l, struct pb_uninstall_report *report,
                         struct pb_error *err)
{
    l->plan.title = t->wanted;
    l->plan.source = "";
    l->plan.attic = "attic";
    l->plan.forget = true;
    int rc = workspace_stage(&t->w, t->wanted, err);
    if (rc == PB_OK)
        rc = titles_each(t, err);
    if (rc == PB_OK)
        rc = install_commit(&t->w, &l->plan, err);
    if (rc < 0)
        return rc;
    report->removed = (unsigned)fetch_plan_count(&l->plan, FETCH_REMOVE);
    report->attic = (unsigned)fetch_plan_count(&l->plan, FETCH_ATTIC);
    workspace_unstage(&t->w);
    return PB_OK;
}

int pb_uninstall(const char *folder, const char *title, struct pb_uninstall_report *report,
                 struct pb_error *err)
{
    static const struct sized sized = SIZED(pb_uninstall_report, attic, attic);
    struct pb_uninstall_report own = {0};
    struct leaving l = {.above = ""};
    struct titles t = {.wanted = title, .fn = title_leave, .arg = &l, .err = err};
    int rc = sized_check(&sized, report, err);
    if (rc < 0)
        return rc;
    sized_give(&sized, &own, report);
    rc = folder_look(folder, &t.w, err);
    if (rc < 0)
        return rc;
    arena_init(&l.plan.arena, FETCH_PLAN_CEILING);
    tree_start(&l.tree, t.w.folder);
    rc = uninstall_run(&t, &l, &own, err);
    tree_end(&l.tree);
    arena_free(&l.plan.arena);
    workspace_close(&t.w);
    sized_give(&sized, &own, report);
    return rc < 0 ? error_context(err, "uninstall %s", title) : PB_OK;
}

/* ---- fetch.h: what is installed, and what was broken off ---- */

int pb_recover(const char *folder, int *found, struct pb_error *err)
{
    struct workspace w;
    int rc = workspace_open(folder, WORKSPACE_LOOK, &w, err);
    *found = rc == PB_OK && w.recovered;
    if (rc == PB_NOT_FOUND)
        return error_set(err, rc, "%s: nothing was fetched into this folder", folder);
    if (rc == PB_OK)
        workspace_close(&w);
    return rc;
}

struct installed_arg {
    pb_installed_fn *fn;
    void *arg;
};

static int installed_show(void *arg, const struct installed *i)
{
    struct installed_arg *a = arg;
    struct pb_installed record = {i->title, i->version, i->source, i->files, i->file,
                                  i->size,  i->md5,     i->crc32,  i->when};
    return a->fn(a->arg, &record);
}

int pb_installed_list(const char *folder, pb_installed_fn *fn, void *arg, struct pb_error *err)
{
    struct workspace w;
    struct installed_arg a = {fn, arg};
    int rc = workspace_open(folder, WORKSPACE_LOOK, &w, err);
    if (rc < 0)
        return rc == PB_NOT_FOUND ? error_set(err, rc, "%s: nothing was fetched into this folder", folder)
                                  : rc;
    rc = installed_each(w.home, installed_show, &a, err);
    workspace_close(&w);
    return rc;
}
