/* Running a server: patchbay/server.h. */
#include "api/check.h"
#include "api/config.h"
#include "api/dialects.h"
#include "api/publish_calls.h"
#include "api/repair.h"
#include "depot/open.h"

#include <errno.h>

struct pb_server {
    struct server *server;
    struct repair *repair; /* NULL: nothing to repair from */
    size_t addresses;
    char *start; /* what it was started with, as text: start_text */
    char *depot;
    pb_server_report_fn *report;
    void *report_arg;
};

/* All that can't change while a server runs, in one comparable text; free() it. NULL when memory is out. */
static char *start_text(const struct config_start *s)
{
    enum { TEXT_MAX = 16 * 1024 };
    struct buffer text;
    buffer_init(&text, TEXT_MAX);
    buffer_format(&text, "%u %s %d", s->threads, s->access_log != NULL ? s->access_log : "off", s->publish);
    for (size_t i = 0; i < s->listen_count; i++) {
        char address[80];
        listen_address_text(&s->listen[i].address, address, sizeof address);
        buffer_format(&text, " %s%s %s%s", s->listen[i].protocol->name, s->listen[i].tls ? "+tls" : "",
                      address, s->listen[i].proxy_header ? " PROXY" : "");
    }
    for (size_t i = 0; i < s->mirror_count; i++)
        buffer_format(&text, " %s", s->mirrors[i]);
    return text.p;
}

/* What earlier versions of patchbay stored wrong is mended before it is served. A depot that can't be written
 * is served as it is. */
static int depot_mend(const char *path, pb_server_report_fn *report, void *arg, struct pb_error *err)
{
    struct depot *d = NULL;
    int rc = depot_open(path, &d, err);
    for (size_t i = 0; rc == PB_OK && all_dialects[i] != NULL; i++) {
        struct pb_error fault;
        if (all_dialects[i]->mend != NULL && all_dialects[i]->mend(d, report, arg, &fault) < 0 &&
            report != NULL)
            report(arg, fault.text);
    }
    depot_close(d);
    return rc;
}

int pb_server_start(const char *depot, const struct pb_config *config, int own_loop,
                    pb_server_report_fn *report, void *arg, struct pb_server **out, struct pb_error *err)
{
    struct config_start start;
    struct serve_settings *settings;
    struct pb_server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return error_memory(err);
    int rc = config_start(config, &start, err);
    if (rc == PB_OK)
        rc = depot_mend(depot, report, arg, err);
    if (rc == PB_OK && !own_loop)
        rc = repair_start(depot, &start, report, arg, &s->repair, err);
    if (rc == PB_OK)
        rc = config_settings(config, &settings, err);
    if (rc == PB_OK) {
        struct server_options o = {.depot = depot,
                                   .listen = start.listen,
                                   .listen_count = start.listen_count,
                                   .threads = own_loop ? 0 : start.threads,
                                   .access_log = start.access_log,
                                   .publish = start.publish ? &publish_calls : NULL,
                                   .report = report,
                                   .report_arg = arg,
                                   .damage = {s->repair != NULL ? repair_damaged : NULL, s->repair}};
        rc = server_start(&o, settings, &s->server, err);
    }
    s->start = rc == PB_OK ? start_text(&start) : NULL;
    s->depot = strdup(depot);
    if (rc == PB_OK && (s->start == NULL || s->depot == NULL))
        rc = error_memory(err);
    if (rc < 0) {
        pb_server_free(s);
        return rc;
    }
    s->addresses = start.listen_count;
    s->report = report;
    s->report_arg = arg;
    check_titles_report(config, depot, report, arg);
    *out = s;
    return PB_OK;
}

int pb_server_address(const struct pb_server *s, size_t n, char *text, size_t room)
{
    if (n >= s->addresses)
        return PB_NOT_FOUND;
    server_address(s->server, n, text, room);
    return PB_OK;
}

const char *pb_server_protocol(const struct pb_server *s, size_t n)
{
    return n < s->addresses ? server_protocol(s->server, n) : NULL;
}

unsigned pb_server_room(const struct pb_server *s)
{
    return server_room(s->server);
}

int pb_server_reload(struct pb_server *s, const struct pb_config *config, struct pb_error *err)
{
    struct config_start start = {0};
    struct serve_settings *settings = NULL;
    int rc = config_start(config, &start, err);
    if (rc == PB_OK)
        rc = config_settings(config, &settings, err);
    if (rc < 0)
        return rc;
    _cleanup_free_ char *text = start_text(&start);
    if (s->report != NULL && text != NULL && strcmp(text, s->start) != 0)
        s->report(s->report_arg, "changed addresses, threads, access_log, publish and repair_from are used "
                                 "from the next start on");
    rc = server_reload(s->server, settings, err);
    if (rc == PB_OK)
        check_titles_report(config, s->depot, s->report, s->report_arg);
    return rc;
}

const char *pb_server_illness(const struct pb_server *s)
{
    return server_illness(s->server);
}

void pb_server_stop(struct pb_server *s)
{
    int before = errno; /* of whatever a signal has interrupted */
    server_stop(s->server);
    errno = before;
}

void pb_server_free(struct pb_server *s)
{
    if (s == NULL)
        return;
    server_free(s->server); /* which no longer tells of damage then */
    repair_stop(s->repair);
    free(s->start);
    free(s->depot);
    free(s);
}

int pb_server_fd(const struct pb_server *s)
{
    return server_fd(s->server);
}

int pb_server_step(struct pb_server *s)
{
    return server_step(s->server);
}
