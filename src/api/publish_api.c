/* patchbay/publish.h: the caller's structs become the library's own, and the dialects do the work. */
#include "patchbay/publish.h"

#include "api/dialects.h"
#include "api/sized.h"
#include "depot/open.h"
#include "dialect/escape/publish.h"
#include "dialect/opensauce/publish.h"
#include "dialect/playonline/release.h"

static const struct sized result_sized = SIZED(pb_publish_result, warning, warning);
static const struct sized report_sized = SIZED(pb_import_report, refused, refused);

/* A struct pb_depot is a struct depot. */
static struct depot *inner(struct pb_depot *depot)
{
    return (struct depot *)depot;
}

/* Takes the options, and looks at the result. */
static int both_take(const struct sized *options, const void *given, void *own, const struct sized *result,
                     const void *out, struct pb_error *err)
{
    int rc = sized_take(options, given, own, err);
    return rc == PB_OK ? sized_check(result, out, err) : rc;
}

int pb_publish_map(struct pb_depot *depot, const struct pb_map_options *options, pb_progress_fn *progress,
                   void *arg, struct pb_publish_result *result, struct pb_error *err)
{
    static const struct sized sized = SIZED(pb_map_options, host_directory, host_directory);
    struct pb_map_options o;
    struct pb_publish_result own = {0};
    int rc = both_take(&sized, options, &o, &result_sized, result, err);
    if (rc < 0)
        return rc;
    rc = os_publish_map(inner(depot), &o, -1, progress, arg, &own, err);
    sized_give(&result_sized, &own, result);
    return rc;
}

int pb_publish_upgrade(struct pb_depot *depot, const struct pb_upgrade_options *options,
                       pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                       struct pb_error *err)
{
    static const struct sized sized = SIZED(pb_upgrade_options, notice_arg, notice_arg);
    struct pb_upgrade_options o;
    struct pb_publish_result own = {0};
    int rc = both_take(&sized, options, &o, &result_sized, result, err);
    if (rc < 0)
        return rc;
    rc = es_publish_upgrade(inner(depot), all_dialects, &o, progress, arg, &own, err);
    sized_give(&result_sized, &own, result);
    return rc;
}

int pb_publish_levels(struct pb_depot *depot, const struct pb_levels_options *options,
                      pb_progress_fn *progress, void *arg, struct pb_publish_result *result,
                      struct pb_error *err)
{
    static const struct sized sized = SIZED(pb_levels_options, notice_arg, notice_arg);
    struct pb_levels_options o;
    struct pb_publish_result own = {0};
    int rc = both_take(&sized, options, &o, &result_sized, result, err);
    if (rc < 0)
        return rc;
    rc = es_publish_levels(inner(depot), all_dialects, &o, progress, arg, &own, err);
    sized_give(&result_sized, &own, result);
    return rc;
}

int pb_publish_app(struct pb_depot *depot, const struct pb_app_options *options, pb_progress_fn *progress,
                   void *arg, struct pb_publish_result *result, struct pb_error *err)
{
    static const struct sized sized = SIZED(pb_app_options, notice_arg, notice_arg);
    struct pb_app_options o;
    struct pb_publish_result own = {0};
    int rc = both_take(&sized, options, &o, &result_sized, result, err);
    if (rc < 0)
        return rc;
    rc = po_publish(inner(depot), &o, progress, arg, &own, err);
    sized_give(&result_sized, &own, result);
    return rc;
}

int pb_import_opensauce(struct pb_depot *depot, const struct pb_import_options *options, pb_import_fn *fn,
                        void *arg, struct pb_import_report *report, struct pb_error *err)
{
    static const struct sized sized = SIZED(pb_import_options, redirect_root, redirect_root);
    struct pb_import_options o;
    struct pb_import_report own = {0};
    int rc = both_take(&sized, options, &o, &report_sized, report, err);
    if (rc < 0)
        return rc;
    rc = os_import(inner(depot), &o, fn, arg, &own, err);
    sized_give(&report_sized, &own, report);
    return rc;
}

int pb_import_escape(struct pb_depot *depot, const char *tree, pb_import_fn *fn, void *arg,
                     struct pb_import_report *report, struct pb_error *err)
{
    struct pb_import_report own = {0};
    int rc = sized_check(&report_sized, report, err);
    if (rc < 0)
        return rc;
    rc = es_import(inner(depot), all_dialects, tree, fn, arg, &own, err);
    sized_give(&report_sized, &own, report);
    return rc;
}

int pb_import_playonline(struct pb_depot *depot, const struct pb_import_app_options *options,
                         pb_import_fn *fn, void *arg, struct pb_import_report *report, struct pb_error *err)
{
    static const struct sized sized = SIZED(pb_import_app_options, alias_count, alias_count);
    struct pb_import_app_options o;
    struct pb_import_report own = {0};
    int rc = both_take(&sized, options, &o, &report_sized, report, err);
    if (rc < 0)
        return rc;
    rc = po_import(inner(depot), &o, fn, arg, &own, err);
    sized_give(&report_sized, &own, report);
    return rc;
}
