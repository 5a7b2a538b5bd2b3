/* patchbay gc */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

int verb_gc(const struct args *a)
{
    char bytes[TEXT_SIZE];
    struct pb_error err;
    struct pb_gc_report r = PB_INIT(pb_gc_report);
    int keep = -1;
    if (!args_number(a, "keep", 0, 1000000, &keep))
        return EXIT_USAGE;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    bool dry = args_flag(a, "dry-run"), wait = !args_flag(a, "no-wait");
    int rc =
        dry ? pb_depot_gc_preview(depot, keep, wait, &r, &err) : pb_depot_gc(depot, keep, wait, &r, &err);
    pb_depot_close(depot);
    if (rc < 0)
        return fail(&err);
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:b, s:I, s:I, s:I}", "dry_run", dry, "releases",
                                    (json_int_t)r.releases, "objects", (json_int_t)r.objects, "bytes",
                                    (json_int_t)r.bytes));
    text_bytes(r.bytes, bytes);
    printf("%s %llu objects (%s), %s %llu releases\n", dry ? "would remove" : "removed",
           (unsigned long long)r.objects, bytes, dry ? "forget" : "forgot", (unsigned long long)r.releases);
    return print_end();
}
