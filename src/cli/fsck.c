/* patchbay fsck */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

struct fsck_output {
    struct progress progress;
    json_t *problems; /* NULL: print lines */
};

static int problem_show(void *arg, const char *what, const char *titles)
{
    struct fsck_output *o = arg;
    if (o->problems != NULL)
        return json_array_append_new(o->problems, json_pack("{s:s, s:s}", "problem", what, "hurts", titles));
    progress_end(&o->progress);
    printf("%s%s%s\n", what, titles[0] != '\0' ? "; hurts " : "", titles);
    return 0;
}

static int fsck_progress(void *arg, const struct pb_progress *now)
{
    return progress_show(&((struct fsck_output *)arg)->progress, now);
}

int verb_fsck(const struct args *a)
{
    char bytes[TEXT_SIZE];
    struct pb_error err;
    struct pb_fsck_report r = PB_INIT(pb_fsck_report);
    struct fsck_output o = {.problems = args_flag(a, "json") ? json_array() : NULL};
    struct pb_depot *depot;
    int opened = open_depot(a, &depot);
    if (opened != EXIT_DONE) {
        json_decref(o.problems);
        return opened;
    }
    progress_start(&o.progress, false);
    int rc = pb_depot_fsck(depot, problem_show, fsck_progress, &o, &r, &err);
    progress_end(&o.progress);
    pb_depot_close(depot);
    if (rc < 0) {
        json_decref(o.problems);
        return fail(&err);
    }
    text_bytes(r.bytes, bytes);
    if (o.problems != NULL)
        rc = print_json(json_pack("{s:I, s:I, s:I, s:I, s:o}", "objects", (json_int_t)r.objects, "bytes",
                                  (json_int_t)r.bytes, "problems", (json_int_t)r.problems, "garbage",
                                  (json_int_t)r.garbage, "list", o.problems));
    else
        printf("%llu objects (%s) checked, %llu problem%s, %llu file%s for gc\n",
               (unsigned long long)r.objects, bytes, (unsigned long long)r.problems,
               r.problems == 1 ? "" : "s", (unsigned long long)r.garbage, r.garbage == 1 ? "" : "s");
    return r.problems > 0 ? EXIT_DAMAGED : o.problems != NULL ? rc : print_end();
}
