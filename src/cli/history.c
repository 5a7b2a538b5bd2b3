/* patchbay history, and the line of one release, which rollback has too. */
#include "cli/releases.h"
#include "cli/verbs.h"

#include <stdio.h>

int release_show(void *array, const struct pb_release *r)
{
    char size[TEXT_SIZE], when[TEXT_SIZE];
    if (array != NULL)
        return json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:b, s:I, s:I}", "title", r->title,
                                                      "version", r->version, "published",
                                                      (json_int_t)r->published, "live", r->live, "entries",
                                                      (json_int_t)r->entries, "bytes", (json_int_t)r->bytes));
    text_bytes(r->bytes, size);
    text_time(r->published, when);
    printf("%-32s %-16s %s UTC  %10s  %6llu %s%s\n", r->title, r->version, when, size,
           (unsigned long long)r->entries, r->entries == 1 ? "entry" : "entries", r->live ? "  live" : "");
    return 0;
}

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
