/* Errors and JSON. */
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int fail(const struct pb_error *err)
{
    fprintf(stderr, "patchbay: %s\n", err->text);
    return exit_of(err->status);
}

int open_depot(const struct args *a, struct pb_depot **out)
{
    struct pb_error err;
    return pb_depot_open(args_depot(a), out, &err) < 0 ? fail(&err) : EXIT_DONE;
}

int print_end(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (errno != EPIPE) /* a reader who has read enough */
            fprintf(stderr, "patchbay: standard output: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

int print_json(json_t *o)
{
    if (o == NULL || json_dumpf(o, stdout, JSON_INDENT(2)) != 0) {
        fprintf(stderr, "patchbay: the JSON could not be written\n");
        json_decref(o);
        return EXIT_FAILED;
    }
    json_decref(o);
    putchar('\n');
    return print_end();
}
