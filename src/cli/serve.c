/* patchbay serve */
#include "cli/output.h"
#include "cli/password.h"
#include "cli/privileges.h"
#include "cli/service.h"
#include "cli/verbs.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NAME_SIZE = 64 };

/* "redirect_root" of section opensauce is --opensauce-redirect-root; the server's own keys go without a
 * section. */
static void option_name(const char *section, const char *key, char out[NAME_SIZE])
{
    if (strcmp(section, "server") == 0)
        snprintf(out, NAME_SIZE, "%s", key);
    else
        snprintf(out, NAME_SIZE, "%s-%s", section, key);
    for (char *c = out; *c != '\0'; c++) {
        if (*c == '_')
            *c = '-';
    }
}

static void key_add(void *arg, const struct pb_config_key *key)
{
    struct args *a = arg;
    static char names[OPTIONS_MAX][NAME_SIZE]; /* options live as long as the program */
    if (a->option_count >= OPTIONS_MAX)
        return;
    char *name = names[a->option_count];
    option_name(key->section, key->key, name);
    args_add_option(a, (struct option){name, key->argument, key->help, key->repeatable});
}

void serve_options(struct args *a)
{
    args_add_option(a, (struct option){"config", "FILE", "read a configuration file (INI)", false});
    args_add_option(a,
                    (struct option){"check", NULL, "check the configuration and the depot, and end", false});
    args_add_option(a, (struct option){"user", "NAME", "serve as this user, when started by root", false});
    pb_config_keys(key_add, a);
}

static void fault_print(void *count, const char *text)
{
    fprintf(stderr, "patchbay: %s\n", text);
    ++*(unsigned *)count;
}

struct key_set {
    const struct args *a;
    struct pb_config *config;
    struct pb_error *err;
    int rc;
};

static void key_take(void *arg, const struct pb_config_key *key)
{
    struct key_set *s = arg;
    char name[NAME_SIZE], where[NAME_SIZE + 2];
    const char *values[VALUES_MAX];
    option_name(key->section, key->key, name);
    snprintf(where, sizeof where, "--%s", name);
    size_t n = args_values(s->a, name, values, VALUES_MAX);
    for (size_t i = 0; i < n && s->rc == PB_OK; i++)
        s->rc = pb_config_set(s->config, key->section, key->key, values[i], where, s->err);
}

/* The command line, then the file, then the program's own default. `faults`, which may be NULL, counts what
 * is wrong, and all of it is printed. NULL after an error was printed; then *status is the exit status. */
static struct pb_config *config_make(const struct args *a, unsigned *faults, int *status)
{
    struct pb_error err = {0};
    struct pb_config *config = pb_config_new();
    const char *file = args_value(a, "config");
    struct key_set set = {a, config, &err, PB_OK};
    if (config == NULL) {
        fprintf(stderr, "patchbay: out of memory\n");
        *status = EXIT_FAILED;
        return NULL;
    }
    if (faults != NULL)
        pb_config_faults(config, fault_print, faults);
    pb_config_keys(key_take, &set);
    if (set.rc == PB_OK)
        set.rc = service_sockets(config, &err);
    if (set.rc == PB_OK && file != NULL)
        set.rc = pb_config_read(config, file, &err);
    if (set.rc == PB_OK)
        set.rc = pb_config_default(config, "server", "access_log", "-", &err);
    if (set.rc < 0) {
        *status = fail(&err);
        pb_config_free(config);
        return NULL;
    }
    return config;
}

static void report(void *arg, const char *text)
{
    (void)arg;
    fprintf(stderr, "patchbay: %s\n", text);
}

static void reload(const struct args *a, struct pb_server *server)
{
    struct pb_error err;
    int status;
    struct pb_config *config = config_make(a, NULL, &status);
    if (config == NULL || pb_server_reload(server, config, &err) < 0)
        fprintf(stderr, "patchbay: reload: the old configuration stays%s%s\n", config != NULL ? ": " : "",
                config != NULL ? err.text : "");
    else
        fprintf(stderr, "patchbay: %s; access log opened anew\n",
                args_value(a, "config") != NULL ? "configuration read again"
                                                : "there is no configuration file to read");
    pb_config_free(config);
}

/* A server wants descriptors for each connection. Returns how many it may have. */
static unsigned long long descriptors_raise(void)
{
    struct rlimit limit, raised;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    raised = (struct rlimit){limit.rlim_max, limit.rlim_max};
    return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

static void addresses_print(const struct pb_server *server, const char *depot)
{
    char address[80];
    for (size_t i = 0; pb_server_address(server, i, address, sizeof address) == PB_OK; i++) {
        const char *protocol = pb_server_protocol(server, i);
        if (strncmp(protocol, "admin", 5) == 0)
            fprintf(stderr,
                    "patchbay: for the operator: http%s://%s/ (and /metrics, /status, /healthz, /readyz)\n",
                    strcmp(protocol, "admin") == 0 ? "" : "s", address);
        else
            fprintf(stderr, "patchbay: serving %s on %s://%s/\n", depot, protocol, address);
    }
}

/* Called in a signal handler. */
static void call_refused(int call)
{
    char text[] = "patchbay: the sandbox refused system call      \n";
    for (size_t at = sizeof text - 3; call > 0; call /= 10)
        text[at--] = (char)('0' + call % 10);
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        return;
}

/* Before there are threads. */
static int rights_limit(const struct args *a, const struct pb_config *config, int *landlock,
                        struct pb_error *err)
{
    const char *user = args_value(a, "user");
    int rc = user != NULL ? privileges_user(user, err) : PB_OK;
    return rc == PB_OK ? pb_confine_files(args_depot(a), config, args_value(a, "config"), landlock, err) : rc;
}

/* When all threads run, and all sockets are open. */
static int calls_limit(const struct pb_config *config, int landlock, struct pb_error *err)
{
    int seccomp = 0;
    privileges_drop();
    int rc = pb_confine_calls(config, call_refused, &seccomp, err);
    if (rc == PB_OK && (seccomp == 0 || landlock == 0))
        fprintf(stderr, "patchbay: the kernel does not confine %s%s%s\n", landlock == 0 ? "files" : "",
                landlock == 0 && seccomp == 0 ? " and " : "", seccomp == 0 ? "system calls" : "");
    return rc;
}

/* serve --check. Warnings alone are no fault. */
static int check(const struct args *a)
{
    struct pb_error err;
    unsigned faults = 0;
    int status;
    const char *user = args_value(a, "user");
    if (user != NULL && privileges_user(user, &err) < 0)
        return fail(&err);
    struct pb_config *config = config_make(a, &faults, &status);
    if (config == NULL)
        return status;
    int rc = pb_server_check(args_depot(a), config, report, NULL, &err);
    pb_config_free(config);
    if (rc < 0)
        return fail(&err);
    if (faults > 0)
        return EXIT_FAILED;
    printf("the configuration is right\n");
    return print_end();
}

int verb_serve(const struct args *a)
{
    struct pb_error err;
    int landlock = 0;
    struct pb_server *server = NULL;
    sigset_t signals;
    int status;
    if (args_flag(a, "check"))
        return check(a);
    memory_guard(); /* players' passwords come with requests */
    struct pb_config *config = config_make(a, NULL, &status);
    if (config == NULL)
        return status;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    unsigned long long descriptors = descriptors_raise();
    int rc = rights_limit(a, config, &landlock, &err);
    if (rc == PB_OK)
        rc = pb_server_start(args_depot(a), config, 0, report, NULL, &server, &err);
    if (rc == PB_OK && (rc = calls_limit(config, landlock, &err)) < 0)
        pb_server_free(server);
    pb_config_free(config);
    if (rc < 0) {
        status = fail(&err);
        /* "--threads: …" is about the command line. */
        return rc == PB_INVALID && strncmp(err.text, "--", 2) == 0 ? EXIT_USAGE : status;
    }
    addresses_print(server, args_depot(a));
    if (geteuid() == 0)
        fprintf(stderr, "patchbay: this runs as root, which a server has no need of: --user NAME\n");
    fprintf(stderr, "patchbay: %llu descriptors allow %u connections at once\n", descriptors,
            pb_server_room(server));
    service_ready();
    while (service_wait(server, &signals) == SIGHUP) {
        service_reloading();
        reload(a, server);
        service_ready();
    }
    service_stopping();
    pb_server_free(server);
    return EXIT_DONE;
}
