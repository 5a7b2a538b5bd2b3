/* patchbay init */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

int verb_init(const struct args *a)
{
    struct pb_error err;
    if (pb_depot_init(args_depot(a), &err) < 0)
        return fail(&err);
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:s}", "depot", args_depot(a)));
    printf("made an empty depot in %s\n", args_depot(a));
    return print_end();
}
