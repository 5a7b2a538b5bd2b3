/* patchbay withdraw */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

int verb_withdraw(const struct args *a)
{
    struct pb_error err;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    int rc = pb_depot_withdraw(depot, a->operands[0], &err);
    pb_depot_close(depot);
    if (rc < 0)
        return fail(&err);
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:s}", "withdrawn", a->operands[0]));
    printf("%s: withdrawn; 'patchbay rollback %s' brings it back\n", a->operands[0], a->operands[0]);
    return print_end();
}
