/* The client's way: newest version, patch.cfg, what differs, in chunks. */
#include "base/file.h"
#include "base/tree.h"
#include "codec/slc.h"
#include "dialect/options.h"
#include "dialect/playonline/pack.h"
#include "dialect/playonline/playonline.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

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

/* A plan under way. */
struct updating {
    const struct fetch_request *q;
    const struct fetch_net *net;
    struct fetch_plan *plan;
    const char *address; /* where to ask, as the newest reply says */
    struct polp_id application, hardware;
    struct po_config config;
    const struct po_line **lines; /* for each step */
    size_t room, lines_room;
};

/* ---- newest ---- */

static const char *version_installed(const struct updating *u)
{
    for (size_t i = 0; i < u->q->installed_count; i++) {
        if (strcmp(u->q->installed[i].title, u->plan->title) == 0)
            return u->q->installed[i].version;
    }
    return u->q->installed_version != NULL ? u->q->installed_version : "";
}

static int newest_ask(struct updating *u, const char *source, const char *installed, struct polp_newest *out,
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
static int address_follow(struct updating *u, const char *source, const struct polp_newest *newest,
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

static int config_get(struct updating *u, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer reply, text;
    struct polp_request r = {.opcode = POLP_STATUS, .hardware = u->hardware, .application = u->application};
    buffer_init(&reply, PO_CONFIG_MAX + POLP_HEADER + 1);
    buffer_init(&text, PO_CONFIG_MAX);
    int rc = u->net->polp(u->net->arg, u->address, &r, &reply, err);
    if (rc == PB_OK)
        rc = slc_unpack_bytes((struct slice){reply.p + POLP_HEADER, reply.n - POLP_HEADER}, &text, err);
    if (rc == PB_OK)
        rc = po_config_parse((struct slice){text.p, text.n}, &u->plan->arena, &u->config, err);
    return rc < 0 ? error_context(err, PO_CONFIG) : PB_OK;
}

/* patch.cfg, and the version that it belongs to: another may be published in between. */
static int config_of_version(struct updating *u, struct pb_error *err)
{
    enum { TRIES = 3 };
    struct polp_newest after;
    for (int i = 0; i < TRIES; i++) {
        int rc = config_get(u, err);
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

/* ---- files ---- */

static bool sums_match(const struct fetch_request *q, const struct po_sums *s, const struct po_line *l)
{
    return s->size == l->local_size && s->a == l->sum_a &&
           (s->b == l->sum_b || fetch_option(q, "any_checksum") != NULL);
}

static int file_plan(struct updating *u, struct tree *tree, const struct po_file *f, struct pb_error *err)
{
    const struct po_line *l = po_file_winner(f);
    struct stat st;
    uint64_t size;
    struct po_sums sums;
    _cleanup_fd_ int fd = -1;
    if (l == NULL)
        return PB_OK; /* nothing that we understand */
    struct fetch_step step = {.action = FETCH_PLACE, .path = f->path, .size = l->local_size};
    int there = tree_stat(tree, f->path, &st, err);
    if (there < 0)
        return there;
    if (there == 1)
        fetch_seen_set(&step.seen, &st);
    if (there == 1 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == l->local_size) {
        int rc = tree_open(tree, f->path, &fd, &size, err);
        if (rc == PB_OK)
            rc = po_sums_of(fd, NULL, &sums, err);
        if (rc < 0)
            return rc;
        if (sums_match(u->q, &sums, l))
            step.action = FETCH_KEEP;
    }
    struct fetch_step *s = fetch_step_add(u->plan, &u->room);
    u->lines =
        arena_grow(&u->plan->arena, u->lines, u->plan->step_count - 1, &u->lines_room, sizeof *u->lines);
    if (s == NULL || u->lines == NULL)
        return error_memory(err);
    *s = step;
    u->lines[u->plan->step_count - 1] = l;
    return PB_OK;
}

/* What a line promises, as a name in staging: its file on the server, and all its numbers. */
static const char *staged_name(struct arena *a, const struct po_line *l)
{
    char text[PATH_RELATIVE_MAX + 100], hex[MD5_HEX + 1];
    struct digest_result r;
    int n = snprintf(text, sizeof text, "%s %u %u %d %d", l->direct, l->direct_size, l->local_size, l->sum_a,
                     l->sum_b);
    if (n < 0 || digest_bytes(DIGEST_MD5, text, (size_t)n, &r, NULL) < 0)
        return NULL;
    hex_encode(r.md5.bytes, sizeof r.md5.bytes, hex);
    return arena_text(a, hex);
}

static int piece_add(struct updating *u, struct fetch_step *s, const struct po_line *l, struct pb_error *err)
{
    struct arena *a = &u->plan->arena;
    struct fetch_piece *p = &u->plan->pieces[u->plan->piece_count++];
    /* Two files may be the same on the server: each has its own copy here. */
    const char *name = staged_name(a, l);
    s->staged = name != NULL ? arena_format(a, "%s.%zu", name, (size_t)(s - u->plan->steps)) : NULL;
    *p = (struct fetch_piece){.name = s->path,
                              .url = arena_format(a, "%s/%s", u->address, l->direct),
                              .staged = s->staged != NULL ? arena_format(a, "%s.slc", s->staged) : NULL,
                              .size = l->direct_size};
    if (p->url == NULL || p->staged == NULL)
        return error_memory(err);
    /* No way of compressing that there is makes more of it: a mode byte, a size, nine bits for eight. */
    if (l->direct_size == 0 || l->direct_size > (uint64_t)l->local_size + l->local_size / 8 + 1024)
        return error_set(err, PB_INVALID, "%s: %u bytes on the server for a file of %u make no sense",
                         s->path, l->direct_size, l->local_size);
    u->plan->download += l->direct_size;
    u->plan->unpacked += l->local_size;
    return PB_OK;
}

static int files_plan(struct updating *u, struct pb_error *err)
{
    int rc = PB_OK;
    _cleanup_tree_ struct tree tree;
    tree_start(&tree, u->q->folder);
    for (size_t i = 0; rc == PB_OK && i < u->config.n; i++) {
        if (u->config.files[i].path != NULL)
            rc = file_plan(u, &tree, &u->config.files[i], err);
    }
    size_t files = u->plan->step_count;
    if (rc == PB_OK && files == 0)
        rc = error_set(err, PB_INVALID, PO_CONFIG " names no file");
    u->plan->pieces = arena_zero(&u->plan->arena, (files + 1) * sizeof *u->plan->pieces);
    if (rc == PB_OK && u->plan->pieces == NULL)
        rc = error_memory(err);
    for (size_t i = 0; rc == PB_OK && i < files; i++) {
        if (u->plan->steps[i].action == FETCH_PLACE)
            rc = piece_add(u, &u->plan->steps[i], u->lines[i], err);
    }
    return rc == PB_OK ? fetch_plan_folders(u->plan, &u->room, u->q->folder, err) : rc;
}

static int fetch_make_plan(const struct fetch_request *q, const struct fetch_net *net, const char *source,
                           struct fetch_plan *plan, struct pb_error *err)
{
    struct polp_newest newest;
    struct updating *u = arena_zero(&plan->arena, sizeof *u);
    if (u == NULL)
        return error_memory(err);
    *u = (struct updating){.q = q, .net = net, .plan = plan, .config.arena = &plan->arena};
    po_title_parse(slice_of(q->path), &u->application, &u->hardware);
    const char *installed = version_installed(u);
    int rc = newest_ask(u, source, installed, &newest, err);
    if (rc < 0)
        return rc;
    plan->dialect = u;
    plan->version = arena_text(&plan->arena, newest.version);
    if (plan->version == NULL)
        return error_memory(err);
    plan->up_to_date =
        po_version_compare(installed, newest.version) == 0 && fetch_option(q, "repair") == NULL;
    if (plan->up_to_date)
        return PB_OK;
    rc = address_follow(u, source, &newest, err);
    if (rc == PB_OK)
        rc = config_of_version(u, err);
    return rc == PB_OK ? files_plan(u, err) : rc;
}

/* ---- making files ---- */

struct sink {
    int fd;
    uint64_t size, most;
    uint32_t a;
    struct digest digest;
};

static int sink_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct sink *s = arg;
    if (n > s->most - s->size)
        return error_set(err, PB_DAMAGED, "it unpacks to more than the %llu bytes announced",
                         (unsigned long long)s->most);
    s->size += n;
    s->a = po_sum_a(s->a, p, n);
    digest_add(&s->digest, p, n);
    return file_write(s->fd, p, n, err);
}

static int sums_check(const struct fetch_request *q, const struct po_sums *sums, const struct po_line *l,
                      struct pb_error *err)
{
    if (sums_match(q, sums, l))
        return PB_OK;
    if (sums->size == l->local_size && sums->a == l->sum_a)
        return error_set(
            err, PB_DAMAGED,
            "its second checksum is not the file's (--any-checksum takes what such a server says)");
    return error_set(err, PB_DAMAGED, "its size or checksum is not that in " PO_CONFIG);
}

static int piece_unpack(const struct fetch_request *q, const struct fetch_piece *piece, const char *staged,
                        const struct po_line *l, struct pb_error *err)
{
    uint64_t size;
    struct digest_result r = {0};
    struct sink s = {.fd = -1, .most = l->local_size};
    _cleanup_fd_ int from = -1, to = -1;
    int rc = file_open_regular(q->staging, piece->staged, false, &from, &size, err);
    if (rc < 0)
        return rc;
    unlinkat(q->staging, staged, 0);
    to = s.fd = openat(q->staging, staged, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (to < 0)
        return error_errno(err, errno, "staging: %s", staged);
    rc = digest_start(&s.digest, DIGEST_MD5, err);
    if (rc == PB_OK)
        rc = slc_unpack(from, sink_add, &s, err);
    digest_finish(&s.digest, &r);
    struct po_sums sums = {s.size, (int32_t)s.a, po_sum_b(&r.md5)};
    if (rc == PB_OK)
        rc = sums_check(q, &sums, l, err);
    if (rc < 0)
        unlinkat(q->staging, staged, 0);
    return rc < 0 ? error_context(err, "%s", piece->name) : PB_OK;
}

/* Pieces and steps with a line to them are in the same order; a piece's name in staging ends with its step's
 * number. */
static int fetch_accept(const struct fetch_request *q, const struct fetch_plan *plan,
                        const struct fetch_piece *piece, struct pb_error *err)
{
    const struct updating *u = plan->dialect;
    size_t step = strtoul(piece->staged + MD5_HEX + 1, NULL, 10);
    return piece_unpack(q, piece, plan->steps[step].staged, u->lines[step], err);
}

static int fetch_assemble(const struct fetch_request *q, struct fetch_plan *plan, pb_progress_fn *progress,
                          void *arg, struct pb_error *err)
{
    (void)q, (void)plan, (void)progress, (void)arg, (void)err; /* every file was made as its piece arrived */
    return PB_OK;
}

static const struct setting options[] = {
    {"repair", NULL, "look at every file, even where the version is the newest", false},
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
    .accept = fetch_accept,
    .assemble = fetch_assemble,
};
