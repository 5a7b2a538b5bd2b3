/* patchbay serve */
#include "cli/output.h"
#include "cli/password.h"
#include "cli/service.h"
#include "cli/verbs.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

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
    pb_config_keys(key_add, a);
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

/* The command line, then the file, then the program's own default. NULL after an error was printed; then
 * *status is the exit status. */
static struct pb_config *config_make(const struct args *a, int *status)
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
    struct pb_config *config = config_make(a, &status);
    if (config == NULL || pb_server_reload(server, config, &err) < 0)
        fprintf(stderr, "patchbay: reload: the old configuration stays%s%s\n", config != NULL ? ": " : "",
                config != NULL ? err.text : "");
    else
        fprintf(stderr, "patchbay: %s; access log opened anew\n",
                args_value(a, "config") != NULL ? "configuration read again"
                                                : "there is no configuration file to read");
    pb_config_free(config);
}

/* A server wants a descriptor for each connection. */
static void descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void addresses_print(const struct pb_server *server, const char *depot)
{
    char address[80];
    for (size_t i = 0; pb_server_address(server, i, address, sizeof address) == PB_OK; i++) {
        if (strcmp(pb_server_protocol(server, i), "admin") == 0)
            fprintf(stderr, "patchbay: for the operator: http://%s/metrics, /status, /healthz, /readyz\n",
                    address);
        else
            fprintf(stderr, "patchbay: serving %s on %s://%s/\n", depot, pb_server_protocol(server, i),
                    address);
    }
}

int verb_serve(const struct args *a)
{
    struct pb_error err;
    struct pb_server *server;
    sigset_t signals;
    int status;
    memory_guard(); /* players' passwords come with requests */
    struct pb_config *config = config_make(a, &status);
    if (config == NULL)
        return status;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    descriptors_raise();
    int rc = pb_server_start(args_depot(a), config, 0, report, NULL, &server, &err);
    pb_config_free(config);
    if (rc < 0) {
        status = fail(&err);
        /* "--threads: …" is about the command line. */
        return rc == PB_INVALID && strncmp(err.text, "--", 2) == 0 ? EXIT_USAGE : status;
    }
    addresses_print(server, args_depot(a));
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
