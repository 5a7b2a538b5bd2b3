/* patchbay export */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

int verb_export(const struct args *a)
{
    char bytes[TEXT_SIZE];
    struct pb_error err;
    struct progress progress;
    struct pb_export_report r = PB_INIT(pb_export_report);
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    progress_start(&progress, true);
    bool prune = args_flag(a, "prune");
    const char *folder = a->operands[0];
    int rc = prune ? pb_export_prune(depot, folder, progress_show, &progress, &r, &err)
                   : pb_export(depot, folder, progress_show, &progress, &r, &err);
    progress_end(&progress);
    pb_depot_close(depot);
    if (rc < 0)
        return fail(&err);
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:i, s:I, s:I, s:I, s:I, s:I}", "titles", (int)r.titles, "files",
                                    (json_int_t)r.files, "written", (json_int_t)r.written, "bytes",
                                    (json_int_t)r.bytes, "removed", (json_int_t)r.removed, "kept",
                                    (json_int_t)r.kept));
    text_bytes(r.bytes, bytes);
    printf("%u title%s, %llu files: %llu written (%s), the others were there\n", r.titles,
           r.titles == 1 ? "" : "s", r.files, r.written, bytes);
    if (r.removed > 0)
        printf("%llu file%s that %s no longer named: removed\n", r.removed, r.removed == 1 ? "" : "s",
               r.removed == 1 ? "is" : "are");
    if (r.kept > 0)
        printf("%llu file%s no longer named and changed since: kept\n", r.kept, r.kept == 1 ? "" : "s");
    return print_end();
}
