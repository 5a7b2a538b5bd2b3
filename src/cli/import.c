/* patchbay import opensauce, import escape, import playonline */
#include "cli/output.h"
#include "cli/password.h"
#include "cli/verbs.h"

#include <stdio.h>

static int line_print(void *arg, const char *file, const char *fault, const struct pb_publish_result *r)
{
    json_t *list = arg;
    if (list != NULL)
        return json_array_append_new(list, fault != NULL
                                               ? json_pack("{s:s, s:s}", "file", file, "fault", fault)
                                               : json_pack("{s:s, s:s, s:s, s:b, s:s}", "file", file, "title",
                                                           r->title, "version", r->version, "unchanged",
                                                           r->unchanged, "warning", r->warning));
    if (fault != NULL)
        fprintf(stderr, "patchbay: %s: %s\n", file, fault);
    else
        printf("%s: %s %s: %s%s%s\n", file, r->title, r->version, r->unchanged ? "unchanged" : "live",
               r->warning[0] != '\0' ? "; " : "", r->warning);
    return 0;
}

static int report_print(int rc, const struct pb_import_report *r, json_t *list, const char *what,
                        const struct pb_error *err)
{
    struct pb_import_report report = *r;
    int status = rc < 0 ? fail(err) : report.refused > 0 ? EXIT_FAILED : EXIT_DONE;
    if (list != NULL) {
        int printed = print_json(json_pack("{s:i, s:i, s:o}", "imported", (int)report.imported, "refused",
                                           (int)report.refused, what, list));
        return status != EXIT_DONE ? status : printed;
    }
    if (rc == PB_OK)
        printf("%u imported, %u refused\n", report.imported, report.refused);
    return status != EXIT_DONE ? status : print_end();
}

int verb_import_opensauce(const struct args *a)
{
    _cleanup_password_ char password[PASSWORD_SIZE];
    struct pb_error err;
    struct pb_import_report report = PB_INIT(pb_import_report);
    struct pb_import_options o = {.size = sizeof o,
                                  .definitions = a->operands[0],
                                  .parts = a->operands[1],
                                  .redirect_root = args_value(a, "redirect-root"),
                                  .no_raw = args_flag(a, "no-raw")};
    if (!read_password(a, password, &o.password))
        return EXIT_FAILED;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    json_t *list = args_flag(a, "json") ? json_array() : NULL;
    int rc = pb_import_opensauce(depot, &o, line_print, list, &report, &err);
    pb_depot_close(depot);
    return report_print(rc, &report, list, "maps", &err);
}

int verb_import_escape(const struct args *a)
{
    struct pb_error err;
    struct pb_import_report report = PB_INIT(pb_import_report);
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    json_t *list = args_flag(a, "json") ? json_array() : NULL;
    int rc = pb_import_escape(depot, a->operands[0], line_print, list, &report, &err);
    pb_depot_close(depot);
    return report_print(rc, &report, list, "titles", &err);
}

int verb_import_playonline(const struct args *a)
{
    const char *aliases[VALUES_MAX];
    struct pb_error err;
    struct pb_import_report report = PB_INIT(pb_import_report);
    struct pb_import_app_options o = {.size = sizeof o,
                                      .config = a->operands[0],
                                      .tree = a->operands[1],
                                      .app = args_required(a, "app"),
                                      .hardware = args_required(a, "hardware"),
                                      .version = args_value(a, "version"),
                                      .aliases = aliases,
                                      .alias_count = args_values(a, "alias", aliases, VALUES_MAX)};
    if (o.app == NULL || o.hardware == NULL)
        return EXIT_USAGE;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    json_t *list = args_flag(a, "json") ? json_array() : NULL;
    int rc = pb_import_playonline(depot, &o, line_print, list, &report, &err);
    pb_depot_close(depot);
    return report_print(rc, &report, list, "titles", &err);
}
