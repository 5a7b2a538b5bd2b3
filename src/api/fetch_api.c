/* Fetching, put together: patchbay/fetch.h. What a URL names is worked through title by title; fetch_job.c
 * does one. */
#include "patchbay/fetch.h"

#include "api/dialects.h"
#include "api/fetch_job.h"
#include "api/fetch_sized.h"
#include "base/file.h"
#include "base/path.h"
#include "base/sigpipe.h"
#include "fetch/url.h"
#include "install/files.h"
#include "install/records.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 64, ATTEMPTS_MAX = 101, TIMEOUT_MAX = 3600, RATE_LEAST = 1024, HTTPS_PORT = 443 };

/* One call of pb_fetch. */
struct fetching {
    const struct dialect_fetch *dialect;
    const struct pb_fetch_options *options;
    struct fetch_request request;
    unsigned game_port;
    struct arena arena;
    struct workspace workspace;
    struct net *net;
    struct fetch_net documents; /* `net`, as the dialect sees it */
    pb_progress_fn *progress;
    void *arg;
    struct pb_fetch_result *total;
    struct setting_value *values; /* of the dialect's own options */
    struct fetch_installed *installed;
    size_t installed_room;
};

static int scheme_unknown(const char *url, const char *scheme, struct pb_error *err)
{
    char known[200] = "";
    for (size_t i = 0, used = 0; all_dialects[i] != NULL && used < sizeof known; i++) {
        if (all_dialects[i]->fetch != NULL)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "",
                                     all_dialects[i]->name);
    }
    return error_set(err, PB_INVALID, "%s: %s is not a protocol that patchbay fetches by (it knows %s)", url,
                     scheme, known);
}

static const struct setting *option_find(const struct dialect_fetch *d, const char *key)
{
    for (const struct setting *s = d->options; s != NULL && s->key != NULL; s++) {
        if (strcmp(s->key, key) == 0)
            return s;
    }
    return NULL;
}

/* The dialect's own options, as its table has them. */
static int options_take(struct fetching *f, const struct dialect *d, struct pb_error *err)
{
    const struct pb_fetch_options *o = f->options;
    struct setting_value *values = arena_zero(&f->arena, (o->option_count + 1) * sizeof *values);
    if (values == NULL)
        return error_memory(err);
    for (size_t i = 0; i < o->option_count; i++) {
        const struct setting *s = option_find(d->fetch, o->options[i].key);
        if (s == NULL)
            return error_set(err, PB_INVALID, "%s: %s has no option %s", o->url, d->name, o->options[i].key);
        values[i] = (struct setting_value){s->key, o->options[i].value, s->key};
    }
    f->values = values;
    return PB_OK;
}

/* "opensauces" is opensauce over https. A protocol without HTTP has no such form. */
static const struct dialect *dialect_of(const char *scheme, bool *secure)
{
    char plain[32];
    size_t n = strlen(scheme);
    const struct dialect *d = dialect_find(scheme);
    *secure = false;
    if (d != NULL || n < 2 || n > sizeof plain || scheme[n - 1] != 's')
        return d;
    snprintf(plain, sizeof plain, "%.*s", (int)n - 1, scheme);
    d = dialect_find(plain);
    *secure = d != NULL && d->serve_http != NULL;
    return *secure ? d : NULL;
}

/* What libcurl takes; a proxy without a scheme is one for http. */
static int proxy_check(const char *proxy, const struct dialect *d, struct pb_error *err)
{
    static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"};
    const char *end = proxy != NULL ? strstr(proxy, "://") : NULL;
    bool known = end == NULL;
    if (proxy == NULL || proxy[0] == '\0')
        return PB_OK;
    for (size_t i = 0; !known && i < sizeof schemes / sizeof schemes[0]; i++)
        known = slice_equal_nocase((struct slice){proxy, (size_t)(end - proxy)}, slice_of(schemes[i]));
    if (!known)
        return error_set(err, PB_INVALID, "%.*s is not a proxy's protocol (http, https, socks4, socks5)",
                         (int)(end - proxy), proxy);
    return d->serve_http != NULL ? PB_OK
                                 : error_set(err, PB_UNSUPPORTED, "%s goes through no proxy", d->name);
}

static int limits_check(const struct pb_fetch_options *o, struct pb_error *err)
{
    if (o->connections > CONNECTIONS_MAX)
        return error_set(err, PB_INVALID, "more than %d connections", CONNECTIONS_MAX);
    if (o->attempts > ATTEMPTS_MAX)
        return error_set(err, PB_INVALID, "more than %d attempts", ATTEMPTS_MAX);
    if (o->timeout > TIMEOUT_MAX)
        return error_set(err, PB_INVALID, "a timeout of more than %d seconds", TIMEOUT_MAX);
    if (o->rate > 0 && o->rate < RATE_LEAST)
        return error_set(err, PB_INVALID, "a rate of less than %d bytes a second", RATE_LEAST);
    return o->ca_file != NULL && access(o->ca_file, R_OK) != 0
               ? error_errno(err, errno, "certificates: %s", o->ca_file)
               : PB_OK;
}

/* Where the game's own server is. Behind https the port says nothing of it: then it is the game's usual one.
 */
static unsigned game_port(const struct dialect_fetch *d, unsigned port, bool secure)
{
    return secure && d->game_port != 0 ? (unsigned)(d->default_port + d->game_port)
                                       : (unsigned)((int)port + d->game_port);
}

static int request_make(struct fetching *f, struct pb_error *err)
{
    struct url url;
    bool secure;
    const struct pb_fetch_options *o = f->options;
    if (o->url == NULL || o->folder == NULL)
        return error_set(err, PB_INVALID, "the %s is not set", o->url == NULL ? "url" : "folder");
    int rc = url_parse(o->url, &f->arena, &url, err);
    if (rc < 0)
        return rc;
    const struct dialect *d = dialect_of(url.scheme, &secure);
    if (d == NULL || d->fetch == NULL)
        return scheme_unknown(o->url, url.scheme, err);
    rc = limits_check(o, err);
    if (rc == PB_OK)
        rc = proxy_check(o->proxy, d, err);
    if (rc == PB_OK)
        rc = options_take(f, d, err);
    if (rc < 0)
        return rc;
    unsigned port = url.port != 0 ? url.port : secure ? HTTPS_PORT : d->fetch->default_port;
    const char *base = arena_format(&f->arena, "http%s://%s:%u", secure ? "s" : "", url.host, port);
    if (base == NULL)
        return error_memory(err);
    f->dialect = d->fetch;
    f->game_port = game_port(d->fetch, port, secure);
    f->request = (struct fetch_request){.base = base,
                                        .host = url.host,
                                        .port = (uint16_t)port,
                                        .path = url.path,
                                        .mirrors = o->mirrors,
                                        .mirror_count = o->mirror_count,
                                        .password = o->password,
                                        .options = f->values,
                                        .option_count = o->option_count,
                                        .dry_run = o->dry_run != 0,
                                        .repair = o->repair != 0,
                                        .folder = -1,
                                        .staging = -1};
    /* A name that can't be is found out before a folder is made for it. */
    const char *title;
    return url.path[0] != '\0' || f->dialect->expand == NULL
               ? f->dialect->title(&f->request, &f->arena, &title, err)
               : PB_OK;
}

static int installed_add(void *arg, const struct installed *i)
{
    struct fetching *f = arg;
    struct fetch_installed *list =
        arena_grow(&f->arena, f->installed, f->request.installed_count, &f->installed_room, sizeof *list);
    if (list == NULL)
        return 1;
    struct fetch_installed *one = &list[f->request.installed_count++];
    *one = (struct fetch_installed){arena_text(&f->arena, i->title), arena_text(&f->arena, i->version)};
    f->request.installed = f->installed = list;
    return one->title == NULL || one->version == NULL;
}

/* A list that can't be read is one that says nothing. */
static int installed_load(struct fetching *f, struct pb_error *err)
{
    if (f->workspace.home < 0)
        return PB_OK;
    int rc = installed_each(f->workspace.home, installed_add, f, err);
    return rc == PB_CANCELLED || rc == PB_NO_MEMORY ? error_memory(err) : PB_OK;
}

/* What is missing of a folder is made. So where a part of it is "not found", something else has its name:
 * that is the folder's fault, and not that the server has no such title. */
static int folder_fault(struct pb_error *err)
{
    err->status = err->status == PB_NOT_FOUND ? PB_FAILED : err->status;
    return err->status;
}

/* One title, from naming it to clearing its staging away. */
static int title_fetch(struct fetching *f, const char *path, struct pb_fetch_result *result,
                       struct pb_error *err)
{
    char stage[STAGE_NAME_SIZE];
    struct file_records files;
    _cleanup_fd_ int record = -1;
    struct fetch_job job = {.dialect = f->dialect,
                            .options = f->options,
                            .request = f->request,
                            .workspace = &f->workspace,
                            .net = f->net,
                            .documents = f->documents,
                            .progress = f->progress,
                            .arg = f->arg,
                            .result = result};
    *result = (struct pb_fetch_result)PB_INIT(pb_fetch_result);
    job.request.path = path;
    int rc = f->dialect->title(&job.request, &f->arena, &job.title, err);
    if (rc < 0)
        return rc;
    snprintf(result->title, sizeof result->title, "%s", job.title);
    text_clean(result->title);
    rc = workspace_stage_name(job.title, stage, err);
    if (rc == PB_OK && !f->options->dry_run && workspace_stage(&f->workspace, job.title, err) < 0)
        rc = folder_fault(err);
    /* A record that can't be read is like none: then everything is the player's own. */
    struct pb_error ignored;
    if (rc == PB_OK && f->workspace.home >= 0 && files_open(f->workspace.home, stage, &record, &ignored) < 0)
        record = -1;
    file_records_open(&files, record, f->options->repair == 0);
    job.request.files = &files;
    job.request.staging = f->workspace.staging;
    if (rc == PB_OK)
        rc = fetch_job_run(&job, err);
    file_records_close(&files);
    if (rc == PB_OK && !f->options->dry_run)
        workspace_unstage(&f->workspace);
    workspace_stage_end(&f->workspace);
    return rc < 0 ? error_context(err, "fetch %s", job.title) : PB_OK;
}

static void total_add(struct pb_fetch_result *t, const struct pb_fetch_result *r)
{
    struct pb_fetch_result sum = *r;
    sum.unchanged = r->unchanged && (t->titles == 0 || t->unchanged);
    sum.titles += t->titles;
    sum.pieces += t->pieces;
    sum.downloaded += t->downloaded;
    sum.present += t->present;
    sum.bytes += t->bytes;
    sum.kept += t->kept;
    sum.placed += t->placed;
    sum.moved += t->moved;
    sum.linked += t->linked;
    sum.removed += t->removed;
    sum.attic += t->attic;
    memcpy(sum.others, t->others, sizeof sum.others);
    *t = sum;
}

/* Several titles: what is wrong with one does not keep the others from being fetched. */
static int titles_fetch(struct fetching *f, const struct fetch_titles *titles, struct pb_error *err)
{
    struct pb_error fault, all = {0};
    for (size_t i = 0; i < titles->n; i++) {
        struct pb_fetch_result one;
        int rc = title_fetch(f, titles->paths[i], &one, &fault);
        if (rc == PB_OK) {
            total_add(f->total, &one);
            if (f->options->each != NULL)
                f->options->each(f->options->arg, &one);
            continue;
        }
        size_t used = strlen(all.text);
        snprintf(all.text + used, sizeof all.text - used, "%s%.*s", used > 0 ? "; " : "",
                 PB_ERROR_TEXT_MAX / 2, fault.text);
        all.status = all.status == PB_OK ? rc : all.status;
        if (rc == PB_CANCELLED || rc == PB_NO_SPACE || rc == PB_NO_MEMORY)
            break;
    }
    *err = all;
    return all.status;
}

static int everything_fetch(struct fetching *f, struct pb_error *err)
{
    bool several = false;
    struct fetch_titles titles = {0};
    struct net_options options = {.user_agent = f->dialect->user_agent,
                                  .packed = f->dialect->packed,
                                  .connections = f->options->connections,
                                  .attempts = f->options->attempts,
                                  .patience = f->options->timeout,
                                  .rate = f->options->rate,
                                  .ca_file = f->options->ca_file,
                                  .proxy = f->options->proxy,
                                  .progress = f->progress,
                                  .arg = f->arg};
    int rc = net_new(&options, &f->net, err);
    if (rc < 0)
        return rc;
    f->documents = (struct fetch_net){f->net, net_get, net_get_changed, net_polp};
    if (f->workspace.recovered && f->options->notice != NULL)
        f->options->notice(f->options->arg, "", "an install that was broken off was found, and finished");
    f->request.folder = f->workspace.folder;
    rc = installed_load(f, err);
    if (rc == PB_OK && f->dialect->expand != NULL)
        rc = f->dialect->expand(&f->request, &f->documents, &f->arena, &several, &titles, err);
    if (rc < 0)
        return error_context(err, "fetch %s", f->options->url);
    if (!several)
        return title_fetch(f, f->request.path, f->total, err);
    snprintf(f->total->others, sizeof f->total->others, "%s", titles.others != NULL ? titles.others : "");
    text_clean(f->total->others);
    return titles_fetch(f, &titles, err);
}

void pb_fetch_option_keys(pb_fetch_option_fn *fn, void *arg)
{
    for (size_t i = 0; all_dialects[i] != NULL; i++) {
        const struct setting *s = all_dialects[i]->fetch != NULL ? all_dialects[i]->fetch->options : NULL;
        for (; s != NULL && s->key != NULL; s++) {
            struct pb_fetch_option_key key = {all_dialects[i]->name, s->key, s->argument, s->help,
                                              s->repeatable};
            fn(arg, &key);
        }
    }
}

static int fetch(const struct pb_fetch_options *o, pb_progress_fn *progress, void *arg,
                 struct pb_fetch_result *result, struct pb_error *err)
{
    struct sigpipe sigpipe;
    struct fetching f = {.options = o, .progress = progress, .arg = arg, .total = result};
    arena_init(&f.arena, 0);
    int rc = request_make(&f, err);
    enum workspace_mode mode = o->dry_run ? WORKSPACE_DRY : WORKSPACE_MAKE;
    if (rc == PB_OK && workspace_open(o->folder, mode, &f.workspace, err) < 0)
        rc = folder_fault(err);
    if (rc == PB_OK) {
        sigpipe_block(&sigpipe);
        rc = everything_fetch(&f, err);
        net_free(f.net);
        sigpipe_restore(&sigpipe);
        workspace_close(&f.workspace);
        snprintf(result->host, sizeof result->host, "%s", f.request.host);
        result->port = f.request.port;
        result->game_port = f.game_port;
    }
    arena_free(&f.arena);
    return rc;
}

const struct sized fetch_options_sized = SIZED(pb_fetch_options, arg, arg);
const struct sized fetch_result_sized = SIZED(pb_fetch_result, crc32, crc32);

int pb_fetch(const struct pb_fetch_options *options, pb_progress_fn *progress, void *arg,
             struct pb_fetch_result *result, struct pb_error *err)
{
    struct pb_fetch_options o;
    struct pb_fetch_result own = PB_INIT(pb_fetch_result);
    int rc = sized_take(&fetch_options_sized, options, &o, err);
    if (rc == PB_OK)
        rc = sized_check(&fetch_result_sized, result, err);
    if (rc < 0)
        return rc;
    rc = fetch(&o, progress, arg, &own, err);
    sized_give(&fetch_result_sized, &own, result);
    return rc;
}
