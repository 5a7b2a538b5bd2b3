/* patchbay history */
#include "cli/releases.h"
#include "cli/verbs.h"

int verb_history(const struct args *a)
{
    struct pb_error err;
    json_t *array = args_flag(a, "json") ? json_array() : NULL;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE) {
        json_decref(array);
        return opened;
    }
    int rc = pb_depot_history(depot, a->operands[0], release_show, array, &err);
    pb_depot_close(depot);
    if (rc < 0) {
        json_decref(array);
        return fail(&err);
    }
    return array != NULL ? print_json(array) : print_end();
}
