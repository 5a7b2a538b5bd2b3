/* patchbay verify */
#include "cli/output.h"
#include "cli/verbs.h"

#include <stdio.h>

struct verify_output {
    struct progress progress;
    json_t *problems; /* NULL: print lines */
};

static int problem_show(void *arg, const char *title, const char *path, const char *what)
{
    struct verify_output *o = arg;
    if (o->problems != NULL)
        return json_array_append_new(
            o->problems, json_pack("{s:s, s:s, s:s}", "title", title, "path", path, "problem", what));
    progress_end(&o->progress);
    printf("%s: %s %s\n", title, path, what);
    return 0;
}

static int verify_progress(void *arg, const struct pb_progress *now)
{
    return progress_show(&((struct verify_output *)arg)->progress, now);
}

static int result_show(const struct verify_output *o, const struct pb_verify_report *r)
{
    char bytes[TEXT_SIZE];
    if (o->problems != NULL)
        return print_json(json_pack("{s:i, s:I, s:I, s:I, s:O}", "titles", (int)r->titles, "files",
                                    (json_int_t)r->files, "bytes", (json_int_t)r->bytes, "problems",
                                    (json_int_t)r->problems, "list", o->problems));
    text_bytes(r->bytes, bytes);
    printf("%llu file%s (%s) checked, %llu problem%s\n", (unsigned long long)r->files,
           r->files == 1 ? "" : "s", bytes, (unsigned long long)r->problems, r->problems == 1 ? "" : "s");
    return print_end();
}

int verb_verify(const struct args *a)
{
    struct pb_error err;
    struct pb_verify_report r = PB_INIT(pb_verify_report);
    struct verify_output o = {.problems = args_flag(a, "json") ? json_array() : NULL};
    const char *title = a->operand_count > 1 ? a->operands[1] : NULL;
    progress_start(&o.progress, true);
    int rc = pb_verify(a->operands[0], title, problem_show, verify_progress, &o, &r, &err);
    progress_end(&o.progress);
    int status = rc < 0 ? fail(&err) : result_show(&o, &r);
    json_decref(o.problems);
    return status == EXIT_DONE && r.problems > 0 ? EXIT_DAMAGED : status;
}
