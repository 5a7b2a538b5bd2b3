/* The client's way: definition, parts, map. What the network brings is hostile until a digest says otherwise,
 * and the digests are worth no more than the server that sent them: names and sizes are checked as well. */
#include "base/beneath.h"
#include "base/file.h"
#include "base/path.h"
#include "dialect/opensauce/joined.h"
#include "dialect/opensauce/opensauce.h"
#include "dialect/opensauce/unpack.h"
#include "dialect/options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAGED_MAP "map" /* in staging, next to the pieces, whose names are digests */

/* A plan's own: what unpacks while parts arrive. Lives in the plan's arena. */
struct os_fetch {
    struct os_definition definition;
    struct os_parts parts;
    int staging;
    int map; /* the file that it becomes; -1: it is not begun */
    struct os_unpacking unpacking;
    bool *there;  /* of each part: is it in staging? */
    size_t ahead; /* so many from the first on are, and were handed over */
};

static int fetch_title(const struct fetch_request *q, struct arena *a, const char **title,
                       struct pb_error *err)
{
    char stem[OS_NAME_MAX + 1];
    if (!os_stem(slice_of(q->path), stem) || !path_name_ok(slice_of(stem), NULL))
        return error_set(err, PB_INVALID,
                         "\"%s\" is not a map's name; the form is opensauce://HOST:PORT/NAME", q->path);
    *title = arena_format(a, "opensauce/%s", stem);
    return *title == NULL ? error_memory(err) : PB_OK;
}

static const char *server_url(const struct fetch_request *q, struct arena *a, const char *path)
{
    return arena_format(a, "%s%s", q->base, path);
}

/* Fisher and Yates: so that no one master server carries all the load. */
static int shuffle(const char **list, size_t n, struct pb_error *err)
{
    for (size_t i = n; i > 1; i--) {
        uint32_t random;
        int rc = bytes_random(&random, sizeof random, err);
        if (rc < 0)
            return rc;
        const char *last = list[i - 1];
        list[i - 1] = list[random % i];
        list[random % i] = last;
    }
    return PB_OK;
}

/* Round 0: the dedicated server, then the mirrors. */
static int sources_named(const struct fetch_request *q, struct arena *a, struct fetch_sources *out,
                         struct pb_error *err)
{
    out->list[out->n++] = server_url(q, a, OS_PATH);
    for (size_t i = 0; i < q->mirror_count && out->n < FETCH_SOURCES_MAX; i++)
        out->list[out->n++] = q->mirrors[i];
    return out->list[0] == NULL ? error_memory(err) : PB_OK;
}

/* Round 1: the master servers, from the list that the user named or else from the dedicated server's own. A
 * server without a list is nothing special, and one that can't be reached has none to give. */
static int sources_masters(const struct fetch_request *q, const struct fetch_net *net, struct arena *a,
                           struct fetch_sources *out, struct pb_error *err)
{
    const char *named = fetch_option(q, "master_list");
    const char *url = named != NULL ? named : server_url(q, a, OS_MASTERS_PATH);
    struct os_masters *masters = arena_zero(a, sizeof *masters);
    if (url == NULL || masters == NULL)
        return error_memory(err);
    if (named == NULL && q->unreached)
        return PB_OK;
    _cleanup_buffer_ struct buffer xml;
    buffer_init(&xml, OS_DOCUMENT_MAX);
    int rc = net->get(net->arg, url, &xml, err);
    if (rc == PB_OK)
        rc = os_masters_parse((struct slice){xml.p, xml.n}, a, masters, err);
    if (rc == PB_CANCELLED || rc == PB_NO_MEMORY)
        return rc;
    if (rc < 0)
        return named != NULL ? error_context(err, "%s: master servers", named) : PB_OK;
    for (size_t i = 0; i < masters->n && out->n < FETCH_SOURCES_MAX; i++) {
        if (masters->list[i].address[0] != '\0')
            out->list[out->n++] = masters->list[i].address;
    }
    return shuffle(out->list, out->n, err);
}

static int fetch_sources(const struct fetch_request *q, const struct fetch_net *net, unsigned round,
                         struct arena *a, struct fetch_sources *out, struct pb_error *err)
{
    out->n = 0;
    out->list = arena_zero(a, FETCH_SOURCES_MAX * sizeof *out->list);
    if (out->list == NULL)
        return error_memory(err);
    return round == 0 ? sources_named(q, a, out, err) : sources_masters(q, net, a, out, err);
}

/* SOURCE?map=NAME[&part=PART]; a source that has a query already is continued with '&'. */
static const char *resource_url(struct arena *a, const char *source, const char *map, const char *part)
{
    enum { URL_MAX = 4096 };
    _cleanup_buffer_ struct buffer url;
    buffer_init(&url, URL_MAX);
    buffer_format(&url, "%s%cmap=", source, strchr(source, '?') != NULL ? '&' : '?');
    percent_encode(&url, slice_of(map), false);
    if (part != NULL) {
        buffer_text(&url, "&part=");
        percent_encode(&url, slice_of(part), false);
    }
    return url.failed ? NULL : arena_copy(a, url.p, url.n);
}

struct spelling {
    struct arena *arena;
    const char *wanted;
    const char *found; /* the folder's own spelling; the wanted one, when it is there, goes first */
};

static int spelling_compare(void *arg, int folder, const char *name, struct pb_error *err)
{
    struct spelling *s = arg;
    (void)folder;
    if (!slice_equal_nocase(slice_of(name), slice_of(s->wanted)) ||
        (s->found != NULL && strcmp(s->found, s->wanted) == 0))
        return PB_OK;
    s->found = arena_text(s->arena, name);
    return s->found == NULL ? error_memory(err) : PB_OK;
}

/* The game knows maps without regard to case: BLOOD.MAP from a server is the blood.map that the player has.
 */
static int spelling_of(int folder, struct arena *a, const char **name, struct pb_error *err)
{
    struct spelling s = {a, *name, NULL};
    int rc = folder_each(folder, ".", spelling_compare, &s, err);
    if (rc == PB_OK && s.found != NULL)
        *name = s.found;
    return rc;
}

/* Does the map look as it did when it was installed, or found to be right? Then it is not read. */
static bool map_recorded(const struct fetch_request *q, struct fetch_step *file, const struct stat *st)
{
    const struct file_record *same = file_records_same(q->files, file->path, st);
    if (same == NULL || !md5_equal(&same->md5, &file->md5))
        return false;
    file->crc32 = same->sum;
    return true;
}

/* Is the map in the user's folder already? Sets its CRC-32 then. */
static int map_present(const struct fetch_request *q, struct fetch_step *file, struct fetch_plan *plan,
                       bool *present, struct pb_error *err)
{
    uint64_t size;
    struct stat st = {0};
    struct digest_result r = {0};
    _cleanup_fd_ int fd = -1;
    int folder = q->folder, rc = file_records_load(q->files, err);
    *present = false;
    if (rc < 0)
        return rc;
    if (fstatat(folder, file->path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        fetch_seen_set(&file->seen, &st);
        *present = plan->up_to_date = map_recorded(q, file, &st);
    }
    if (*present)
        return PB_OK;
    rc = file_open_regular(folder, file->path, false, &fd, &size, err);
    if (rc == PB_NOT_FOUND || rc == PB_INVALID || S_ISLNK(st.st_mode) || (rc == PB_OK && size != file->size))
        return PB_OK; /* what else has that name is the install step's business */
    if (rc == PB_OK)
        rc = digest_file(DIGEST_MD5 | DIGEST_CRC32, fd, &r, err);
    if (rc < 0)
        return rc;
    *present = md5_equal(&r.md5, &file->md5);
    file->crc32 = r.crc32;
    return PB_OK;
}

/* The same part at the other sources: its MD5 tells whether it is the same. NULL: out of memory. */
static const char *const *mirrors_make(const struct fetch_request *q, struct arena *a, const char *map,
                                       const char *part, size_t *n)
{
    enum { MIRRORS_MAX = 8 };
    size_t most = q->source_count > MIRRORS_MAX ? MIRRORS_MAX : q->source_count;
    const char **urls = arena_zero(a, (most + 1) * sizeof *urls);
    *n = 0;
    for (size_t i = 1; urls != NULL && i < q->source_count && *n < most; i++) {
        const char *url = resource_url(a, q->sources[i], map, part);
        if (url != NULL)
            urls[(*n)++] = url;
    }
    return urls;
}

/* One piece for each part, but only one for parts with the same bytes. */
static int pieces_plan(const struct fetch_request *q, struct fetch_plan *plan, const struct os_definition *d,
                       const char *source, const char *map, struct pb_error *err)
{
    plan->pieces = arena_zero(&plan->arena, d->part_count * sizeof *plan->pieces);
    if (plan->pieces == NULL)
        return error_memory(err);
    for (size_t i = 0; i < d->part_count; i++) {
        const struct os_part *part = &d->parts[i];
        bool again = false;
        for (size_t k = 0; k < i && !again; k++)
            again = md5_equal(&d->parts[k].md5, &part->md5);
        if (again)
            continue;
        struct fetch_piece *piece = &plan->pieces[plan->piece_count++];
        char hex[MD5_HEX + 1];
        hex_encode(part->md5.bytes, sizeof part->md5.bytes, hex);
        *piece = (struct fetch_piece){
            .name = arena_format(&plan->arena, "part %s", part->name),
            .url = resource_url(&plan->arena, source, map, part->name),
            .staged = arena_text(&plan->arena, hex),
            .size = part->size,
            .verified = true,
            .md5 = part->md5,
        };
        piece->mirrors = mirrors_make(q, &plan->arena, map, part->name, &piece->mirror_count);
        if (piece->name == NULL || piece->staged == NULL || piece->mirrors == NULL)
            return error_memory(err);
        if (piece->url == NULL)
            return error_set(err, PB_INVALID, "part %s: its address is too long", part->name);
        plan->download += part->size;
    }
    return PB_OK;
}

/* A server may not choose which of the user's maps it replaces. */
static int definition_matches(const struct fetch_request *q, const struct os_definition *d,
                              struct pb_error *err)
{
    char wanted[OS_NAME_MAX + 1], got[OS_NAME_MAX + 1];
    if (!os_stem(slice_of(q->path), wanted) || !os_stem(slice_of(d->name), got) || strcmp(wanted, got) != 0)
        return error_set(err, PB_INVALID, "the server answered with the definition of another map, %s",
                         d->name);
    return PB_OK;
}

/* An os_part_open_fn: parts lie in staging under their MD5. */
static int staged_open(void *arg, const struct os_definition *d, size_t part, int *fd, struct pb_error *err)
{
    char name[MD5_HEX + 1];
    uint64_t size;
    hex_encode(d->parts[part].md5.bytes, sizeof d->parts[part].md5.bytes, name);
    return beneath_own(*(const int *)arg, name, O_RDONLY, fd, &size, err);
}

static int unpack_plan(const struct fetch_request *q, struct fetch_plan *plan, struct os_fetch *f,
                       struct pb_error *err)
{
    const struct os_definition *d = &f->definition;
    f->there = arena_zero(&plan->arena, d->part_count * sizeof *f->there);
    if (f->there == NULL)
        return error_memory(err);
    f->staging = q->staging;
    f->parts = (struct os_parts){d, q->password, staged_open, &f->staging};
    f->map = -1;
    f->unpacking.child = CHILD_NONE;
    plan->dialect = f;
    return PB_OK;
}

static int fetch_make_plan(const struct fetch_request *q, const struct fetch_net *net, const char *source,
                           struct fetch_plan *plan, struct pb_error *err)
{
    char map[OS_NAME_MAX + 1];
    bool present = false;
    struct os_fetch *f = arena_zero(&plan->arena, sizeof *f);
    struct fetch_step *file = arena_zero(&plan->arena, sizeof *file);
    const char *url = os_stem(slice_of(q->path), map) ? resource_url(&plan->arena, source, map, NULL) : NULL;
    if (f == NULL || file == NULL || url == NULL)
        return error_memory(err);
    struct os_definition *d = &f->definition;
    _cleanup_buffer_ struct buffer xml;
    buffer_init(&xml, OS_DOCUMENT_MAX);
    int rc = net->get(net->arg, url, &xml, err);
    if (rc < 0)
        return rc;
    rc = os_definition_parse((struct slice){xml.p, xml.n}, &plan->arena, d, err);
    if (rc < 0)
        return error_context(err, "the part definition");
    *file = (struct fetch_step){
        .action = FETCH_PLACE, .path = d->name, .size = d->uncompressed_size, .md5 = d->md5};
    rc = definition_matches(q, d, err);
    if (rc == PB_OK)
        rc = spelling_of(q->folder, &plan->arena, &file->path, err);
    if (rc == PB_OK)
        rc = map_present(q, file, plan, &present, err);
    if (rc == PB_OK && present)
        file->action = FETCH_KEEP;
    if (rc == PB_OK && !present && d->parts[0].encrypted && q->password == NULL)
        rc = error_set(err, PB_DENIED, "the map is encrypted: its password is needed (--password-file)");
    if (rc == PB_OK && !present)
        rc = pieces_plan(q, plan, d, source, map, err);
    if (rc == PB_OK && !present)
        rc = unpack_plan(q, plan, f, err);
    plan->steps = file;
    plan->step_count = 1;
    plan->one_file = true;
    plan->unpacked = d->uncompressed_size;
    return rc;
}

/* Is the part what it says, once it is decrypted? So a wrong password shows with the first and not behind the
 * last. */
static int part_check(const struct os_fetch *f, size_t part, struct pb_error *err)
{
    struct os_joined joined;
    if (!f->definition.parts[part].encrypted)
        return PB_OK;
    int rc = os_joined_open(f->parts.definition, f->parts.password, staged_open, f->parts.arg, &joined, err);
    if (rc == PB_OK)
        rc = os_joined_load(&joined, part, err);
    os_joined_close(&joined);
    return rc;
}

/* Begins the map: its file, and the process that unpacks into it. */
static int map_begin(struct os_fetch *f, struct pb_error *err)
{
    if (f->map >= 0)
        return PB_OK;
    if (beneath_create(f->staging, STAGED_MAP, &f->map, err) < 0)
        return error_context(err, "unpack the map");
    return os_unpack_start(&f->unpacking, &f->definition, f->parts.password, f->map, err);
}

/* Unpacking follows the parts that have arrived without a gap from the first on. */
static int unpack_follow(struct os_fetch *f, struct pb_error *err)
{
    const struct os_definition *d = &f->definition;
    int rc = PB_OK;
    for (; rc == PB_OK && f->ahead < d->part_count && f->there[f->ahead]; f->ahead++) {
        _cleanup_fd_ int fd = -1;
        rc = map_begin(f, err);
        if (rc == PB_OK)
            rc = staged_open(f->parts.arg, d, f->ahead, &fd, err);
        if (rc == PB_OK)
            rc = os_unpack_part(&f->unpacking, fd, err);
    }
    return rc;
}

static int fetch_accept(const struct fetch_request *q, const struct fetch_plan *plan,
                        const struct fetch_piece *piece, struct pb_error *err)
{
    struct os_fetch *f = plan->dialect;
    const struct os_definition *d = &f->definition;
    int rc = PB_OK;
    bool checked = false;
    (void)q;
    /* Parts with the same bytes are one piece. */
    for (size_t i = 0; rc == PB_OK && i < d->part_count; i++) {
        if (!md5_equal(&d->parts[i].md5, &piece->md5))
            continue;
        if (!checked)
            rc = part_check(f, i, err);
        checked = true;
        f->there[i] = true;
    }
    return rc == PB_OK ? unpack_follow(f, err) : rc;
}

struct unpack_progress {
    uint64_t total;
    pb_progress_fn *progress;
    void *arg;
};

/* An archive_progress_fn. */
static int unpack_tell(void *arg, uint64_t done, struct pb_error *err)
{
    const struct unpack_progress *p = arg;
    struct pb_progress progress = {"unpacking", done, p->total, NULL};
    if (p->progress != NULL && p->progress(p->arg, &progress) != 0)
        return error_set(err, PB_CANCELLED, "cancelled");
    return PB_OK;
}

static int map_unpack(struct os_fetch *f, struct fetch_step *file, struct unpack_progress *progress,
                      struct pb_error *err)
{
    struct digest_result r = {0};
    int rc = unpack_follow(f, err);
    if (rc == PB_OK)
        rc = os_unpack_finish(&f->unpacking, unpack_tell, progress, &r, err);
    if (rc < 0)
        return rc;
    if (r.size != file->size)
        return error_set(err, PB_DAMAGED, "the archive unpacks to %llu bytes; the definition says %llu",
                         (unsigned long long)r.size, (unsigned long long)file->size);
    if (!md5_equal(&r.md5, &file->md5))
        return error_set(err, PB_DAMAGED, "the unpacked map is not the one in the definition (MD5)");
    file->crc32 = r.crc32;
    return PB_OK;
}

static int fetch_assemble(const struct fetch_request *q, struct fetch_plan *plan, pb_progress_fn *progress,
                          void *arg, struct pb_error *err)
{
    struct fetch_step *file = &plan->steps[0];
    struct unpack_progress told = {file->size, progress, arg};
    struct os_fetch *f = plan->dialect;
    (void)q;
    int rc = map_unpack(f, file, &told, err);
    if (rc == PB_OK) {
        fd_close(&f->map);
        file->staged = STAGED_MAP;
    }
    return rc;
}

/* Half a map is of no use to the next fetch, and may be what fills the disk. */
static void fetch_plan_end(struct fetch_plan *plan)
{
    struct os_fetch *f = plan->dialect;
    if (f == NULL)
        return;
    os_unpack_end(&f->unpacking);
    if (f->map >= 0)
        unlinkat(f->staging, STAGED_MAP, 0);
    fd_close(&f->map);
}

static const struct setting options[] = {
    {"master_list", "URL", "a list of master servers to try last (default: the server's own)", false},
    {NULL, NULL, NULL, false},
};

const struct dialect_fetch opensauce_fetch = {
    .options = options,
    .default_port = OS_DEFAULT_PORT,
    .game_port = -1,
    .user_agent = OS_CLIENT_AGENT " (patchbay)",
    .title = fetch_title,
    .sources = fetch_sources,
    .plan = fetch_make_plan,
    .accept = fetch_accept,
    .assemble = fetch_assemble,
    .plan_end = fetch_plan_end,
};
