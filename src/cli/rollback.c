/* patchbay rollback */
#include "cli/releases.h"
#include "cli/verbs.h"

int verb_rollback(const struct args *a)
{
    struct pb_error err;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    json_t *array = args_flag(a, "json") ? json_array() : NULL;
    const char *version = a->operand_count > 1 ? a->operands[1] : NULL;
    int rc = pb_depot_rollback(depot, a->operands[0], version, release_show, array, &err);
    pb_depot_close(depot);
    if (rc < 0) {
        json_decref(array);
        return fail(&err);
    }
    return array != NULL ? print_json(array) : print_end();
}
