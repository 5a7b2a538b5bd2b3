/* Which title, where from; and making files of the pieces. */
#include "dialect/escape/fetch.h"

#include "base/beneath.h"
#include "base/file.h"
#include "base/nearest.h"
#include "dialect/escape/escape.h"
#include "dialect/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* ---- titles ---- */

bool es_request_parse(struct slice path, struct slice *name, bool *upgrade)
{
    const char *slash = memchr(path.p, '/', path.n);
    *name = (struct slice){path.p, slash != NULL ? (size_t)(slash - path.p) : path.n};
    *upgrade = slash != NULL;
    struct slice rest = {path.p + name->n, path.n - name->n};
    return es_name_ok(*name, NULL) && (!*upgrade || slice_equal(rest, slice_of("/" ES_UPGRADE)));
}

/* Escape's versions are numbers. */
static int version_option_check(const struct fetch_request *q, struct pb_error *err)
{
    uint64_t version;
    const char *given = fetch_option(q, ES_INSTALLED_VERSION);
    return given == NULL || slice_to_u64(slice_of(given), ES_NUMBER_MAX, &version)
               ? PB_OK
               : error_set(err, PB_INVALID, "the installed version is a number, not %s", given);
}

static int fetch_title(const struct fetch_request *q, struct arena *a, const char **title,
                       struct pb_error *err)
{
    bool upgrade;
    struct slice name;
    if (!es_request_parse(slice_of(q->path), &name, &upgrade))
        return error_set(
            err, PB_INVALID,
            "\"%.200s\" is neither a collection nor an upgrade; the forms are escape://HOST/COLLECTION, "
            "escape://HOST/PLATFORM/UPGRADE, and escape://HOST/ for all collections subscribed to",
            q->path);
    *title = arena_format(a, ES_DIALECT "/%.*s", (int)name.n, name.p);
    return *title == NULL ? error_memory(err) : version_option_check(q, err);
}

/* The host, then the mirrors: a static tree can lie anywhere. */
static int fetch_sources(const struct fetch_request *q, const struct fetch_net *net, unsigned round,
                         struct arena *a, struct fetch_sources *out, struct pb_error *err)
{
    (void)net;
    out->n = 0;
    out->list = arena_zero(a, FETCH_SOURCES_MAX * sizeof *out->list);
    if (out->list == NULL)
        return error_memory(err);
    if (round > 0)
        return PB_OK;
    out->list[out->n++] = q->base;
    for (size_t i = 0; i < q->mirror_count && out->n < FETCH_SOURCES_MAX; i++) {
        size_t n = strlen(q->mirrors[i]);
        while (n > 0 && q->mirrors[i][n - 1] == '/')
            n--;
        out->list[out->n++] = arena_copy(a, q->mirrors[i], n);
        if (out->list[out->n - 1] == NULL)
            return error_memory(err);
    }
    return PB_OK;
}

const char *es_url(struct arena *a, const char *source, const char *path)
{
    enum { URL_MAX = 8192 };
    _cleanup_buffer_ struct buffer url;
    buffer_init(&url, URL_MAX);
    buffer_format(&url, "%s/", source);
    percent_encode(&url, slice_of(path), true);
    return url.failed ? NULL : arena_copy(a, url.p, url.n);
}

int es_document(const struct fetch_net *net, const char *source, const char *path, struct buffer *out,
                struct pb_error *err)
{
    _cleanup_arena_ struct arena a;
    arena_init(&a, 0);
    const char *url = es_url(&a, source, path);
    buffer_init(out, ES_DOCUMENT_MAX);
    if (url == NULL)
        return error_memory(err);
    int rc = net->get(net->arg, url, out, err);
    return rc < 0 ? error_context(err, "/%s", path) : PB_OK;
}

bool es_game_version(const struct fetch_request *q, uint64_t *version)
{
    bool known = false;
    uint64_t one;
    const char *given = fetch_option(q, ES_INSTALLED_VERSION);
    if (given != NULL)
        return slice_to_u64(slice_of(given), UINT64_MAX, version);
    for (size_t i = 0; i < q->installed_count; i++) {
        const struct fetch_installed *r = &q->installed[i];
        if (strncmp(r->title, ES_DIALECT "/", sizeof ES_DIALECT) != 0 ||
            !slice_to_u64(slice_of(r->version), UINT64_MAX, &one) || (known && one <= *version))
            continue;
        *version = one;
        known = true;
    }
    return known;
}

/* ---- subscriptions: a collection's folder, and the file "unsubscribed" in it ---- */

/* 1: the folder is there and has no such file; 0: not. */
static int subscribed(struct tree *t, const char *name, struct pb_error *err)
{
    struct stat st;
    char path[ES_NAME_MAX + 32];
    int rc = tree_stat(t, name, &st, err);
    if (rc != 1)
        return rc;
    if (!S_ISDIR(st.st_mode))
        return 0;
    snprintf(path, sizeof path, "%s/" ES_UNSUBSCRIBE, name);
    rc = tree_stat(t, path, &st, err);
    return rc < 0 ? rc : rc == 0 || S_ISDIR(st.st_mode);
}

static int subscription_set(const struct fetch_request *q, const char *name, bool on, struct pb_error *err)
{
    const char *base = "";
    int folder = -1;
    char path[ES_NAME_MAX + 32];
    _cleanup_tree_ struct tree t;
    tree_start(&t, q->folder);
    int rc = on ? folder_make(q->folder, name, err) : PB_OK;
    snprintf(path, sizeof path, "%.64s/" ES_UNSUBSCRIBE, name);
    if (rc == PB_OK)
        rc = tree_reach(&t, path, &folder, &base, err);
    if (rc < 0)
        return rc == PB_NOT_FOUND ? PB_OK : rc; /* a collection without a folder is not subscribed to */
    if (on)
        return unlinkat(folder, base, 0) == 0 || errno == ENOENT ? PB_OK
                                                                 : error_errno(err, errno, "%s", path);
    _cleanup_fd_ int fd = openat(folder, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    return fd < 0 && errno != EEXIST ? error_errno(err, errno, "%s", path) : PB_OK;
}

static const char *collection_suggest(const struct es_collections *list, const char *name,
                                      char out[NEAREST_TEXT])
{
    struct nearest near;
    nearest_init(&near, slice_of(name));
    for (size_t i = 0; i < list->n; i++)
        nearest_offer(&near, slice_of(list->list[i].name), slice_of(list->list[i].name));
    return nearest_text(&near, out);
}

/* Is it one of the server's? With a URL of one collection, only that can be meant. */
static int subscription_check(const struct fetch_request *q, const struct es_collections *list,
                              const char *name, struct pb_error *err)
{
    if (list == NULL)
        return strcmp(q->path, name) == 0
                   ? PB_OK
                   : error_set(err, PB_INVALID, "%s: is not the collection of this URL", name);
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->list[i].name, name) == 0)
            return PB_OK;
    }
    char suggested[NEAREST_TEXT];
    return error_set(err, PB_NOT_FOUND, "the server has no collection %s%s", name,
                     collection_suggest(list, name, suggested));
}

/* `list` is NULL where the URL names one collection. One that the server no longer has can be unsubscribed
 * from. */
static int subscriptions_set(const struct fetch_request *q, const struct es_collections *list,
                             struct pb_error *err)
{
    const char *why, *name;
    int rc = PB_OK;
    for (size_t at = 0; rc == PB_OK && (name = fetch_option_next(q, "subscribe", &at)) != NULL;)
        rc = subscription_check(q, list, name, err);
    for (size_t at = 0; rc == PB_OK && (name = fetch_option_next(q, "unsubscribe", &at)) != NULL;) {
        if (!es_name_ok(slice_of(name), &why))
            return error_set(err, PB_INVALID, "the collection's name \"%s\" %s", name, why);
        rc = subscription_set(q, name, false, err);
    }
    for (size_t at = 0; rc == PB_OK && (name = fetch_option_next(q, "subscribe", &at)) != NULL;)
        rc = subscription_set(q, name, true, err);
    return rc;
}

/* The list of collections, from the first source that has it. */
static int collections_get(const struct fetch_request *q, const struct fetch_net *net, struct arena *a,
                           struct es_collections *out, struct pb_error *err)
{
    struct fetch_sources sources;
    int rc = fetch_sources(q, net, 0, a, &sources, err);
    for (size_t i = 0; i < sources.n; i++) {
        _cleanup_buffer_ struct buffer text;
        rc = es_document(net, sources.list[i], ES_COLLECTIONS, &text, err);
        if (rc == PB_OK && (rc = es_collections_parse((struct slice){text.p, text.n}, a, out, err)) < 0)
            error_context(err, "%s/" ES_COLLECTIONS, sources.list[i]);
        if (rc == PB_OK || rc == PB_CANCELLED || rc == PB_NO_MEMORY)
            break;
    }
    return rc;
}

/* What the collection is, for a player who has not got it. */
static int others_add(struct arena *a, const struct es_collection *c, bool too_new, struct fetch_titles *out,
                      struct pb_error *err)
{
    enum { ENOUGH = 1000 }; /* for people */
    if (out->others != NULL && strlen(out->others) > ENOUGH)
        return PB_OK;
    out->others = arena_format(a, "%s%s%s (%s%s)", out->others != NULL ? out->others : "",
                               out->others != NULL ? ", " : "", c->name, c->title,
                               too_new ? "; needs a newer version of the game" : "");
    return out->others == NULL ? error_memory(err) : PB_OK;
}

/* escape://HOST/: all collections that are subscribed to. */
static int fetch_expand(const struct fetch_request *q, const struct fetch_net *net, struct arena *a,
                        bool *several, struct fetch_titles *out, struct pb_error *err)
{
    struct es_collections list = {0};
    uint64_t version = 0;
    bool version_known = es_game_version(q, &version);
    _cleanup_tree_ struct tree t;
    tree_start(&t, q->folder);
    *several = q->path[0] == '\0';
    if (q->dry_run && (fetch_option(q, "subscribe") != NULL || fetch_option(q, "unsubscribe") != NULL))
        return error_set(err, PB_INVALID, "a dry run can't subscribe: that changes the folder");
    if (!*several)
        return subscriptions_set(q, NULL, err);
    int rc = version_option_check(q, err);
    if (rc == PB_OK)
        rc = collections_get(q, net, a, &list, err);
    if (rc == PB_OK)
        rc = subscriptions_set(q, &list, err);
    if (rc < 0)
        return rc;
    out->paths = arena_zero(a, (list.n + 1) * sizeof *out->paths);
    if (out->paths == NULL)
        return error_memory(err);
    for (size_t i = 0; rc >= 0 && i < list.n; i++) {
        const struct es_collection *c = &list.list[i];
        bool too_new = version_known && c->version > version;
        rc = subscribed(&t, c->name, err);
        if (rc == 1 && !too_new)
            out->paths[out->n++] = c->name;
        else if (rc >= 0)
            rc = others_add(a, c, too_new, out, err);
    }
    return rc < 0 ? rc : PB_OK;
}

/* ---- plans ---- */

/* Adds to the error what the source has that is called nearly so. */
static int collection_missing(const struct fetch_net *net, const char *source, const char *name,
                              struct arena *a, struct pb_error *err)
{
    char suggested[NEAREST_TEXT];
    struct es_collections list = {0};
    struct pb_error why = *err, ignored;
    _cleanup_buffer_ struct buffer text;
    int rc = es_document(net, source, ES_COLLECTIONS, &text, &ignored);
    if (rc == PB_OK)
        rc = es_collections_parse((struct slice){text.p, text.n}, a, &list, &ignored);
    return rc == PB_CANCELLED || rc == PB_NO_MEMORY
               ? error_set(err, rc, "%s", ignored.text)
               : error_set(err, why.status, "%s%s", why.text, collection_suggest(&list, name, suggested));
}

static int fetch_plan(const struct fetch_request *q, const struct fetch_net *net, const char *source,
                      struct fetch_plan *plan, struct pb_error *err)
{
    bool upgrade;
    struct slice name;
    es_request_parse(slice_of(q->path), &name, &upgrade);
    const char *text = arena_copy(&plan->arena, name.p, name.n);
    plan->dialect = arena_zero(&plan->arena, sizeof(struct es_fetch));
    if (text == NULL || plan->dialect == NULL)
        return error_memory(err);
    *(struct es_fetch *)plan->dialect = (struct es_fetch){.made = -1, .unpacker = {.child = CHILD_NONE}};
    if (upgrade)
        return es_upgrade_plan(q, net, source, text, plan, err);
    int rc = es_levels_plan(q, net, source, text, plan, err);
    return rc == PB_NOT_FOUND ? collection_missing(net, source, text, &plan->arena, err) : rc;
}

int es_making_add(struct fetch_plan *plan, struct es_making making, struct pb_error *err)
{
    struct es_fetch *f = plan->dialect;
    struct es_making *list =
        arena_grow(&plan->arena, f->making, f->making_count, &f->making_room, sizeof *list);
    if (list == NULL)
        return error_memory(err);
    f->making = list;
    list[f->making_count++] = making;
    return PB_OK;
}

/* A file in the folder that has no name, or loses it at once. */
static int nameless_open(int staging, int *fd, struct pb_error *err)
{
    static const char name[] = "made";
    *fd = openat(staging, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (*fd >= 0)
        return PB_OK;
    int rc = beneath_create(staging, name, fd, err);
    return rc < 0 || unlinkat(staging, name, 0) == 0 ? rc : error_errno(err, errno, "staging");
}

int es_made_add(struct fetch_plan *plan, int staging, struct slice bytes, size_t step, struct pb_error *err)
{
    struct es_fetch *f = plan->dialect;
    if (staging < 0)
        return PB_OK;
    int rc = f->made < 0 ? nameless_open(staging, &f->made, err) : PB_OK;
    if (rc == PB_OK)
        rc = file_write(f->made, bytes.p, bytes.n, err);
    if (rc < 0)
        return rc;
    struct es_making making = {.step = (uint32_t)step, .offset = f->made_size, .length = (uint32_t)bytes.n};
    f->made_size += bytes.n;
    return es_making_add(plan, making, err);
}

static void fetch_plan_end(struct fetch_plan *plan)
{
    struct es_fetch *f = plan->dialect;
    if (f == NULL)
        return;
    unpacker_end(&f->unpacker);
    fd_close(&f->made);
}

/* ---- pieces ---- */

static int want_compare(const void *a, const void *b)
{
    const struct es_want *x = a, *y = b;
    int order = memcmp(&x->file->md5, &y->file->md5, sizeof x->file->md5);
    return order != 0 ? order : (x->step > y->step) - (x->step < y->step);
}

/* The bytes of a step that another step has, too: they are copied in staging, where they are under their MD5.
 */
static int copy_add(struct fetch_plan *plan, const struct es_want *w, struct pb_error *err)
{
    char hex[MD5_HEX + 1];
    struct fetch_step *s = &plan->steps[w->step];
    hex_encode(s->md5.bytes, sizeof s->md5.bytes, hex);
    const char *name = arena_text(&plan->arena, hex);
    s->staged = arena_format(&plan->arena, "copy.%zu", w->step);
    if (name == NULL || s->staged == NULL)
        return error_memory(err);
    return es_making_add(plan, (struct es_making){.from = name, .step = (uint32_t)w->step}, err);
}

int es_pieces_plan(struct fetch_plan *plan, struct es_want *wants, size_t n, struct pb_error *err)
{
    int rc = PB_OK;
    if (n > 1)
        qsort(wants, n, sizeof *wants, want_compare);
    for (size_t i = 0; rc == PB_OK && i < n; i++) {
        size_t pieces = plan->piece_count;
        if (pieces > 0 && md5_equal(&wants[pieces - 1].file->md5, &wants[i].file->md5))
            rc = copy_add(plan, &wants[i], err);
        else
            wants[plan->piece_count++] = wants[i];
    }
    return rc;
}

/* ---- making files ---- */

/* Unpacks a piece, NAME.gz to NAME, and compares it with the list. */
static int piece_unpack(int staging, struct unpacker *unpacker, const struct fetch_piece *piece,
                        struct pb_error *err)
{
    char name[MD5_HEX + 1];
    uint64_t size;
    struct unpacked out;
    struct unpack_file what = {.form = UNPACK_GZIP, .limit = ES_FILE_MAX};
    _cleanup_fd_ int from = -1, to = -1;
    snprintf(name, sizeof name, "%.32s", piece->staged);
    int rc = beneath_own(staging, piece->staged, O_RDONLY, &from, &size, err);
    if (rc == PB_OK)
        rc = beneath_create(staging, name, &to, err);
    if (rc == PB_OK)
        rc = unpack_file(unpacker, &what, from, to, &out, err);
    if (rc == PB_OK && !md5_equal(&out.md5, &piece->md5))
        rc = error_set(err, PB_DAMAGED, "unpacked, its MD5 is not the one in the list");
    if (rc < 0)
        unlinkat(staging, name, 0);
    return rc < 0 ? error_context(err, "%s", piece->name) : PB_OK;
}

static int fetch_accept(const struct fetch_request *q, const struct fetch_plan *plan,
                        const struct fetch_piece *piece, struct pb_error *err)
{
    struct es_fetch *f = plan->dialect;
    if (f->piece_steps != NULL)
        plan->steps[f->piece_steps[piece->index]].size = piece->size;
    return piece->verified ? PB_OK : piece_unpack(q->staging, &f->unpacker, piece, err);
}

static int made_write(const struct es_fetch *f, const struct es_making *m, int to, struct pb_error *err)
{
    _cleanup_free_ char *bytes = malloc(m->length + 1);
    int rc = bytes == NULL ? error_memory(err) : file_read_at(f->made, bytes, m->length, m->offset, err);
    return rc == PB_OK ? file_write(to, bytes, m->length, err) : rc;
}

static int making_do(const struct fetch_request *q, const struct es_fetch *f, struct tree *t,
                     const struct es_making *m, const char *staged, struct pb_error *err)
{
    uint64_t size;
    _cleanup_fd_ int from = -1, to = -1;
    int rc = beneath_create(q->staging, staged, &to, err);
    if (rc < 0 || m->from == NULL)
        return rc < 0 ? rc : made_write(f, m, to, err);
    rc = m->from_folder ? tree_open(t, m->from, &from, &size, err)
                        : beneath_own(q->staging, m->from, O_RDONLY, &from, &size, err);
    return rc < 0 ? rc : file_copy(from, to, err);
}

/* A level that was copied from the player's own folder may have changed since it was planned. */
static int placed_check(const struct fetch_request *q, struct fetch_step *s, bool verify,
                        struct pb_error *err)
{
    struct digest_result r;
    struct stat st;
    char hex[MD5_HEX + 1];
    _cleanup_fd_ int fd = -1;
    const char *staged = fetch_step_staged(s, hex);
    if (fstatat(q->staging, staged, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return error_set(err, PB_DAMAGED, "%s: is gone from staging", s->path);
    s->size = (uint64_t)st.st_size;
    if (!verify)
        return PB_OK;
    int rc = beneath_own(q->staging, staged, O_RDONLY, &fd, &s->size, err);
    if (rc == PB_OK)
        rc = digest_file(DIGEST_MD5, fd, &r, err);
    if (rc < 0)
        return rc;
    return md5_equal(&r.md5, &s->md5)
               ? PB_OK
               : error_set(err, PB_DAMAGED, "%s: was changed while it was fetched", s->path);
}

/* A list may name one small level in very many places: is there room for all the copies? */
static int room_check(const struct fetch_request *q, struct tree *t, const struct es_fetch *f,
                      struct pb_error *err)
{
    struct statvfs fs;
    struct stat st;
    uint64_t needed = 0;
    for (size_t i = 0; i < f->making_count; i++) {
        const struct es_making *m = &f->making[i];
        bool found = m->from_folder
                         ? tree_stat(t, m->from, &st, NULL) == 1
                         : m->from != NULL && fstatat(q->staging, m->from, &st, AT_SYMLINK_NOFOLLOW) == 0;
        needed += found ? (uint64_t)st.st_size : m->length;
    }
    if (fstatvfs(q->staging, &fs) == 0 && needed > (uint64_t)fs.f_bavail * fs.f_frsize)
        return error_set(err, PB_NO_SPACE, "the disk is full: copies of levels need %llu bytes",
                         (unsigned long long)needed);
    return PB_OK;
}

static int fetch_assemble(const struct fetch_request *q, struct fetch_plan *plan, pb_progress_fn *progress,
                          void *arg, struct pb_error *err)
{
    const struct es_fetch *f = plan->dialect;
    _cleanup_tree_ struct tree t;
    tree_start(&t, q->folder);
    int rc = room_check(q, &t, f, err);
    for (size_t i = 0; rc == PB_OK && i < f->making_count; i++) {
        struct pb_progress p = {"unpacking", i, f->making_count, "files"};
        if (progress != NULL && progress(arg, &p) != 0)
            return error_set(err, PB_CANCELLED, "cancelled");
        struct fetch_step *s = &plan->steps[f->making[i].step];
        char hex[MD5_HEX + 1];
        rc = making_do(q, f, &t, &f->making[i], fetch_step_staged(s, hex), err);
        if (rc == PB_OK)
            rc = placed_check(q, s, f->making[i].from != NULL, err);
    }
    for (size_t i = 0; rc == PB_OK && i < plan->step_count; i++) {
        if (plan->steps[i].action == FETCH_PLACE && plan->steps[i].size == 0)
            rc = placed_check(q, &plan->steps[i], false, err);
    }
    return rc;
}

static const struct setting options[] = {
    {"subscribe", "NAME", "make the collection's folder, so that it is fetched", true},
    {"unsubscribe", "NAME", "leave the collection alone from now on", true},
    {ES_INSTALLED_VERSION, "N", "the game's version (default: what the last upgrade recorded)", false},
    {NULL, NULL, NULL, false},
};

const struct dialect_fetch escape_fetch = {
    .options = options,
    .default_port = ES_DEFAULT_PORT,
    .user_agent = "Escape (0; patchbay)",
    .packed = true,
    .expand = fetch_expand,
    .title = fetch_title,
    .sources = fetch_sources,
    .plan = fetch_plan,
    .accept = fetch_accept,
    .assemble = fetch_assemble,
    .plan_end = fetch_plan_end,
};
