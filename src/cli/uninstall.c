/* patchbay uninstall */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

int verb_uninstall(const struct args *a)
{
    struct pb_error err;
    struct pb_uninstall_report r = PB_INIT(pb_uninstall_report);
    const char *title = a->operands[0], *folder = a->operands[1];
    if (pb_uninstall(folder, title, &r, &err) < 0)
        return fail(&err);
    if (args_flag(a, "json"))
        return print_json(
            json_pack("{s:s, s:i, s:i}", "title", title, "removed", (int)r.removed, "attic", (int)r.attic));
    printf("%s: %u file%s removed", title, r.removed, r.removed == 1 ? "" : "s");
    if (r.attic > 0)
        printf(", %u moved to %s/attic", r.attic, folder);
    printf("\n");
    return print_end();
}
