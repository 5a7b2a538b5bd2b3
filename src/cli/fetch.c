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

/* What the command finds in its environment. `password_file` is NULL when there is none. */
static void then_environment(const char *folder, const char *password_file, const struct pb_fetch_result *r)
{
    char text[PATH_MAX], path[PATH_MAX];
    if (realpath(folder, path) == NULL)
        path[0] = '\0';
    size_t used = strlen(path);
    snprintf(path + used, sizeof path - used, "/%s", r->file);
    setenv("PATCHBAY_FILE", path, 1);
    setenv("PATCHBAY_TITLE", r->title, 1);
    setenv("PATCHBAY_HOST", r->host, 1);
    snprintf(text, sizeof text, "%u", r->port);
    setenv("PATCHBAY_PORT", text, 1);
    snprintf(text, sizeof text, "%s:%u", r->host, r->game_port);
    setenv("PATCHBAY_ADDRESS", text, 1);
    bool file =
        password_file != NULL && strcmp(password_file, "-") != 0 && realpath(password_file, path) != NULL;
    if (file)
        setenv("PATCHBAY_PASSWORD_FILE", path, 1);
    else
        unsetenv("PATCHBAY_PASSWORD_FILE");
}

/* Runs the user's command after the delay, and waits for it. */
static int then_run(const char *command, int delay)
{
    char shell[] = "sh", flag[] = "-c";
    char *argv[] = {shell, flag, (char *)command, NULL};
    pid_t pid;
    int status;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    fflush(stdout);
    sleep((unsigned)delay);
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
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:i, s:i, s:I}", "title", r->title, "version",
                          r->version, "source", r->source, "note", r->note, "advice", r->advice, "unchanged",
                          r->unchanged, "pieces", (int)r->pieces, "downloaded", (int)r->downloaded, "present",
                          (int)r->present, "bytes", (json_int_t)r->bytes);
    json_t *files = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "kept", (int)r->kept, "placed",
                              (int)r->placed, "moved", (int)r->moved, "linked", (int)r->linked, "removed",
                              (int)r->removed, "attic", (int)r->attic);
    json_t *file = r->file[0] != '\0' ? json_pack("{s:s, s:I, s:s, s:s}", "file", r->file, "size",
                                                  (json_int_t)r->size, "md5", r->md5, "crc32", crc)
                                      : json_object();
    json_object_update(o, files);
    json_object_update(o, file);
    json_decref(files);
    json_decref(file);
    return o;
}

static void file_print(const struct args *a, const struct pb_fetch_result *r)
{
    char size[TEXT_SIZE];
    text_grouped(r->size, size);
    if (r->unchanged)
        printf("%s: %s/%s is there already, and right; nothing to do\n", r->title, a->operands[1], r->file);
    else
        printf("%s: installed %s/%s, %s bytes, CRC-32 %08x\n", r->title, a->operands[1], r->file, size,
               r->crc32);
}

static void count_print(unsigned n, const char *what)
{
    char number[TEXT_SIZE];
    text_grouped(n, number);
    if (n > 0)
        printf(", %s %s", number, what);
}

/* "escape/official: 150 downloaded, 100 moved, 1,800 kept, 52 set aside" */
static void files_print(const struct args *a, const struct pb_fetch_result *r)
{
    char kept[TEXT_SIZE], placed[TEXT_SIZE];
    text_grouped(r->kept, kept);
    text_grouped(r->placed, placed);
    printf("%s%s%s: ", r->title, r->version[0] != '\0' ? " " : "", r->version);
    if (r->unchanged && r->kept == 0)
        printf("is the newest version; nothing to do (--repair looks at every file)");
    else if (r->unchanged)
        printf("all %s files are there already, and right; nothing to do", kept);
    else
        printf("%s file%s installed", placed, r->placed == 1 ? "" : "s");
    count_print(r->moved, "moved");
    count_print(r->linked, "linked");
    count_print(r->removed, "removed");
    if (!r->unchanged)
        count_print(r->kept, "kept");
    count_print(r->attic, "set aside");
    if (r->attic > 0)
        printf(" in %s/attic", a->operands[1]);
    printf("\n");
    if (r->advice[0] != '\0' || r->note[0] != '\0')
        printf("  %s%s%s\n", r->note, r->note[0] != '\0' && r->advice[0] != '\0' ? "; " : "",
               r->advice[0] == '\0'                    ? ""
               : strcmp(r->advice, "recommended") == 0 ? "this upgrade was recommended"
                                                       : "this upgrade was optional");
}

static void result_print(const struct args *a, const struct pb_fetch_result *r)
{
    char bytes[TEXT_SIZE];
    text_bytes(r->bytes, bytes);
    if (r->file[0] != '\0')
        file_print(a, r);
    else
        files_print(a, r);
    if (r->unchanged || r->pieces == 0)
        return;
    printf("  %u of %u %s%s downloaded (%s) from %s", r->downloaded, r->pieces,
           r->file[0] != '\0' ? "part" : "file", r->pieces == 1 ? "" : "s", bytes, r->source);
    if (r->present > 0)
        printf("; %u had arrived before", r->present);
    printf("\n");
}

/* What pb_fetch tells us of as it goes. */
struct telling {
    const struct args *args;
    struct progress *progress;
    json_t *titles; /* NULL: in words */
    json_t *steps;  /* of a dry run */
    unsigned count;
};

static void each_tell(void *arg, const struct pb_fetch_result *r)
{
    struct telling *t = arg;
    progress_end(t->progress);
    t->count++;
    if (t->titles != NULL)
        json_array_append_new(t->titles, result_json(r));
    else if (!args_flag(t->args, "dry-run"))
        result_print(t->args, r);
}

static void step_tell(void *arg, const struct pb_fetch_step *s)
{
    struct telling *t = arg;
    progress_end(t->progress);
    if (t->titles != NULL) {
        json_array_append_new(t->steps,
                              json_pack("{s:s, s:s, s:s, s:I}", "action", s->action, "path", s->path, "from",
                                        s->from != NULL ? s->from : "", "bytes", (json_int_t)s->bytes));
        return;
    }
    if (s->bytes > 0)
        printf("%-9s %12llu  %s", s->action, s->bytes, s->path);
    else
        printf("%-9s %12s  %s", s->action, "", s->path);
    if (s->from != NULL)
        printf(strcmp(s->action, "link") == 0 ? " -> %s" : "  (from %s)", s->from);
    printf("\n");
}

static void dry_print(const struct pb_fetch_result *r)
{
    printf("%s: %u to download, %u files to place, %u to move, %u to link, %u to remove, %u to set aside, %u "
           "to keep; "
           "nothing was changed\n",
           r->titles == 1 ? r->title : "in all", r->pieces, r->placed, r->moved, r->linked, r->removed,
           r->attic, r->kept);
}

/* What is left to say at the end. */
static int end_print(const struct args *a, struct telling *t, const struct pb_fetch_result *r)
{
    bool several = t->count > 0 || r->titles == 0;
    if (t->titles != NULL) {
        json_t *o =
            several ? json_pack("{s:O, s:s}", "titles", t->titles, "others", r->others) : result_json(r);
        if (args_flag(a, "dry-run"))
            json_object_set(o, "steps", t->steps);
        return print_json(o);
    }
    if (args_flag(a, "dry-run"))
        dry_print(r);
    else if (!several)
        result_print(a, r);
    else if (t->count == 0)
        printf("%s is subscribed to no collection; --subscribe NAME does that\n", a->operands[1]);
    if (r->others[0] != '\0')
        printf("not subscribed to: %s\n", r->others);
    return print_end();
}

static int fetch_run(const struct args *a, struct pb_fetch_options *o, int delay, struct telling *t)
{
    struct pb_error err;
    struct progress progress;
    struct pb_fetch_result result;
    const char *then = args_value(a, "then");
    t->progress = &progress;
    progress_start(&progress, true);
    int rc = pb_fetch(o, progress_show, &progress, &result, &err);
    progress_end(&progress);
    if (rc == PB_CANCELLED) {
        fprintf(stderr, "patchbay: cancelled; what has arrived is kept, and the next fetch continues\n");
        return EXIT_FAILED;
    }
    int status = rc < 0 ? fail(&err) : end_print(a, t, &result);
    if (status != EXIT_DONE || then == NULL || o->dry_run)
        return status;
    then_environment(a->operands[1], args_value(a, "password-file"), &result);
    return then_run(then, delay);
}

/* ---- the protocols' own options ---- */

enum { NAME_SIZE = 64, HELP_SIZE = 160 };

/* "no_follow" is --no-follow. */
static void option_name(const char *key, char out[NAME_SIZE])
{
    snprintf(out, NAME_SIZE, "%s", key);
    for (char *c = out; *c != '\0'; c++)
        *c = *c == '_' ? '-' : *c;
}

static void key_add(void *arg, const struct pb_fetch_option_key *key)
{
    struct args *a = arg;
    static char names[OPTIONS_MAX][NAME_SIZE],
        helps[OPTIONS_MAX][HELP_SIZE]; /* options live as long as the program */
    if (a->option_count >= OPTIONS_MAX)
        return;
    char *name = names[a->option_count], *help = helps[a->option_count];
    option_name(key->key, name);
    snprintf(help, HELP_SIZE, "%s: %s", key->protocol, key->help);
    args_add_option(a, (struct option){name, key->argument, help, key->repeatable != 0});
}

void fetch_more_options(struct args *a)
{
    pb_fetch_option_keys(key_add, a);
}

/* Those that were given. */
struct given {
    const struct args *args;
    struct pb_fetch_option list[VALUES_MAX];
    size_t n;
};

static void key_take(void *arg, const struct pb_fetch_option_key *key)
{
    struct given *g = arg;
    char name[NAME_SIZE];
    const char *values[VALUES_MAX];
    option_name(key->key, name);
    size_t n = args_values(g->args, name, values, VALUES_MAX);
    for (size_t i = 0; i < n && g->n < VALUES_MAX; i++)
        g->list[g->n++] = (struct pb_fetch_option){key->key, values[i]};
}

int verb_fetch(const struct args *a)
{
    char password[PASSWORD_SIZE];
    const char *mirrors[VALUES_MAX];
    struct given given = {.args = a};
    struct telling telling = {.args = a};
    int connections = 0, delay = 0;
    if (!args_number(a, "connections", 1, 64, &connections) || !args_number(a, "then-delay", 0, 3600, &delay))
        return EXIT_USAGE;
    struct pb_fetch_options o = {.url = a->operands[0],
                                 .folder = a->operands[1],
                                 .mirrors = mirrors,
                                 .mirror_count = args_values(a, "mirror", mirrors, VALUES_MAX),
                                 .installed_version = args_value(a, "installed-version"),
                                 .connections = (unsigned)connections,
                                 .options = given.list,
                                 .dry_run = args_flag(a, "dry-run"),
                                 .step = args_flag(a, "dry-run") ? step_tell : NULL,
                                 .each = each_tell,
                                 .arg = &telling};
    pb_fetch_option_keys(key_take, &given);
    o.option_count = given.n;
    if (!read_password(a, password, &o.password))
        return EXIT_FAILED;
    if (args_flag(a, "json")) {
        telling.titles = json_array();
        telling.steps = json_array();
    }
    int status = fetch_run(a, &o, delay, &telling);
    json_decref(telling.titles);
    json_decref(telling.steps);
    return status;
}
