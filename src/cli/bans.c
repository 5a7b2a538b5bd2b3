/* patchbay ban, unban and bans */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <time.h>

enum { FOR_MOST = 100000000 /* seconds: three years */ };

static void until_text(int64_t expires, char out[TEXT_SIZE])
{
    if (expires == 0)
        snprintf(out, TEXT_SIZE, "for ever");
    else
        text_time(expires, out);
}

int verb_ban(const struct args *a)
{
    struct pb_error err;
    uint64_t seconds = 0;
    if (!args_duration(a, "for", 1, FOR_MOST, &seconds))
        return EXIT_USAGE;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    int64_t expires = seconds > 0 ? (int64_t)time(NULL) + (int64_t)seconds : 0;
    int rc = pb_ban(depot, a->operands[0], args_value(a, "reason"), expires, &err);
    pb_depot_close(depot);
    if (rc < 0)
        return fail(&err);
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:s, s:I}", "banned", a->operands[0], "expires", (json_int_t)expires));
    char until[TEXT_SIZE];
    until_text(expires, until);
    printf("%s: banned %s%s%s\n", a->operands[0], expires != 0 ? "until " : "", until,
           expires != 0 ? " UTC" : "");
    return print_end();
}

int verb_unban(const struct args *a)
{
    struct pb_error err;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    int rc = pb_unban(depot, a->operands[0], &err);
    pb_depot_close(depot);
    if (rc < 0)
        return fail(&err);
    if (args_flag(a, "json"))
        return print_json(json_pack("{s:s}", "unbanned", a->operands[0]));
    printf("%s: not banned any more\n", a->operands[0]);
    return print_end();
}

static int ban_show(void *array, const struct pb_ban *b)
{
    char since[TEXT_SIZE], until[TEXT_SIZE];
    if (array != NULL)
        return json_array_append_new(array, json_pack("{s:s, s:s, s:I, s:I}", "range", b->range, "reason",
                                                      b->reason, "added", (json_int_t)b->added, "expires",
                                                      (json_int_t)b->expires));
    text_time(b->added, since);
    until_text(b->expires, until);
    printf("%-40s since %s UTC  %-9s %-16s  %s\n", b->range, since, b->expires != 0 ? "until" : "", until,
           b->reason);
    return 0;
}

int verb_bans(const struct args *a)
{
    struct pb_error err;
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE)
        return opened;
    json_t *array = args_flag(a, "json") ? json_array() : NULL;
    int rc = pb_bans(depot, ban_show, array, &err);
    pb_depot_close(depot);
    if (rc < 0) {
        json_decref(array);
        return fail(&err);
    }
    return array != NULL ? print_json(array) : print_end();
}
