/* patchbay recover */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

int verb_recover(const struct args *a)
{
    struct pb_error err;
    int found;
    if (pb_recover(a->operands[0], &found, &err) < 0)
        return fail(&err);
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:b}", "recovered", found));
    printf(found ? "%s: the install that was broken off is finished\n" : "%s: nothing was broken off here\n",
           a->operands[0]);
    return print_end();
}
