/* patchbay fetch */
#include "cli/output.h"
#include "cli/verbs.h"

#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIRRORS_MAX = 32 };

/* Runs the user's command, and waits for it. */
static int then_run(const char *command, const char *folder, const struct pb_fetch_result *r)
{
    char file[PATH_MAX];
    char shell[] = "sh", flag[] = "-c";
    char *argv[] = {shell, flag, (char *)command, NULL};
    pid_t pid;
    int status;
    if (realpath(folder, file) == NULL)
        file[0] = '\0';
    size_t used = strlen(file);
    snprintf(file + used, sizeof file - used, "/%s", r->file);
    setenv("PATCHBAY_FILE", file, 1);
    setenv("PATCHBAY_TITLE", r->title, 1);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    int number = posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ);
    if (number != 0) {
        fprintf(stderr, "patchbay: --then: /bin/sh: %s\n", strerror(number));
        return EXIT_FAILED;
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "patchbay: --then: the command failed (exit status %d)\n",
                WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

static json_t *result_json(const struct pb_fetch_result *r)
{
    char crc[16];
    snprintf(crc, sizeof crc, "%08x", r->crc32);
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:b, s:i, s:i, s:i, s:I}", "title", r->title, "file",
                     r->file, "source", r->source, "size", (json_int_t)r->size, "md5", r->md5, "crc32", crc,
                     "unchanged", r->unchanged, "pieces", (int)r->pieces, "downloaded", (int)r->downloaded,
                     "present", (int)r->present, "bytes", (json_int_t)r->bytes);
}

static int result_print(const struct args *a, const struct pb_fetch_result *r)
{
    char size[TEXT_SIZE], bytes[TEXT_SIZE];
    if (args_flag(a, "json"))
        return print_json(result_json(r));
    text_grouped(r->size, size);
    text_bytes(r->bytes, bytes);
    if (r->unchanged) {
        printf("%s: %s/%s is there already, and right; nothing to do\n", r->title, a->operands[1], r->file);
        return print_end();
    }
    printf("%s: installed %s/%s, %s bytes, CRC-32 %08x\n", r->title, a->operands[1], r->file, size, r->crc32);
    printf("  %u of %u part%s downloaded (%s) from %s", r->downloaded, r->pieces, r->pieces == 1 ? "" : "s",
           bytes, r->source);
    if (r->present > 0)
        printf("; %u had arrived before", r->present);
    printf("\n");
    return print_end();
}

int verb_fetch(const struct args *a)
{
    char password[PASSWORD_SIZE];
    const char *mirrors[MIRRORS_MAX];
    struct pb_error err;
    struct progress progress;
    struct pb_fetch_result result;
    int connections = 0;
    const char *then = args_value(a, "then");
    if (!args_number(a, "connections", 1, 64, &connections))
        return EXIT_USAGE;
    struct pb_fetch_options o = {.url = a->operands[0],
                                 .folder = a->operands[1],
                                 .mirrors = mirrors,
                                 .mirror_count = args_values(a, "mirror", mirrors, MIRRORS_MAX),
                                 .server_list = args_value(a, "master-list"),
                                 .connections = (unsigned)connections};
    if (!read_password(a, password, &o.password))
        return EXIT_FAILED;
    progress_start(&progress, true);
    int rc = pb_fetch(&o, progress_show, &progress, &result, &err);
    progress_end(&progress);
    if (rc == PB_CANCELLED) {
        fprintf(stderr, "patchbay: cancelled; what has arrived is kept, and the next fetch continues\n");
        return EXIT_FAILED;
    }
    if (rc < 0)
        return fail(&err);
    int status = result_print(a, &result);
    return status == EXIT_DONE && then != NULL ? then_run(then, a->operands[1], &result) : status;
}
