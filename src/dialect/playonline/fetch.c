/* The client's way: newest version, patch.cfg, what differs, in chunks. */
#include "codec/slc.h"
#include "dialect/options.h"
#include "dialect/playonline/playonline.h"
#include "dialect/playonline/update.h"

#include <stdio.h>

static int fetch_title(const struct fetch_request *q, struct arena *a, const char **title,
                       struct pb_error *err)
{
    struct polp_id app, hardware;
    if (!po_title_parse(slice_of(q->path), &app, &hardware))
        return error_set(err, PB_INVALID,
                         "\"%.100s\" is not APP@HW; the form is playonline://HOST:PORT/1000@W2U", q->path);
    *title = arena_format(a, PO_DIALECT "/%s", q->path);
    return *title == NULL ? error_memory(err) : PB_OK;
}

static int fetch_sources(const struct fetch_request *q, const struct fetch_net *net, unsigned round,
                         struct arena *a, struct fetch_sources *out, struct pb_error *err)
{
    (void)net;
    out->n = 0;
    out->list = arena_zero(a, sizeof *out->list);
    if (out->list == NULL)
        return error_memory(err);
    if (round > 0)
        return PB_OK;
    out->list[out->n++] = arena_format(a, "polp://%s:%u/%s", q->host, q->port, q->path);
    return out->list[0] == NULL ? error_memory(err) : PB_OK;
}

/* ---- newest ---- */

static const char *version_installed(const struct update *u)
{
    for (size_t i = 0; i < u->q->installed_count; i++) {
        if (strcmp(u->q->installed[i].title, u->plan->title) == 0)
            return u->q->installed[i].version;
    }
    return "";
}

static int newest_ask(struct update *u, const char *source, const char *installed, struct polp_newest *out,
                      struct pb_error *err)
{
    _cleanup_buffer_ struct buffer reply;
    struct slice version = slice_of(installed);
    struct polp_request r = {.opcode = POLP_NEWEST,
                             .hardware = u->hardware,
                             .application = u->application,
                             .version = {version.p, version.n <= POLP_VERSION ? version.n : 0}};
    buffer_init(&reply, POLP_NEWEST_REPLY_MAX);
    int rc = u->net->polp(u->net->arg, source, &r, &reply, err);
    if (rc < 0)
        return error_context(err, "the newest version");
    if (!polp_newest_parse((struct slice){reply.p + POLP_HEADER, reply.n - POLP_HEADER}, out) ||
        !po_version_ok(slice_of(out->version)))
        return error_set(err, PB_INVALID, "the server's word about the newest version makes no sense");
    return PB_OK;
}

/* The address that all further requests go to. "0.0.0.0" is none. */
static int address_follow(struct update *u, const char *source, const struct polp_newest *newest,
                          struct pb_error *err)
{
    const char *host = newest->status[1];
    bool dotted =
        host[0] != '\0' && strspn(host, "0123456789.") == strlen(host) && strcmp(host, "0.0.0.0") != 0;
    u->address = fetch_option(u->q, "no_follow") != NULL || !dotted
                     ? source
                     : arena_format(&u->plan->arena, "polp://%s:%u/%s", host, u->q->port, u->q->path);
    return u->address == NULL ? error_memory(err) : PB_OK;
}

/* ---- patch.cfg ---- */

static int config_get(struct update *u, struct buffer *text, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer reply;
    struct polp_request r = {.opcode = POLP_STATUS, .hardware = u->hardware, .application = u->application};
    buffer_init(&reply, PO_CONFIG_MAX + POLP_HEADER + 1);
    text->n = 0;
    int rc = u->net->polp(u->net->arg, u->address, &r, &reply, err);
    if (rc == PB_OK)
        rc = child_convert(slc_unpack_bytes, (struct slice){reply.p + POLP_HEADER, reply.n - POLP_HEADER},
                           text, err);
    return rc < 0 ? error_context(err, PO_CONFIG) : PB_OK;
}

/* patch.cfg, and the version that it belongs to: another may be published in between. */
static int config_of_version(struct update *u, struct buffer *text, struct pb_error *err)
{
    enum { TRIES = 3 };
    struct polp_newest after;
    for (int i = 0; i < TRIES; i++) {
        int rc = config_get(u, text, err);
        if (rc == PB_OK)
            rc = newest_ask(u, u->address, u->plan->version, &after, err);
        if (rc < 0)
            return rc;
        if (strcmp(after.version, u->plan->version) == 0)
            return PB_OK;
        u->plan->version = arena_text(&u->plan->arena, after.version);
        if (u->plan->version == NULL)
            return error_memory(err);
    }
    return error_set(err, PB_NETWORK, "the server's newest version changes all the time");
}

/* The text of the list is gone when files are looked at. */
static int list_get(struct update *u, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, PO_CONFIG_MAX);
    int rc = config_of_version(u, &text, err);
    if (rc < 0)
        return rc;
    rc = update_list(u, (struct slice){text.p, text.n}, err);
    return rc < 0 ? error_context(err, PO_CONFIG) : PB_OK;
}

static int fetch_make_plan(const struct fetch_request *q, const struct fetch_net *net, const char *source,
                           struct fetch_plan *plan, struct pb_error *err)
{
    struct polp_newest newest;
    struct update *u = arena_zero(&plan->arena, sizeof *u);
    if (u == NULL)
        return error_memory(err);
    *u = (struct update){.q = q, .net = net, .plan = plan, .unpacker = {CHILD_NONE, po_sum_a}};
    po_title_parse(slice_of(q->path), &u->application, &u->hardware);
    const char *installed = version_installed(u);
    int rc = newest_ask(u, source, installed, &newest, err);
    if (rc < 0)
        return rc;
    plan->dialect = u;
    plan->version = arena_text(&plan->arena, newest.version);
    if (plan->version == NULL)
        return error_memory(err);
    plan->up_to_date = po_version_compare(installed, newest.version) == 0 && !q->repair;
    if (plan->up_to_date)
        return PB_OK;
    rc = file_records_load(q->files, err);
    if (rc == PB_OK)
        rc = address_follow(u, source, &newest, err);
    if (rc == PB_OK)
        rc = list_get(u, err);
    return rc == PB_OK ? update_compare(u, err) : rc;
}

static const struct setting options[] = {
    {"no_follow", NULL, "stay at this host, whatever address it hands out", false},
    {"any_checksum", NULL, "do not compare the second checksum", false},
    {NULL, NULL, NULL, false},
};

const struct dialect_fetch playonline_fetch = {
    .options = options,
    .default_port = PO_DEFAULT_PORT,
    .user_agent = "patchbay",
    .title = fetch_title,
    .sources = fetch_sources,
    .plan = fetch_make_plan,
    .accept = update_accept,
    .assemble = update_assemble,
    .plan_end = update_end,
};
