/* patchbay publish app */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

static int result_print(const struct args *a, const struct pb_publish_result *r)
{
    char size[TEXT_SIZE], packed[TEXT_SIZE], parts[TEXT_SIZE];
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:s, s:s, s:b, s:i, s:I, s:I, s:I}", "title", r->title, "version",
                                    r->version, "unchanged", r->unchanged, "parts", (int)r->parts, "size",
                                    (json_int_t)r->size, "packed", (json_int_t)r->packed, "stored",
                                    (json_int_t)r->stored));
    text_bytes(r->size, size);
    text_bytes(r->packed, packed);
    text_grouped(r->parts, parts);
    if (r->unchanged)
        printf("%s %s: unchanged; this is live already\n", r->title, r->version);
    else
        printf("%s %s: live; %s in all, %s file%s new or changed (%s to download)\n", r->title, r->version,
               size, parts, r->parts == 1 ? "" : "s", packed);
    return print_end();
}

int verb_publish_app(const struct args *a)
{
    const char *aliases[VALUES_MAX];
    struct pb_error err;
    struct progress progress;
    struct pb_publish_result result;
    struct pb_app_options o = {.tree = a->operands[0],
                               .app = args_required(a, "app"),
                               .hardware = args_required(a, "hardware"),
                               .version = args_required(a, "version"),
                               .aliases = aliases,
                               .alias_count = args_values(a, "alias", aliases, VALUES_MAX),
                               .force = args_flag(a, "force")};
    if (o.app == NULL || o.hardware == NULL || o.version == NULL)
        return EXIT_USAGE;
    struct pb_depot *depot = open_depot(a);
    if (depot == NULL)
        return EXIT_FAILED;
    progress_start(&progress, true);
    int rc = pb_publish_app(depot, &o, progress_show, &progress, &result, &err);
    progress_end(&progress);
    pb_depot_close(depot);
    return rc < 0 ? fail(&err) : result_print(a, &result);
}
