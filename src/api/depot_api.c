/* patchbay/depot.h. A struct pb_depot is a struct depot; only its name is public. */
#include "depot/open.h"

#include "api/dialects.h"
#include "api/sized.h"
#include "depot/copy.h"
#include "depot/release.h"
#include "depot/usage.h"
#include "dialect/compile.h"
#include "patchbay/depot.h"

#include <stdio.h>

static struct depot *inner(struct pb_depot *depot)
{
    return (struct depot *)depot;
}

int pb_depot_init(const char *path, struct pb_error *err)
{
    return depot_init(path, err);
}

int pb_depot_open(const char *path, struct pb_depot **depot, struct pb_error *err)
{
    struct depot *d = NULL;
    int rc = depot_open(path, &d, err);
    *depot = (struct pb_depot *)d;
    return rc;
}

void pb_depot_close(struct pb_depot *depot)
{
    depot_close(inner(depot));
}

int pb_depot_list(struct pb_depot *depot, pb_release_fn *fn, void *arg, struct pb_error *err)
{
    return release_list(inner(depot), fn, arg, err);
}

int pb_depot_history(struct pb_depot *depot, const char *title, pb_release_fn *fn, void *arg,
                     struct pb_error *err)
{
    return release_history(inner(depot), title, fn, arg, err);
}

/* Its dialect says whether its names are still its own. */
static int live_check(struct depot *d, const char *title, const char *attributes, struct pb_error *err)
{
    for (size_t i = 0; all_dialects[i] != NULL; i++) {
        size_t n = strlen(all_dialects[i]->name);
        if (strncmp(title, all_dialects[i]->name, n) == 0 && title[n] == '/' &&
            all_dialects[i]->live_check != NULL)
            return all_dialects[i]->live_check(d, all_dialects, title + n + 1, attributes, err);
    }
    return PB_OK;
}

int pb_depot_rollback(struct pb_depot *depot, const char *title, const char *version, pb_release_fn *fn,
                      void *arg, struct pb_error *err)
{
    return release_rollback(inner(depot), title, version, live_check, fn, arg, err);
}

int pb_depot_withdraw(struct pb_depot *depot, const char *title, struct pb_error *err)
{
    return release_withdraw(inner(depot), title, err);
}

static const struct sized gc_sized = SIZED(pb_gc_report, bytes, bytes);

int pb_depot_gc(struct pb_depot *depot, int keep, int wait, struct pb_gc_report *report, struct pb_error *err)
{
    struct pb_gc_report own = {0};
    int rc = sized_check(&gc_sized, report, err);
    if (rc < 0)
        return rc;
    rc = depot_gc(inner(depot), keep, wait != 0, &own, err);
    sized_give(&gc_sized, &own, report);
    return rc;
}

int pb_depot_gc_preview(struct pb_depot *depot, int keep, int wait, struct pb_gc_report *report,
                        struct pb_error *err)
{
    struct pb_gc_report own = {0};
    int rc = sized_check(&gc_sized, report, err);
    if (rc < 0)
        return rc;
    rc = depot_gc_preview(inner(depot), keep, wait != 0, &own, err);
    sized_give(&gc_sized, &own, report);
    return rc;
}

int pb_depot_usage(struct pb_depot *depot, pb_title_usage_fn *fn, void *arg, struct pb_usage_report *report,
                   struct pb_error *err)
{
    static const struct sized sized = SIZED(pb_usage_report, disk_bytes, disk_bytes);
    struct pb_usage_report own = {0};
    int rc = sized_check(&sized, report, err);
    if (rc < 0)
        return rc;
    rc = depot_usage(inner(depot), fn, arg, &own, err);
    sized_give(&sized, &own, report);
    return rc;
}

static const struct sized backup_sized = SIZED(pb_backup_report, copied_bytes, copied_bytes);

int pb_depot_backup(struct pb_depot *depot, const char *folder, pb_progress_fn *progress, void *arg,
                    struct pb_backup_report *report, struct pb_error *err)
{
    struct pb_backup_report own = {0};
    int rc = sized_check(&backup_sized, report, err);
    if (rc < 0)
        return rc;
    rc = depot_copy(inner(depot), folder, false, progress, arg, &own, err);
    sized_give(&backup_sized, &own, report);
    return rc < 0 ? error_context(err, "backup") : PB_OK;
}

int pb_depot_restore(const char *backup, const char *depot, pb_progress_fn *progress, void *arg,
                     struct pb_backup_report *report, struct pb_error *err)
{
    struct depot *d = NULL;
    struct pb_backup_report own = {0};
    int rc = sized_check(&backup_sized, report, err);
    if (rc < 0)
        return rc;
    rc = depot_open(backup, &d, err);
    if (rc == PB_OK)
        rc = depot_copy(d, depot, true, progress, arg, &own, err);
    depot_close(d);
    sized_give(&backup_sized, &own, report);
    return rc < 0 ? error_context(err, "restore") : PB_OK;
}

/* Would a server show each release? Its dialect says. */
struct compile_check {
    pb_problem_fn *fn;
    void *arg;
    struct pb_fsck_report *report;
    bool live; /* those that are now */
    bool cancelled;
};

static void compile_failed(void *arg, const struct site_title *title, const struct pb_error *err)
{
    struct compile_check *c = arg;
    if (err->status == PB_UNSUPPORTED)
        return; /* another version's dialect is no damage */
    char name[600];
    snprintf(name, sizeof name, "%s/%s %s%s", title->dialect, title->name, title->version,
             c->live ? " (live)" : "");
    c->report->problems++;
    if (c->fn != NULL && c->fn(c->arg, err->text, name) != 0)
        c->cancelled = true;
}

static int fsck(struct depot *d, pb_problem_fn *fn, pb_progress_fn *progress, void *arg,
                struct pb_fsck_report *report, struct pb_error *err)
{
    struct site *site = NULL;
    struct compile_check check = {fn, arg, report, true, false};
    struct site_maker maker = dialects_maker(all_dialects, NULL, compile_failed, &check);
    int rc = depot_fsck(d, fn, progress, arg, report, err);
    if (rc == PB_OK)
        rc = site_make(d, NULL, true, &maker, &site, err);
    if (rc < 0)
        return rc;
    site_release(site);
    check.live = false;
    rc = site_check_others(d, &maker, err);
    if (rc < 0)
        return rc;
    return check.cancelled ? error_set(err, PB_CANCELLED, "cancelled") : PB_OK;
}

int pb_depot_fsck(struct pb_depot *depot, pb_problem_fn *fn, pb_progress_fn *progress, void *arg,
                  struct pb_fsck_report *report, struct pb_error *err)
{
    static const struct sized sized = SIZED(pb_fsck_report, garbage, garbage);
    struct pb_fsck_report own = {0};
    int rc = sized_check(&sized, report, err);
    if (rc < 0)
        return rc;
    rc = fsck(inner(depot), fn, progress, arg, &own, err);
    sized_give(&sized, &own, report);
    return rc;
}
