/* patchbay publish upgrade, publish levels, publish app: a tree of files each. */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

static int result_print(const struct args *a, const struct pb_publish_result *r, const char *what)
{
    char size[TEXT_SIZE], packed[TEXT_SIZE], parts[TEXT_SIZE], stored[TEXT_SIZE];
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:s, s:s, s:b, s:i, s:I, s:I, s:I}", "title", r->title, "version",
                                    r->version, "unchanged", r->unchanged, "parts", (int)r->parts, "size",
                                    (json_int_t)r->source_bytes, "packed", (json_int_t)r->packed, "stored",
                                    (json_int_t)r->stored));
    text_bytes(r->source_bytes, size);
    text_bytes(r->packed, packed);
    text_bytes(r->stored, stored);
    text_grouped(r->parts, parts);
    if (r->unchanged)
        printf("%s %s: unchanged; this is live already and nothing was stored\n", r->title, r->version);
    else
        printf("%s %s: live; %s %s%s, %s (%s to download), %s new in the depot\n", r->title, r->version,
               parts, what, r->parts == 1 ? "" : "s", size, packed, stored);
    return print_end();
}

/* A pb_notice_fn. */
static void notice_print(void *arg, const char *text)
{
    progress_end(arg);
    fprintf(stderr, "patchbay: warning: %s\n", text);
}

/* What these verbs do around the one call that differs. */
typedef int publish_fn(struct pb_depot *depot, const void *options, pb_progress_fn *progress, void *arg,
                       struct pb_publish_result *result, struct pb_error *err);

static int publish(const struct args *a, publish_fn *fn, const void *options, struct progress *progress,
                   const char *what)
{
    struct pb_error err;
    struct pb_publish_result result = PB_INIT(pb_publish_result);
    struct pb_depot *depot;
    if (args_value(a, "to") != NULL) {
        fprintf(stderr, "patchbay: only maps can be published from afar; publish where the depot is\n");
        return EXIT_USAGE;
    }
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    progress_start(progress, true);
    int rc = fn(depot, options, progress_show, progress, &result, &err);
    progress_end(progress);
    pb_depot_close(depot);
    return rc < 0 ? fail(&err) : result_print(a, &result, what);
}

static int upgrade_publish(struct pb_depot *depot, const void *options, pb_progress_fn *progress, void *arg,
                           struct pb_publish_result *result, struct pb_error *err)
{
    return pb_publish_upgrade(depot, options, progress, arg, result, err);
}

static int levels_publish(struct pb_depot *depot, const void *options, pb_progress_fn *progress, void *arg,
                          struct pb_publish_result *result, struct pb_error *err)
{
    return pb_publish_levels(depot, options, progress, arg, result, err);
}

int verb_publish_upgrade(const struct args *a)
{
    struct progress progress;
    const char *symlinks[VALUES_MAX], *deletes[VALUES_MAX], *aliases[VALUES_MAX];
    struct pb_upgrade_options o = {.size = sizeof o,
                                   .tree = a->operands[0],
                                   .platform = args_required(a, "platform"),
                                   .note = args_value(a, "note"),
                                   .symlinks = symlinks,
                                   .symlink_count = args_values(a, "symlink", symlinks, VALUES_MAX),
                                   .deletes = deletes,
                                   .delete_count = args_values(a, "delete", deletes, VALUES_MAX),
                                   .aliases = aliases,
                                   .alias_count = args_values(a, "alias", aliases, VALUES_MAX),
                                   .notice = notice_print,
                                   .notice_arg = &progress};
    if (o.platform == NULL || !args_version(a, "version", true, &o.version) ||
        !args_version(a, "oldest", true, &o.oldest) || !args_version(a, "recommended", true, &o.recommended))
        return EXIT_USAGE;
    return publish(a, upgrade_publish, &o, &progress, "file");
}

int verb_publish_levels(const struct args *a)
{
    struct progress progress;
    struct pb_levels_options o = {.size = sizeof o,
                                  .tree = a->operands[0],
                                  .collection = args_required(a, "collection"),
                                  .title = args_value(a, "title"),
                                  .note = args_value(a, "note"),
                                  .descriptions = args_value(a, "descriptions"),
                                  .ratings = args_value(a, "ratings"),
                                  .list_title = args_value(a, "list-title"),
                                  .notice = notice_print,
                                  .notice_arg = &progress};
    int position = 0;
    if (o.collection == NULL || !args_version(a, "min-version", true, &o.min_version) ||
        !args_version(a, "list-version", false, &o.list_version) ||
        !args_number(a, "position", 1, 1000000, &position))
        return EXIT_USAGE;
    o.position = (unsigned)position;
    return publish(a, levels_publish, &o, &progress, "level");
}

static int app_publish(struct pb_depot *depot, const void *options, pb_progress_fn *progress, void *arg,
                       struct pb_publish_result *result, struct pb_error *err)
{
    return pb_publish_app(depot, options, progress, arg, result, err);
}

int verb_publish_app(const struct args *a)
{
    struct progress progress;
    const char *aliases[VALUES_MAX];
    struct pb_app_options o = {.size = sizeof o,
                               .tree = a->operands[0],
                               .app = args_required(a, "app"),
                               .hardware = args_required(a, "hardware"),
                               .version = args_required(a, "version"),
                               .aliases = aliases,
                               .alias_count = args_values(a, "alias", aliases, VALUES_MAX),
                               .force = args_flag(a, "force"),
                               .notice = notice_print,
                               .notice_arg = &progress};
    if (o.app == NULL || o.hardware == NULL || o.version == NULL)
        return EXIT_USAGE;
    return publish(a, app_publish, &o, &progress, "new or changed file");
}
