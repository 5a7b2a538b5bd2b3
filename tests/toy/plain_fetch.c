/* The client's side: the list becomes a plan. */
#include "plain.h"

#include "base/file.h"
#include "base/tree.h"
#include "dialect/options.h"

static int fetch_title(const struct fetch_request *q, struct arena *a, const char **title,
                       struct pb_error *err)
{
    const char *why;
    if (!path_name_ok(slice_of(q->path), &why))
        return error_set(err, PB_INVALID, "\"%.200s\" %s; the form is plain://HOST/NAME", q->path, why);
    *title = arena_format(a, PLAIN_DIALECT "/%s", q->path);
    return *title == NULL ? error_memory(err) : PB_OK;
}

/* ---- the plan ---- */

struct planning {
    const struct fetch_request *q;
    const char *source;
    struct fetch_plan *plan;
    struct plain_list list;
    struct tree tree;
    size_t room;
};

static const char *url_of(struct planning *p, const char *path)
{
    _cleanup_buffer_ struct buffer url;
    buffer_init(&url, 8 * PATH_RELATIVE_MAX);
    buffer_format(&url, "%s/" PLAIN_DIALECT "/", p->source);
    percent_encode(&url, slice_of(p->q->path), false);
    buffer_text(&url, "/");
    percent_encode(&url, slice_of(path), true);
    return url.failed ? NULL : arena_copy(&p->plan->arena, url.p, url.n);
}

/* 1: the player has the file with these bytes; 0: not. *seen says what is there. */
static int is_there(struct planning *p, const struct plain_file *f, struct fetch_seen *seen,
                    struct pb_error *err)
{
    struct stat st;
    struct digest_result r;
    uint64_t size;
    _cleanup_fd_ int fd = -1;
    int there = tree_stat(&p->tree, f->path, &st, err);
    if (there == 1)
        fetch_seen_set(seen, &st);
    if (there != 1 || !S_ISREG(st.st_mode))
        return there < 0 ? there : 0;
    int rc = tree_open(&p->tree, f->path, &fd, &size, err);
    if (rc == PB_OK)
        rc = digest_file(DIGEST_SHA256, fd, &r, err);
    return rc < 0 ? rc : memcmp(&r.sha256, &f->sha256, sizeof r.sha256) == 0;
}

static int file_plan(struct planning *p, const struct plain_file *f, struct pb_error *err)
{
    char hex[SHA256_HEX + 1];
    struct fetch_seen seen = {0};
    int there = is_there(p, f, &seen, err);
    if (there < 0)
        return there;
    struct fetch_step *s = fetch_step_add(p->plan, &p->room);
    if (s == NULL)
        return error_memory(err);
    *s = (struct fetch_step){.action = there ? FETCH_KEEP : FETCH_PLACE, .path = f->path, .seen = seen};
    if (there)
        return PB_OK;
    hex_encode(&f->sha256, sizeof f->sha256, hex);
    s->staged = arena_format(&p->plan->arena, "%s.%zu", hex, (size_t)(f - p->list.files));
    struct fetch_piece *piece = &p->plan->pieces[p->plan->piece_count++];
    *piece = (struct fetch_piece){.name = f->path,
                                  .url = url_of(p, f->path),
                                  .staged = s->staged,
                                  .size = FETCH_SIZE_UNKNOWN,
                                  .ceiling = PLAIN_FILE_MAX};
    return piece->url == NULL || s->staged == NULL ? error_memory(err) : PB_OK;
}

static int list_read(struct planning *p, const struct fetch_net *net, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer text;
    struct arena *a = &p->plan->arena;
    const char *url = url_of(p, PLAIN_LIST);
    buffer_init(&text, PLAIN_LIST_MAX);
    int rc = url == NULL ? error_memory(err) : net->get(net->arg, url, &text, err);
    if (rc == PB_OK)
        rc = plain_list_parse((struct slice){text.p, text.n}, a, &p->list, err);
    p->plan->pieces = arena_zero(a, (p->list.n + 1) * sizeof *p->plan->pieces);
    return rc == PB_OK && p->plan->pieces == NULL ? error_memory(err) : rc;
}

static int fetch_make_plan(const struct fetch_request *q, const struct fetch_net *net, const char *source,
                           struct fetch_plan *plan, struct pb_error *err)
{
    struct planning p = {.q = q, .source = source, .plan = plan};
    const char *only = fetch_option(q, "only");
    int rc = list_read(&p, net, err);
    tree_start(&p.tree, q->folder);
    for (size_t i = 0; rc == PB_OK && i < p.list.n; i++) {
        if (only == NULL || strcmp(only, p.list.files[i].path) == 0)
            rc = file_plan(&p, &p.list.files[i], err);
    }
    tree_end(&p.tree);
    if (rc == PB_OK && plan->step_count == 0)
        rc = error_set(err, PB_NOT_FOUND, "%s: is not in " PLAIN_LIST, only);
    return rc == PB_OK ? fetch_plan_folders(plan, &p.room, q->folder, err) : rc;
}

/* ---- pieces ---- */

/* Its name in staging begins with the SHA-256 that it must have. */
static int fetch_accept(const struct fetch_request *q, const struct fetch_plan *plan,
                        const struct fetch_piece *piece, struct pb_error *err)
{
    struct sha256 wanted;
    struct digest_result r;
    uint64_t size;
    _cleanup_fd_ int fd = -1;
    (void)plan;
    int rc = file_open_regular(q->staging, piece->staged, false, &fd, &size, err);
    if (rc == PB_OK)
        rc = digest_file(DIGEST_SHA256, fd, &r, err);
    if (rc == PB_OK && (!hex_decode((struct slice){piece->staged, SHA256_HEX}, &wanted, sizeof wanted) ||
                        memcmp(&r.sha256, &wanted, sizeof wanted) != 0))
        rc = error_set(err, PB_DAMAGED, "%s: its SHA-256 is not the one in " PLAIN_LIST, piece->name);
    return rc;
}

static const struct setting options[] = {
    {"only", "PATH", "fetch this file alone", false},
    {NULL, NULL, NULL, false},
};

const struct dialect_fetch plain_fetch = {
    .options = options,
    .default_port = 2303,
    .user_agent = "patchbay",
    .title = fetch_title,
    .plan = fetch_make_plan,
    .accept = fetch_accept,
};
