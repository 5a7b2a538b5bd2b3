/* The plan of an upgrade: what differs is downloaded, packed where that is offered; the rest stays. */
#include "base/file.h"
#include "dialect/escape/fetch.h"

#include <unistd.h>

struct upgrading {
    const struct fetch_request *q;
    const char *source, *platform;
    struct fetch_plan *plan;
    struct es_upgrade list;
    struct tree tree;
    size_t room;        /* of the plan's steps */
    const char *folder; /* the one that was made last */
};

/* ---- versions ---- */

/* The version of this platform's game that is installed. 1 known, 0 not. */
static int installed_version(const struct upgrading *u, uint64_t *out, struct pb_error *err)
{
    const struct fetch_request *q = u->q;
    if (q->installed_version != NULL)
        return slice_to_u64(slice_of(q->installed_version), UINT64_MAX, out)
                   ? 1
                   : error_set(err, PB_INVALID, "the installed version is a number, not %s",
                               q->installed_version);
    for (size_t i = 0; i < q->installed_count; i++) {
        if (strcmp(q->installed[i].title, u->plan->title) == 0)
            return slice_to_u64(slice_of(q->installed[i].version), UINT64_MAX, out);
    }
    return 0;
}

static int version_check(struct upgrading *u, struct pb_error *err)
{
    const struct es_upgrade *l = &u->list;
    uint64_t have = 0;
    int known = installed_version(u, &have, err);
    if (known < 0)
        return known;
    if (known && have < l->oldest)
        return error_set(
            err, PB_DENIED,
            "version %llu is too old to be upgraded (the oldest that can be is %llu): get the whole game",
            (unsigned long long)have, (unsigned long long)l->oldest);
    if (known && have != l->version)
        u->plan->advice = have < l->recommended ? "recommended" : "optional";
    u->plan->note = l->note;
    u->plan->version = arena_format(&u->plan->arena, "%llu", (unsigned long long)l->version);
    return u->plan->version == NULL ? error_memory(err) : PB_OK;
}

/* ---- steps ---- */

static struct fetch_step *step_add(struct upgrading *u, enum fetch_action action, const char *path)
{
    struct fetch_step *s = fetch_step_add(u->plan, &u->room);
    if (s != NULL)
        *s = (struct fetch_step){.action = action, .path = path};
    return s;
}

/* Folders above the path that are not there yet. */
static int folders_add(struct upgrading *u, const char *path, struct pb_error *err)
{
    struct stat st;
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        const char *above = arena_copy(&u->plan->arena, path, (size_t)(slash - path));
        if (above == NULL)
            return error_memory(err);
        size_t n = strlen(above);
        bool just_made = u->folder != NULL && strncmp(u->folder, above, n) == 0 &&
                         (u->folder[n] == '\0' || u->folder[n] == '/');
        int there = just_made ? 1 : tree_stat(&u->tree, above, &st, err);
        if (there < 0)
            return there;
        if (there == 1)
            continue;
        if (step_add(u, FETCH_FOLDER, above) == NULL)
            return error_memory(err);
        u->folder = above;
    }
    return PB_OK;
}

/* Is the file there, with these bytes? Notes what is there. */
static int file_compare(struct upgrading *u, const struct es_file *f, struct fetch_step *s, struct stat *st,
                        bool *same, struct pb_error *err)
{
    uint64_t size;
    struct digest_result r;
    _cleanup_fd_ int fd = -1;
    *same = false;
    int there = tree_stat(&u->tree, f->path, st, err);
    if (there != 1)
        return there;
    fetch_seen_set(&s->seen, st);
    if (!S_ISREG(st->st_mode))
        return PB_OK;
    int rc = tree_open(&u->tree, f->path, &fd, &size, err);
    if (rc == PB_OK)
        rc = digest_file(DIGEST_MD5, fd, &r, err);
    if (rc < 0)
        return rc;
    *same = md5_equal(&r.md5, &f->md5);
    return PB_OK;
}

static bool is_program(const char *path)
{
    return slice_ends_nocase(slice_of(path), slice_of(".exe"));
}

static int file_plan(struct upgrading *u, const struct es_file *f, struct pb_error *err)
{
    bool same;
    struct stat st = {0};
    struct fetch_step step = {.path = f->path, .md5 = f->md5};
    int rc = file_compare(u, f, &step, &st, &same, err);
    if (rc == PB_OK)
        rc = same ? PB_OK : folders_add(u, f->path, err);
    struct fetch_step *s = rc == PB_OK ? step_add(u, FETCH_KEEP, f->path) : NULL;
    if (s == NULL)
        return rc < 0 ? rc : error_memory(err);
    step.action = same ? FETCH_KEEP : FETCH_PLACE;
    step.size = same ? (uint64_t)st.st_size : 0;
    step.executable = is_program(f->path) && !(same && (st.st_mode & 0100) != 0);
    *s = step;
    return PB_OK;
}

static int link_plan(struct upgrading *u, const struct es_file *f, struct pb_error *err)
{
    char target[PATH_RELATIVE_MAX + 2];
    struct stat st;
    struct fetch_seen seen = {0};
    bool same = false;
    int folder, there = tree_stat(&u->tree, f->path, &st, err);
    const char *base;
    if (there < 0)
        return there;
    if (there == 1) {
        fetch_seen_set(&seen, &st);
        int rc = tree_reach(&u->tree, f->path, &folder, &base, err);
        ssize_t n = rc < 0 ? -1 : readlinkat(folder, base, target, sizeof target - 1);
        same = n >= 0 && slice_equal((struct slice){target, (size_t)n}, slice_of(f->target));
    }
    int rc = same ? PB_OK : folders_add(u, f->path, err);
    struct fetch_step *s = rc == PB_OK ? step_add(u, same ? FETCH_KEEP : FETCH_LINK, f->path) : NULL;
    if (s == NULL)
        return rc < 0 ? rc : error_memory(err);
    s->target = f->target;
    s->seen = seen;
    return PB_OK;
}

/* A folder of that name is none of ours, and stays. */
static int delete_plan(struct upgrading *u, const struct es_file *f, struct pb_error *err)
{
    struct stat st;
    int there = tree_stat(&u->tree, f->path, &st, err);
    if (there != 1 || S_ISDIR(st.st_mode))
        return there < 0 ? there : PB_OK;
    struct fetch_step *s = step_add(u, FETCH_REMOVE, f->path);
    if (s == NULL)
        return error_memory(err);
    fetch_seen_set(&s->seen, &st);
    return PB_OK;
}

/* ---- pieces ---- */

/* A file to be placed, and its step. */
struct place {
    const struct es_file *file;
    size_t step;
};

static int place_compare(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = memcmp(&x->file->md5, &y->file->md5, sizeof x->file->md5);
    return order != 0 ? order : (x->step > y->step) - (x->step < y->step);
}

static int piece_add(struct upgrading *u, const struct es_file *f, struct pb_error *err)
{
    char hex[MD5_HEX + 1];
    struct arena *a = &u->plan->arena;
    const char *ending = f->gzip ? ".gz" : "";
    struct fetch_piece *p = &u->plan->pieces[u->plan->piece_count++];
    const char *flat = es_flatten(a, f->path);
    hex_encode(f->md5.bytes, sizeof f->md5.bytes, hex);
    *p = (struct fetch_piece){.name = arena_format(a, "%s%s", f->path, ending),
                              .staged = arena_format(a, "%s%s", hex, ending),
                              .size = FETCH_SIZE_UNKNOWN,
                              .ceiling = ES_FILE_MAX,
                              .verified = !f->gzip,
                              .md5 = f->md5};
    const char *plain = arena_format(a, "%s/%s%s", u->platform, f->path, ending);
    const char *asked = flat != NULL ? arena_format(a, "%s/%s%s", u->platform, flat, ending) : NULL;
    if (p->name == NULL || p->staged == NULL || plain == NULL || asked == NULL)
        return error_memory(err);
    /* As the game asks for it; a server that was written from the protocol's description may have the plain
     * path. */
    p->url = es_url(a, u->source, asked);
    if (strcmp(plain, asked) != 0)
        p->url_else = es_url(a, u->source, plain);
    return p->url == NULL ? error_set(err, PB_INVALID, "%s: its address is too long", f->path) : PB_OK;
}

/* Files with the same bytes are downloaded once, and copied. */
static int staged_name(struct upgrading *u, struct fetch_step *s, bool first, struct pb_error *err)
{
    char hex[MD5_HEX + 1];
    size_t at = (size_t)(s - u->plan->steps);
    hex_encode(s->md5.bytes, sizeof s->md5.bytes, hex);
    const char *name = arena_text(&u->plan->arena, hex);
    s->staged = first ? name : arena_format(&u->plan->arena, "copy.%zu", at);
    if (name == NULL || s->staged == NULL)
        return error_memory(err);
    return first ? PB_OK : es_making_add(u->plan, (struct es_making){.from = name, .step = at}, err);
}

/* In order of their MD5s files with the same bytes are neighbours. */
static int pieces_plan(struct upgrading *u, struct place *places, size_t n, struct pb_error *err)
{
    struct fetch_plan *plan = u->plan;
    int rc = PB_OK;
    if (n > 1)
        qsort(places, n, sizeof *places, place_compare);
    plan->pieces = arena_zero(&plan->arena, (n + 1) * sizeof *plan->pieces);
    if (plan->pieces == NULL)
        return error_memory(err);
    for (size_t i = 0; rc == PB_OK && i < n; i++) {
        bool first = i == 0 || !md5_equal(&places[i - 1].file->md5, &places[i].file->md5);
        rc = first ? piece_add(u, places[i].file, err) : PB_OK;
        if (rc == PB_OK)
            rc = staged_name(u, &plan->steps[places[i].step], first, err);
    }
    return rc;
}

static int steps_plan(struct upgrading *u, struct place *places, size_t *n, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < u->list.n; i++) {
        const struct es_file *f = &u->list.files[i];
        struct fetch_plan *plan = u->plan;
        rc = f->kind == ES_FILE   ? file_plan(u, f, err)
             : f->kind == ES_LINK ? link_plan(u, f, err)
                                  : delete_plan(u, f, err);
        if (rc == PB_OK && f->kind == ES_FILE && plan->steps[plan->step_count - 1].action == FETCH_PLACE)
            places[(*n)++] = (struct place){f, plan->step_count - 1};
    }
    return rc;
}

int es_upgrade_plan(const struct fetch_request *q, const struct fetch_net *net, const char *source,
                    const char *platform, struct fetch_plan *plan, struct pb_error *err)
{
    struct slice text;
    size_t n = 0;
    struct upgrading u = {.q = q, .source = source, .platform = platform, .plan = plan};
    const char *path = arena_format(&plan->arena, "%s/" ES_UPGRADE, platform);
    int rc = path == NULL ? error_memory(err) : es_document(net, source, path, &plan->arena, &text, err);
    if (rc == PB_OK && (rc = es_upgrade_parse(text, &plan->arena, &u.list, err)) < 0)
        return error_context(err, "/%s", path);
    if (rc == PB_OK)
        rc = version_check(&u, err);
    if (rc < 0)
        return rc;
    struct place *places = arena_zero(&plan->arena, (u.list.n + 1) * sizeof *places);
    if (places == NULL)
        return error_memory(err);
    tree_start(&u.tree, q->folder);
    rc = steps_plan(&u, places, &n, err);
    tree_end(&u.tree);
    return rc < 0 ? rc : pieces_plan(&u, places, n, err);
}
