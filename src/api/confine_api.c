/* What a server needs of files, connections and system calls: patchbay/confine.h. */
#include "patchbay/confine.h"

#include "api/config.h"
#include "base/confine.h"
#include "base/process.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static int sandbox_wanted(const struct pb_config *c, bool *wanted, struct pb_error *err)
{
    return config_choice(c, "sandbox", "yes", "no", true, wanted, err);
}

/* The folder of a file, so that the file may be replaced. A file directly below "/" or "/etc" stands for
 * itself. */
static bool folder_of(const char *file, char out[PATH_MAX])
{
    const char *slash = strrchr(file, '/');
    size_t n = slash != NULL ? (size_t)(slash - file) : 0;
    if (n >= PATH_MAX || strlen(file) >= PATH_MAX)
        return false;
    if (slash == NULL)
        memcpy(out, ".", sizeof ".");
    else if (n == 0 || (n == 4 && strncmp(file, "/etc", 4) == 0))
        memcpy(out, file, strlen(file) + 1);
    else
        memcpy(out, file, n), out[n] = '\0';
    return true;
}

/* What the C library reads to know the time and, with connections, hosts. */
static const struct confine_path always[] = {
    {"/dev/null", CONFINE_READ | CONFINE_APPEND},
    {"/etc/localtime", CONFINE_READ},
    {"/usr/share/zoneinfo", CONFINE_READ},
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    {"/proc", CONFINE_READ}, /* the sanitizers of the test builds */
#endif
};
static const struct confine_path resolver[] = {
    {"/etc/resolv.conf", CONFINE_READ},     {"/etc/hosts", CONFINE_READ},
    {"/etc/nsswitch.conf", CONFINE_READ},   {"/etc/host.conf", CONFINE_READ},
    {"/etc/gai.conf", CONFINE_READ},        {"/etc/services", CONFINE_READ},
    {"/run/systemd/resolve", CONFINE_READ},
};

/* Where OpenSSL and libcurl look for the certificates that they trust. */
static const struct confine_path trusted[] = {
    {"/etc/ssl", CONFINE_READ},
    {"/usr/lib/ssl", CONFINE_READ},
    {"/usr/share/ca-certificates", CONFINE_READ},
    {"/usr/local/share/ca-certificates", CONFINE_READ},
};

enum { PATHS_MAX = 48 };

struct paths {
    struct confine_path list[PATHS_MAX];
    size_t n;
};

static void paths_add(struct paths *p, const struct confine_path *more, size_t n)
{
    for (size_t i = 0; i < n && p->n < PATHS_MAX; i++)
        p->list[p->n++] = more[i];
}

static void trusted_add(struct paths *p)
{
    static const char *const names[] = {"CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"};
    paths_add(p, trusted, sizeof trusted / sizeof trusted[0]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *path = getenv(names[i]);
        if (path != NULL && path[0] != '\0')
            paths_add(p, &(struct confine_path){path, CONFINE_READ}, 1);
    }
}

/* The folders of certificate and key, in which a renewal puts others. Such a name is often a link to a name
 * that changes with each renewal: certbot's live/ leads into archive/. `folders` has room for four. */
static void certificates_add(struct paths *p, const struct pb_config *c, char (*folders)[PATH_MAX])
{
    static const char *const keys[] = {"certificate", "certificate_key"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct config_value *v;
        char target[PATH_MAX];
        if (config_values(c, "server", keys[i], &v, 1) == 0 || !folder_of(v->value, *folders))
            continue;
        paths_add(p, &(struct confine_path){*folders++, CONFINE_READ}, 1);
        if (realpath(v->value, target) != NULL && folder_of(target, *folders))
            paths_add(p, &(struct confine_path){*folders++, CONFINE_READ}, 1);
    }
}

int pb_confine_files(const char *depot, const struct pb_config *c, const char *config_file, int *version,
                     struct pb_error *err)
{
    bool wanted;
    char log[PATH_MAX], config[PATH_MAX], token[PATH_MAX], certificates[4][PATH_MAX];
    const struct config_value *v;
    struct paths paths = {.list = {{depot, CONFINE_READ | CONFINE_WRITE}}, .n = 1};
    *version = 0;
    int rc = sandbox_wanted(c, &wanted, err);
    if (rc < 0 || !wanted)
        return rc;
    paths_add(&paths, always, sizeof always / sizeof always[0]);
    for (size_t i = 0; process_files[i] != NULL; i++)
        paths_add(&paths, &(struct confine_path){process_files[i], CONFINE_READ}, 1);
    if (access(depot, W_OK) != 0) { /* the catalog may have to be copied: depot/database_read.c */
        const char *folder = getenv("TMPDIR");
        paths_add(&paths,
                  &(struct confine_path){folder != NULL ? folder : "/tmp", CONFINE_READ | CONFINE_WRITE}, 1);
    }
    bool to_file = config_values(c, "server", "access_log", &v, 1) > 0 && strcmp(v->value, "-") != 0 &&
                   strcmp(v->value, "off") != 0;
    if (to_file && folder_of(v->value, log))
        paths_add(&paths, &(struct confine_path){log, CONFINE_APPEND}, 1);
    if (config_values(c, "server", "admin_token_file", &v, 1) > 0 && folder_of(v->value, token))
        paths_add(&paths, &(struct confine_path){token, CONFINE_READ}, 1);
    certificates_add(&paths, c, certificates);
    if (config_file != NULL && folder_of(config_file, config))
        paths_add(&paths, &(struct confine_path){config, CONFINE_READ}, 1);
    /* A starting server asks whether those that are on record still answer. Later there are no sockets to
     * connect. */
    struct confine_files files = {.paths = paths.list, .connect = true, .bind = true};
    if (config_connects(c)) {
        paths_add(&paths, resolver, sizeof resolver / sizeof resolver[0]);
        trusted_add(&paths);
    }
    files.n = paths.n;
    return confine_files(&files, version, err);
}

int pb_confine_calls(const struct pb_config *c, void (*refused)(int call), int *enforced,
                     struct pb_error *err)
{
    bool wanted, done = false;
    *enforced = 0;
    int rc = sandbox_wanted(c, &wanted, err);
    if (rc == PB_OK && wanted)
        rc = confine_calls(CONFINE_SERVER, config_connects(c), refused, &done, err);
    *enforced = done;
    return rc;
}
