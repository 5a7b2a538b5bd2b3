/* patchbay/depot.h and patchbay/publish.h. A struct pb_depot is a struct depot; only its name is public. */
#include "depot/depot.h"

#include "depot/release.h"
#include "dialect/opensauce/publish.h"
#include "patchbay/publish.h"

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

int pb_depot_rollback(struct pb_depot *depot, const char *title, const char *version, pb_release_fn *fn,
                      void *arg, struct pb_error *err)
{
    return release_rollback(inner(depot), title, version, fn, arg, err);
}

int pb_depot_withdraw(struct pb_depot *depot, const char *title, struct pb_error *err)
{
    return release_withdraw(inner(depot), title, err);
}

int pb_depot_gc(struct pb_depot *depot, int keep, int wait, struct pb_gc_report *report, struct pb_error *err)
{
    return depot_gc(inner(depot), keep, wait != 0, report, err);
}

int pb_depot_fsck(struct pb_depot *depot, pb_problem_fn *fn, pb_progress_fn *progress, void *arg,
                  struct pb_fsck_report *report, struct pb_error *err)
{
    return depot_fsck(inner(depot), fn, progress, arg, report, err);
}

int pb_publish_map(struct pb_depot *depot, const struct pb_map_options *options, pb_progress_fn *progress,
                   void *arg, struct pb_publish_result *result, struct pb_error *err)
{
    return os_publish_map(inner(depot), options, progress, arg, result, err);
}

int pb_import_opensauce(struct pb_depot *depot, const struct pb_import_options *options, pb_import_fn *fn,
                        void *arg, struct pb_import_report *report, struct pb_error *err)
{
    return os_import(inner(depot), options, fn, arg, report, err);
}
