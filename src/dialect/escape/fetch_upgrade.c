/* The plan of an upgrade: what differs is downloaded, packed where that is offered; the rest stays. */
#include "base/file.h"
#include "dialect/escape/fetch.h"
#include "dialect/options.h"

#include <unistd.h>

struct upgrading {
    const struct fetch_request *q;
    struct fetch_plan *plan;
    struct es_upgrade list;
    struct tree tree;
    size_t room; /* of the plan's steps */
};

/* ---- versions ---- */

/* The version of this platform's game that is installed; false when it is not known. */
static bool installed_version(const struct upgrading *u, uint64_t *out)
{
    const struct fetch_request *q = u->q;
    const char *given = fetch_option(q, ES_INSTALLED_VERSION);
    if (given != NULL)
        return slice_to_u64(slice_of(given), UINT64_MAX, out);
    for (size_t i = 0; i < q->installed_count; i++) {
        if (strcmp(q->installed[i].title, u->plan->title) == 0)
            return slice_to_u64(slice_of(q->installed[i].version), UINT64_MAX, out);
    }
    return false;
}

static int version_check(struct upgrading *u, struct pb_error *err)
{
    const struct es_upgrade *l = &u->list;
    uint64_t have = 0;
    bool known = installed_version(u, &have);
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

/* What is at a path that the list names. */
struct there {
    bool there;
    bool file; /* a regular one, with this MD5: */
    struct md5 md5;
    struct stat st;
    struct fetch_seen seen;
};

static int there_look(struct upgrading *u, const char *path, struct there *out, struct pb_error *err)
{
    uint64_t size;
    struct digest_result r;
    _cleanup_fd_ int fd = -1;
    *out = (struct there){0};
    int there = tree_stat(&u->tree, path, &out->st, err);
    if (there != 1)
        return there;
    out->there = true;
    fetch_seen_set(&out->seen, &out->st);
    const struct file_record *same = file_records_same(u->q->files, path, &out->st);
    if (same != NULL) {
        out->file = true;
        out->md5 = same->md5;
        return PB_OK;
    }
    out->file = S_ISREG(out->st.st_mode) && tree_open(&u->tree, path, &fd, &size, err) == PB_OK;
    if (!out->file)
        return PB_OK;
    int rc = digest_file(DIGEST_MD5, fd, &r, err);
    out->md5 = r.md5;
    return rc;
}

/* Bytes that no fetch put there may be the player's: they are set aside before anything takes their place. */
static int set_aside(struct upgrading *u, const char *path, const struct there *t, struct pb_error *err)
{
    if (!t->there || !t->file || file_records_ours(u->q->files, path, &t->md5))
        return PB_OK;
    struct fetch_step *s = step_add(u, FETCH_ATTIC, path);
    if (s == NULL)
        return error_memory(err);
    s->seen = t->seen;
    return PB_OK;
}

static bool is_program(const char *path)
{
    return slice_ends_nocase(slice_of(path), slice_of(".exe"));
}

static int file_plan(struct upgrading *u, const struct es_file *f, struct pb_error *err)
{
    struct there t;
    int rc = there_look(u, f->path, &t, err);
    bool same = rc == PB_OK && t.file && md5_equal(&t.md5, &f->md5);
    bool runs = t.file && (t.st.st_mode & 0100) != 0; /* what takes a program's place is one */
    /* The execute bits of a file that has another name elsewhere are not ours to set. */
    bool keep = same && (runs || !is_program(f->path) || t.st.st_nlink == 1);
    if (rc == PB_OK && !same)
        rc = set_aside(u, f->path, &t, err);
    struct fetch_step *s = rc == PB_OK ? step_add(u, keep ? FETCH_KEEP : FETCH_PLACE, f->path) : NULL;
    if (s == NULL)
        return rc < 0 ? rc : error_memory(err);
    s->md5 = f->md5;
    s->seen = t.seen;
    s->size = keep ? t.seen.size : 0;
    s->executable = keep ? is_program(f->path) && !runs : is_program(f->path) || runs;
    return PB_OK;
}

static int link_plan(struct upgrading *u, const struct es_file *f, struct pb_error *err)
{
    char target[PATH_RELATIVE_MAX + 2];
    struct there t;
    bool same = false;
    int folder, rc = there_look(u, f->path, &t, err);
    const char *base;
    if (rc == PB_OK && t.there && S_ISLNK(t.st.st_mode)) {
        rc = tree_reach(&u->tree, f->path, &folder, &base, err);
        ssize_t n = rc < 0 ? -1 : readlinkat(folder, base, target, sizeof target - 1);
        same = n >= 0 && slice_equal((struct slice){target, (size_t)n}, slice_of(f->target));
    }
    if (rc == PB_OK)
        rc = set_aside(u, f->path, &t, err);
    struct fetch_step *s = rc == PB_OK ? step_add(u, same ? FETCH_KEEP : FETCH_LINK, f->path) : NULL;
    if (s == NULL)
        return rc < 0 ? rc : error_memory(err);
    s->target = f->target;
    s->seen = t.seen;
    return PB_OK;
}

/* A folder of that name is none of ours, and stays. */
static int delete_plan(struct upgrading *u, const struct es_file *f, struct pb_error *err)
{
    struct there t;
    int rc = there_look(u, f->path, &t, err);
    if (rc < 0 || !t.there || S_ISDIR(t.st.st_mode))
        return rc;
    if (t.file && !file_records_ours(u->q->files, f->path, &t.md5))
        return set_aside(u, f->path, &t, err);
    struct fetch_step *s = step_add(u, FETCH_REMOVE, f->path);
    if (s == NULL)
        return error_memory(err);
    s->seen = t.seen;
    return PB_OK;
}

/* ---- pieces ---- */

/* One way to get a file's bytes: packed or not, at its own path or at the flattened one. */
static int way_make(const struct es_fetch *f, const struct es_file *file, const char *path, bool packed,
                    struct arena *a, struct fetch_piece *piece, struct pb_error *err)
{
    char hex[MD5_HEX + 1];
    const char *ending = packed ? ".gz" : "";
    const char *place = arena_format(a, "%s/%s%s", f->platform, path, ending);
    hex_encode(file->md5.bytes, sizeof file->md5.bytes, hex);
    *piece = (struct fetch_piece){.name = arena_format(a, "%s%s", file->path, ending),
                                  .url = place != NULL ? es_url(a, f->source, place) : NULL,
                                  .staged = arena_format(a, "%s%s", hex, ending),
                                  .size = FETCH_SIZE_UNKNOWN,
                                  .ceiling = ES_FILE_MAX,
                                  .verified = !packed,
                                  .md5 = file->md5};
    if (piece->name == NULL || piece->staged == NULL)
        return error_memory(err);
    return piece->url == NULL ? error_set(err, PB_INVALID, "%s: its address is too long", file->path) : PB_OK;
}

/* fetch_plan.piece_make. Packed goes before plain; the path that the game asks for before the plain one,
 * which a server that was written from the protocol's description may have. */
static int file_piece(const struct fetch_plan *plan, size_t i, struct arena *scratch, struct fetch_piece *out,
                      struct pb_error *err)
{
    const struct es_fetch *f = plan->dialect;
    const struct es_file *file = f->wants[i].file;
    const char *const paths[] = {es_flatten(scratch, file->path), file->path};
    struct fetch_piece *before = NULL;
    if (paths[0] == NULL)
        return error_memory(err);
    for (int packed = 1; packed >= 0; packed--) {
        for (int k = 0; k < 2; k++) {
            if ((packed ? !file->gzip : !file->plain) || (k == 1 && strcmp(paths[0], paths[1]) == 0))
                continue;
            struct fetch_piece *way = before == NULL ? out : arena_zero(scratch, sizeof *way);
            int rc = way == NULL ? error_memory(err) : way_make(f, file, paths[k], packed, scratch, way, err);
            if (rc < 0)
                return rc;
            if (before != NULL)
                before->fallback = way;
            before = way;
        }
    }
    return PB_OK;
}

static int steps_plan(struct upgrading *u, struct es_want *wants, size_t *n, struct pb_error *err)
{
    struct fetch_plan *plan = u->plan;
    int rc = fetch_steps_reserve(plan, &u->room, u->list.n) ? PB_OK : error_memory(err);
    for (size_t i = 0; rc == PB_OK && i < u->list.n; i++) {
        const struct es_file *f = &u->list.files[i];
        rc = f->kind == ES_FILE   ? file_plan(u, f, err)
             : f->kind == ES_LINK ? link_plan(u, f, err)
                                  : delete_plan(u, f, err);
        if (rc == PB_OK && f->kind == ES_FILE && plan->steps[plan->step_count - 1].action == FETCH_PLACE)
            wants[(*n)++] = (struct es_want){f, plan->step_count - 1};
    }
    return rc == PB_OK ? fetch_plan_folders(plan, &u->room, u->q->folder, err) : rc;
}

/* The text of the list is gone when files are looked at. */
static int list_get(struct upgrading *u, const struct fetch_net *net, const char *source,
                    const char *platform, struct pb_error *err)
{
    struct arena *a = &u->plan->arena;
    const char *path = arena_format(a, "%s/" ES_UPGRADE, platform);
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, 0);
    int rc = path == NULL ? error_memory(err) : es_document(net, source, path, &text, err);
    if (rc < 0)
        return rc;
    rc = es_upgrade_parse((struct slice){text.p, text.n}, a, &u->list, err);
    return rc < 0 ? error_context(err, "/%s", path) : PB_OK;
}

int es_upgrade_plan(const struct fetch_request *q, const struct fetch_net *net, const char *source,
                    const char *platform, struct fetch_plan *plan, struct pb_error *err)
{
    size_t n = 0;
    struct upgrading u = {.q = q, .plan = plan};
    int rc = list_get(&u, net, source, platform, err);
    if (rc == PB_OK)
        rc = version_check(&u, err);
    if (rc == PB_OK)
        rc = file_records_load(q->files, err);
    if (rc < 0)
        return rc;
    plan->attic = ES_ATTIC;
    struct es_want *wants = arena_zero(&plan->arena, (u.list.n + 1) * sizeof *wants);
    if (wants == NULL)
        return error_memory(err);
    tree_start(&u.tree, q->folder);
    rc = steps_plan(&u, wants, &n, err);
    tree_end(&u.tree);
    if (rc < 0)
        return rc;
    struct es_fetch *f = plan->dialect;
    f->source = source;
    f->platform = platform;
    f->wants = wants;
    plan->piece_make = file_piece;
    return es_pieces_plan(plan, wants, n, err);
}
