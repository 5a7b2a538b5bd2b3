/* Checking a configuration and a depot as a start does, without listening: patchbay/server.h,
 * pb_server_check. */
#include "api/check.h"

#include "api/dialects.h"
#include "depot/catalog.h"
#include "depot/open.h"
#include "depot/state.h"
#include "dialect/compile.h"
#include "serve/engine/tls.h"
#include "serve/live/tokens.h"
#include "serve/report/access_log.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

struct warning {
    pb_server_report_fn *fn; /* may be NULL */
    void *arg;
};

static void warn_of(const struct warning *w, const char *text)
{
    if (w->fn != NULL)
        w->fn(w->arg, text);
}

/* ---- titles ---- */

static int check_title(const struct config_value *v, struct depot *d, const struct warning *w,
                       struct pb_error *err)
{
    enum { TITLE_ROOM = 600 };
    char title[TITLE_ROOM];
    struct slice what;
    uint64_t value;
    int64_t id, live;
    if (config_pair(v, CAP_MAX, &what, &value, err) < 0 || what.n == 0 || what.n >= sizeof title)
        return PB_OK; /* a fault that was found before, or each title */
    snprintf(title, sizeof title, "%.*s", (int)what.n, what.p);
    int rc = catalog_title_find(d->db, title, &id, &live, err);
    if (rc != PB_NOT_FOUND)
        return rc == PB_INVALID ? PB_OK : rc;
    error_context(err, "%s: %s", v->where, v->key);
    warn_of(w, err->text);
    return PB_OK;
}

int check_titles(const struct pb_config *c, struct depot *d, pb_server_report_fn *warn, void *arg,
                 struct pb_error *err)
{
    static const char *const keys[] = {"title_rate", "title_soft_cap", "title_hard_cap"};
    const struct warning w = {warn, arg};
    int rc = PB_OK;
    for (size_t k = 0; rc == PB_OK && k < sizeof keys / sizeof keys[0]; k++) {
        const struct config_value *values[CONFIG_VALUES_MAX];
        size_t n = config_values(c, "server", keys[k], values, CONFIG_VALUES_MAX);
        for (size_t i = 0; rc == PB_OK && i < n; i++)
            rc = check_title(values[i], d, &w, err);
    }
    return rc;
}

void check_titles_report(const struct pb_config *c, const char *depot, pb_server_report_fn *warn, void *arg)
{
    struct depot *d = NULL;
    struct pb_error err;
    int rc = depot_open(depot, &d, &err);
    if (rc == PB_OK)
        rc = check_titles(c, d, warn, arg, &err);
    if (rc < 0)
        warn_of(&(struct warning){warn, arg}, err.text);
    depot_close(d);
}

/* ---- the depot ---- */

static void title_failed(void *arg, const struct site_title *title, const struct pb_error *err)
{
    char text[PB_ERROR_TEXT_MAX + 300];
    snprintf(text, sizeof text, "%s/%s is not served: %s", title->dialect, title->name, err->text);
    warn_of(arg, text);
}

static int check_depot(const struct pb_config *c, const char *depot, const struct serve_settings *settings,
                       struct warning *w, struct pb_error *err)
{
    struct depot *d = NULL;
    struct site *site = NULL;
    struct site_maker maker = dialects_maker(settings->dialects, settings->dialect_settings, title_failed, w);
    int rc = depot_open(depot, &d, err);
    if (rc == PB_OK)
        rc = site_make(d, NULL, true, &maker, &site, err);
    if (rc == PB_OK)
        rc = check_titles(c, d, w->fn, w->arg, err);
    site_release(site);
    depot_close(d);
    return rc;
}

/* ---- all of it ---- */

/* Nothing is made where there is no record yet. */
static bool depot_has_tokens(const char *depot)
{
    struct state *state = NULL;
    struct tokens *tokens = NULL;
    struct pb_error ignored;
    char record[PATH_MAX];
    snprintf(record, sizeof record, "%s/" STATE_FILE, depot);
    bool any = access(record, R_OK) == 0 && state_open(depot, &state, &ignored) == PB_OK &&
               tokens_read(state, &tokens, &ignored) == PB_OK && tokens_any(tokens);
    tokens_release(tokens);
    state_close(state);
    return any;
}

static void certificate_warn(void *arg, const char *text)
{
    warn_of(arg, text);
}

static int check_certificate(const struct config_start *start, const struct serve_settings *settings,
                             struct warning *w, struct pb_error *err)
{
    struct tls *tls = NULL;
    struct tls_counts counts = {0};
    struct tls_files files = {settings->tls.certificate, settings->tls.key};
    bool wanted = false;
    for (size_t i = 0; i < start->listen_count; i++)
        wanted |= start->listen[i].tls;
    int rc = wanted && files.certificate != NULL ? tls_new(&files, &counts, certificate_warn, w, &tls, err)
                                                 : PB_OK;
    tls_free(tls);
    return rc;
}

/* The addresses, and where the log goes. */
static int check_start(const struct pb_config *c, const struct config_start *start, const char *depot,
                       const struct serve_settings *settings, struct warning *w, struct pb_error *err)
{
    int rc = PB_OK;
    bool tokens = depot_has_tokens(depot);
    for (size_t i = 0; rc == PB_OK && i < start->listen_count; i++)
        rc = config_wrong(c, server_address_check(&start->listen[i], settings, tokens, err), err);
    if (rc == PB_OK)
        rc = config_wrong(c, check_certificate(start, settings, w, err), err);
    if (rc == PB_OK && start->access_log != NULL)
        rc = config_wrong(c, access_log_check(start->access_log, err), err);
    return rc;
}

int pb_server_check(const char *depot, const struct pb_config *c, pb_server_report_fn *warn, void *arg,
                    struct pb_error *err)
{
    struct config_start start;
    struct serve_settings *settings = NULL;
    struct warning w = {warn, arg};
    int rc = config_start(c, &start, err);
    if (rc == PB_OK)
        rc = config_settings(c, &settings, err);
    if (rc == PB_OK)
        rc = check_start(c, &start, depot, settings, &w, err);
    if (rc == PB_OK)
        rc = config_wrong(c, check_depot(c, depot, settings, &w, err), err);
    settings_release(settings);
    return rc;
}
