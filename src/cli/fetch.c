/* patchbay fetch */
#include "cli/fetch_events.h"
#include "cli/fetch_words.h"
#include "cli/interrupt.h"
#include "cli/password.h"
#include "cli/verbs.h"

#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CANCELLED "patchbay: cancelled; what has arrived is kept, and the next fetch continues\n"

/* ---- --then ---- */

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

/* Ctrl-C ends the wait. */
static bool then_wait(int seconds)
{
    enum { STEP_MS = 50 };
    uint64_t until = progress_clock() + (uint64_t)seconds * 1000;
    while (!interrupt_came() && progress_clock() < until)
        poll(NULL, 0, STEP_MS);
    return !interrupt_came();
}

/* Starts it, with the signals as a program expects them. With --json its output is no event: it goes to
 * standard error. */
static int then_start(const char *command, bool json, pid_t *pid)
{
    char shell[] = "sh", flag[] = "-c";
    char *argv[] = {shell, flag, (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    posix_spawn_file_actions_init(&actions);
    int number = json ? posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO) : 0;
    if (number == 0)
        number = posix_spawn(pid, "/bin/sh", &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return number;
}

/* Runs the user's command after the delay, and waits for it. */
static int then_run(const char *command, int delay, bool json)
{
    pid_t pid;
    int status;
    fflush(stdout);
    if (!then_wait(delay)) {
        fprintf(stderr, "patchbay: --then: cancelled; the content is there\n");
        return EXIT_CANCELLED;
    }
    int number = then_start(command, json, &pid);
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

/* ---- what pb_fetch tells us of as it goes ---- */

struct telling {
    const struct args *args;
    bool json;
    struct events events;     /* with --json */
    struct progress progress; /* without */
    unsigned count;           /* titles told of */
};

static int progress_tell(void *arg, const struct pb_progress *now)
{
    struct telling *t = arg;
    if (!t->json)
        return progress_show(&t->progress, now);
    events_progress(&t->events, now);
    return interrupt_came() || t->events.failed;
}

static void each_tell(void *arg, const struct pb_fetch_result *r)
{
    struct telling *t = arg;
    progress_end(&t->progress);
    t->count++;
    if (t->json)
        events_title(&t->events, r);
    else if (!args_flag(t->args, "dry-run"))
        words_result(t->args, r);
}

static void change_tell(void *arg, const struct pb_fetch_change *s)
{
    struct telling *t = arg;
    progress_end(&t->progress);
    if (t->json)
        events_file(&t->events, s);
    else
        words_change(s);
}

static void plan_tell(void *arg, const struct pb_fetch_plan *p)
{
    struct telling *t = arg;
    events_plan(&t->events, p);
}

static void notice_tell(void *arg, const char *title, const char *text)
{
    struct telling *t = arg;
    progress_end(&t->progress);
    if (t->json)
        events_warning(&t->events, title, text);
    else
        fprintf(stderr, "patchbay: %s%s%s\n", title, title[0] != '\0' ? ": " : "", text);
}

static int error_tell(struct telling *t, const struct pb_error *err)
{
    if (t->json)
        events_error(&t->events, err);
    if (err->status != PB_CANCELLED)
        return fail(err);
    if (t->events.failed) /* that is why, and was said */
        return EXIT_FAILED;
    fputs(CANCELLED, stderr);
    return EXIT_CANCELLED;
}

/* The password is wiped before the user's command runs, which may be for hours. */
static int fetch_run(struct pb_fetch_options *o, char (*password)[PASSWORD_SIZE], int delay,
                     struct telling *t)
{
    struct pb_error err;
    struct pb_fetch_result result = PB_INIT(pb_fetch_result);
    const volatile sig_atomic_t *busy;
    const char *then = args_value(t->args, "then"), *line = events_cancelled(&busy);
    interrupt_arm(CANCELLED, t->json ? line : NULL, busy);
    progress_start(&t->progress, true);
    int rc = pb_fetch(o, progress_tell, t, &result, &err);
    interrupt_disarm();
    password_wipe(password);
    progress_end(&t->progress);
    if (rc < 0)
        return error_tell(t, &err);
    int status = t->json ? events_done(&t->events, &result) : words_end(t->args, &result, t->count);
    if (status != EXIT_DONE || then == NULL || o->dry_run)
        return status;
    then_environment(t->args->operands[1], args_value(t->args, "password-file"), &result);
    return then_run(then, delay, t->json);
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

enum { SECONDS_MAX = 3600 };

int verb_fetch(const struct args *a)
{
    _cleanup_password_ char password[PASSWORD_SIZE];
    const char *mirrors[VALUES_MAX];
    struct given given = {.args = a};
    struct telling telling = {.args = a, .json = args_flag(a, "json")};
    int connections = 0, retries = -1;
    uint64_t rate = 0, delay = 0, timeout = 0;
    if (!args_number(a, "connections", 1, 64, &connections) ||
        !args_duration(a, "then-delay", 0, SECONDS_MAX, &delay) ||
        !args_number(a, "retries", 0, 100, &retries) ||
        !args_duration(a, "timeout", 1, SECONDS_MAX, &timeout) || !args_bytes(a, "limit-rate", 1024, &rate))
        return EXIT_USAGE;
    struct pb_fetch_options o = {.size = sizeof o,
                                 .url = a->operands[0],
                                 .folder = a->operands[1],
                                 .mirrors = mirrors,
                                 .mirror_count = args_values(a, "mirror", mirrors, VALUES_MAX),
                                 .connections = (unsigned)connections,
                                 .attempts = (unsigned)(retries + 1),
                                 .timeout = (unsigned)timeout,
                                 .rate = rate,
                                 .ca_file = args_value(a, "cacert"),
                                 .proxy = args_value(a, "proxy"),
                                 .options = given.list,
                                 .repair = args_flag(a, "repair"),
                                 .dry_run = args_flag(a, "dry-run"),
                                 .change = args_flag(a, "dry-run") || telling.json ? change_tell : NULL,
                                 .each = each_tell,
                                 .plan = telling.json ? plan_tell : NULL,
                                 .notice = notice_tell,
                                 .arg = &telling};
    pb_fetch_option_keys(key_take, &given);
    o.option_count = given.n;
    if (!read_password(a, password, &o.password)) {
        const struct pb_error err = {PB_FAILED, "the password file can't be read"};
        return telling.json ? events_error(&telling.events, &err) : EXIT_FAILED;
    }
    return fetch_run(&o, &password, (int)delay, &telling);
}
