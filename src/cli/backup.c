/* patchbay backup, patchbay restore */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

static int report_print(const struct args *a, int rc, const struct pb_backup_report *r, const char *folder,
                        const struct pb_error *err)
{
    char objects[TEXT_SIZE], copied[TEXT_SIZE], bytes[TEXT_SIZE];
    if (rc < 0)
        return fail(err);
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:I, s:I, s:I, s:I}", "objects", (json_int_t)r->objects, "bytes",
                                    (json_int_t)r->bytes, "copied", (json_int_t)r->copied, "copied_bytes",
                                    (json_int_t)r->copied_bytes));
    text_grouped(r->objects, objects);
    text_grouped(r->copied, copied);
    text_bytes(r->copied_bytes, bytes);
    printf("%s: %s objects, %s of them copied now (%s)\n", folder, objects, copied, bytes);
    return print_end();
}

int verb_backup(const struct args *a)
{
    struct pb_error err;
    struct progress progress;
    struct pb_backup_report report = PB_INIT(pb_backup_report);
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    progress_start(&progress, true);
    int rc = pb_depot_backup(depot, a->operands[0], progress_show, &progress, &report, &err);
    progress_end(&progress);
    pb_depot_close(depot);
    return report_print(a, rc, &report, a->operands[0], &err);
}

int verb_restore(const struct args *a)
{
    struct pb_error err;
    struct progress progress;
    struct pb_backup_report report = PB_INIT(pb_backup_report);
    progress_start(&progress, true);
    int rc = pb_depot_restore(a->operands[0], args_depot(a), progress_show, &progress, &report, &err);
    progress_end(&progress);
    return report_print(a, rc, &report, args_depot(a), &err);
}
