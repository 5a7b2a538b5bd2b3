/* patchbay/depot.h and patchbay/publish.h. A struct pb_depot is a struct depot; only its name is public. */
#include "depot/open.h"

#include "api/dialects.h"
#include "depot/copy.h"
#include "depot/release.h"
#include "dialect/compile.h"
#include "dialect/escape/publish.h"
#include "dialect/opensauce/publish.h"
#include "dialect/playonline/release.h"
#include "patchbay/publish.h"

#include <stdio.h>

const char *pb_version(void)
{
    return PB_VERSION;
}

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

int pb_depot_gc(struct pb_depot *depot, int keep, int wait, struct pb_gc_report *report, struct pb_error *err)
{
    return depot_gc(inner(depot), keep, wait != 0, report, err);
}

int pb_depot_backup(struct pb_depot *depot, const char *folder, pb_progress_fn *progress, void *arg,
                    struct pb_backup_report *report, struct pb_error *err)
{
    int rc = depot_copy(inner(depot), folder, false, progress, arg, report, err);
    return rc < 0 ? error_context(err, "backup") : PB_OK;
}

int pb_depot_restore(const char *backup, const char *depot, pb_progress_fn *progress, void *arg,
                     struct pb_backup_report *report, struct pb_error *err)
{
    struct depot *d = NULL;
    *report = (struct pb_backup_report){0};
    int rc = depot_open(backup, &d, err);
    if (rc == PB_OK)
        rc = depot_copy(d, depot, true, progress, arg, report, err);
    depot_close(d);
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

int pb_depot_fsck(struct pb_depot *depot, pb_problem_fn *fn, pb_progress_fn *progress, void *arg,
                  struct pb_fsck_report *report, struct pb_error *err)
{
    struct site *site = NULL;
    struct compile_check check = {fn, arg, report, true, false};
    struct site_maker maker = dialects_maker(all_dialects, NULL, compile_failed, &check);
    int rc = depot_fsck(inner(depot), fn, progress, arg, report, err);
    if (rc == PB_OK)
        rc = site_make(inner(depot), NULL, true, &maker, &site, err);
    if (rc < 0)
        return rc;
    site_release(site);
    check.live = false;
    rc = site_check_others(inner(depot), &maker, err);
    if (rc < 0)
        return rc;
    return check.cancelled ? error_set(err, PB_CANCELLED, "cancelled") : PB_OK;
}

int pb_publish_map(struct pb_depot *depot, const struct pb_map_options *options, pb_progress_fn *progress,
                   void *arg, struct pb_publish_result *result, struct pb_error *err)
{
    return os_publish_map(inner(depot), options, -1, progress, arg, result, err);
}

int pb_import_opensauce(struct pb_depot *depot, const struct pb_import_options *options, pb_import_fn *fn,
                        void *arg, struct pb_import_report *report, struct pb_error *err)
{
    return os_import(inner(depot), options, fn, arg, report, err);
}

int pb_publish_upgrade(struct pb_depot *depot, const struct pb_upgrade_options *options,
                       pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                       struct pb_error *err)
{
    return es_publish_upgrade(inner(depot), all_dialects, options, progress, arg, result, err);
}

int pb_publish_levels(struct pb_depot *depot, const struct pb_levels_options *options,
                      pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                      struct pb_error *err)
{
    return es_publish_levels(inner(depot), all_dialects, options, progress, arg, result, err);
}

int pb_import_escape(struct pb_depot *depot, const char *tree, pb_import_fn *fn, void *arg,
                     struct pb_import_report *report, struct pb_error *err)
{
    return es_import(inner(depot), all_dialects, tree, fn, arg, report, err);
}

int pb_publish_app(struct pb_depot *depot, const struct pb_app_options *options, pb_progress_fn *progress,
                   void *arg, struct pb_publish_result *result, struct pb_error *err)
{
    return po_publish(inner(depot), options, progress, arg, result, err);
}

int pb_import_playonline(struct pb_depot *depot, const struct pb_import_app_options *options,
                         pb_import_fn *fn, void *arg, struct pb_import_report *report, struct pb_error *err)
{
    return po_import(inner(depot), options, fn, arg, report, err);
}
