/* From patch.cfg and the player's folder to a fetch plan: which files are right, and which are downloaded. */
#include "base/file.h"
#include "base/parallel.h"
#include "base/tree.h"
#include "dialect/options.h"
#include "dialect/playonline/update.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* ---- the list ---- */

/* Reading it. What is not understood, and files without a line, are left out. */
struct listing {
    struct update *u;
    struct po_item winner;
    struct slice path;
    bool has_line;
};

static int file_add(struct listing *l, struct pb_error *err)
{
    struct update *u = l->u;
    struct arena *a = &u->plan->arena;
    const struct po_item *w = &l->winner;
    struct fetch_step *s = fetch_step_add(u->plan, &u->room);
    const char *path = arena_copy(a, l->path.p, l->path.n);
    const char *name = arena_copy(a, w->direct.p, w->direct.n);
    if (s == NULL || path == NULL || name == NULL)
        return error_memory(err);
    *s = (struct fetch_step){.action = FETCH_PLACE, .path = path, .size = w->local_size};
    u->files[u->n++] = (struct update_file){name, w->direct_size, w->sum_a, w->sum_b, false};
    return PB_OK;
}

static int version_order(struct slice a, struct slice b)
{
    char x[PO_VERSION_MAX + 1], y[PO_VERSION_MAX + 1];
    snprintf(x, sizeof x, "%.*s", (int)a.n, a.p);
    snprintf(y, sizeof y, "%.*s", (int)b.n, b.p);
    return po_version_compare(x, y);
}

/* A po_item_fn. */
static int item_take(void *arg, const struct po_item *item, struct pb_error *err)
{
    struct listing *l = arg;
    switch (item->kind) {
    case PO_ITEM_FILE:
        l->path = item->text;
        l->has_line = false;
        return PB_OK;
    case PO_ITEM_LINE:
        if (!l->has_line || version_order(item->version, l->winner.version) >= 0)
            l->winner = *item;
        l->has_line = true;
        return PB_OK;
    case PO_ITEM_END:
        return l->has_line ? file_add(l, err) : PB_OK;
    default:
        return PB_OK;
    }
}

/* A po_item_fn. */
static int item_count(void *arg, const struct po_item *item, struct pb_error *err)
{
    size_t *n = arg;
    (void)err;
    *n += item->kind == PO_ITEM_FILE;
    return PB_OK;
}

static int paths_check(const struct update *u, struct pb_error *err)
{
    _cleanup_free_ const char **paths = malloc((u->n + 1) * sizeof *paths);
    if (paths == NULL)
        return error_memory(err);
    for (size_t i = 0; i < u->n; i++)
        paths[i] = u->plan->steps[i].path;
    return po_paths_check(paths, u->n, err);
}

/* Steps get their room at once, as arrays that grow leave copies; with some more for folders. */
int update_list(struct update *u, struct slice config, struct pb_error *err)
{
    struct listing l = {.u = u};
    size_t n = 0;
    int rc = po_config_each(config, item_count, &n, err);
    if (rc < 0)
        return rc;
    u->room = n + n / 16 + 64;
    u->plan->steps = arena_zero(&u->plan->arena, u->room * sizeof *u->plan->steps);
    u->files = arena_zero(&u->plan->arena, (n + 1) * sizeof *u->files);
    if (u->plan->steps == NULL || u->files == NULL)
        return error_memory(err);
    rc = po_config_each(config, item_take, &l, err);
    if (rc == PB_OK)
        rc = paths_check(u, err);
    if (rc == PB_OK && u->n == 0)
        rc = error_set(err, PB_INVALID, PO_CONFIG " names no file");
    return rc;
}

/* ---- the folder ---- */

bool update_sums_match(const struct update *u, size_t file, const struct po_sums *sums)
{
    const struct update_file *f = &u->files[file];
    return sums->size == u->plan->steps[file].size && sums->a == f->sum_a &&
           (po_sum_b(&sums->md5) == f->sum_b || fetch_option(u->q, "any_checksum") != NULL);
}

/* Shared by the threads that look at files. */
struct looking {
    struct update *u;
    const uint32_t *order; /* of the files */
    size_t n, next;        /* next: atomic */
};

/* Both checksums, from the record of the last fetch where the file looks as it did then. */
static int sums_get(struct update *u, struct tree *tree, const char *path, const struct stat *st,
                    struct po_sums *out, struct pb_error *err)
{
    uint64_t size;
    _cleanup_fd_ int fd = -1;
    const struct file_record *same = file_records_same(u->q->files, path, st);
    if (same != NULL) {
        *out = (struct po_sums){same->size, (int32_t)same->sum, same->md5};
        return PB_OK;
    }
    int rc = tree_open(tree, path, &fd, &size, err);
    return rc == PB_OK ? po_sums_of(fd, out, err) : rc;
}

static int file_look(struct update *u, struct tree *tree, size_t i, struct pb_error *err)
{
    struct fetch_step *s = &u->plan->steps[i];
    struct stat st;
    struct po_sums sums;
    int there = tree_stat(tree, s->path, &st, err);
    if (there <= 0)
        return there;
    fetch_seen_set(&s->seen, &st);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != s->size)
        return PB_OK;
    int rc = sums_get(u, tree, s->path, &st, &sums, err);
    if (rc == PB_OK && update_sums_match(u, i, &sums)) {
        s->action = FETCH_KEEP;
        s->md5 = sums.md5;
        s->crc32 = (uint32_t)sums.a;
    }
    return rc;
}

/* A parallel_fn: one thread. What fails ends the others, too. */
static int files_look(void *arg, size_t thread, struct pb_error *err)
{
    struct looking *l = arg;
    size_t i;
    int rc = PB_OK;
    _cleanup_tree_ struct tree tree;
    (void)thread;
    tree_start(&tree, l->u->q->folder);
    while (rc == PB_OK && (i = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED)) < l->n)
        rc = file_look(l->u, &tree, l->order[i], err);
    if (rc < 0)
        __atomic_store_n(&l->next, l->n, __ATOMIC_RELAXED);
    return rc;
}

static int size_order(const void *a, const void *b, void *steps)
{
    enum { LARGE = 1024 * 1024 };
    const struct fetch_step *s = steps;
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    uint64_t x = s[i].size, y = s[k].size;
    if (x != y && (x > LARGE || y > LARGE))
        return x > y ? -1 : 1;
    return i < k ? -1 : i > k;
}

/* The largest files first, so that all threads end together; small ones in the order of the list, where
 * mostly the next is in the same folder. NULL: out of memory. */
static uint32_t *order_make(const struct update *u)
{
    uint32_t *order = malloc((u->n + 1) * sizeof *order);
    for (size_t i = 0; order != NULL && i < u->n; i++)
        order[i] = (uint32_t)i;
    if (order != NULL && u->n > 1)
        qsort_r(order, u->n, sizeof *order, size_order, u->plan->steps);
    return order;
}

/* ---- what is downloaded ---- */

#define PIECE_BEGIN "slc."

/* What a line promises, as a name in staging: its file on the server, and all its numbers. Two files may be
 * the same on the server: each has its own copy here, as the step's number is in the name. The file made of
 * it has the same name without PIECE_BEGIN. */
static const char *piece_name(struct update *u, size_t i)
{
    char text[PATH_RELATIVE_MAX + 100], hex[MD5_HEX + 1];
    const struct update_file *f = &u->files[i];
    struct md5 md5;
    int n = snprintf(text, sizeof text, "%s %u %u %d %d", f->name, f->direct_size,
                     (unsigned)u->plan->steps[i].size, f->sum_a, f->sum_b);
    if (n < 0 || !md5_bytes(text, (size_t)n, &md5))
        return NULL;
    hex_encode(md5.bytes, sizeof md5.bytes / 2, hex);
    return arena_format(&u->plan->arena, PIECE_BEGIN "%s.%zu", hex, i);
}

size_t update_piece_step(const char *staged)
{
    return strtoul(strrchr(staged, '.') + 1, NULL, 10);
}

/* Has an earlier run left the piece, or some of it? `some`: it has left something. */
static bool piece_left(const struct update *u, const char *staged, bool some)
{
    char part[FILE_NAME_MAX + 1];
    snprintf(part, sizeof part, "%s" PART_ENDING, staged);
    return some && (faccessat(u->q->staging, staged, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
                    faccessat(u->q->staging, part, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
}

/* A folder_each_fn: sees one name and wants no more. */
static int any_name(void *arg, int folder, const char *name, struct pb_error *err)
{
    (void)folder, (void)name;
    *(bool *)arg = true;
    return error_set(err, PB_CANCELLED, "seen");
}

static bool staging_used(const struct update *u)
{
    bool any = false;
    return u->q->staging >= 0 && folder_each(u->q->staging, ".", any_name, &any, NULL) < 0 && any;
}

const char *update_piece_name(const struct update *u, size_t step)
{
    return u->plan->steps[step].staged - strlen(PIECE_BEGIN);
}

/* fetch_plan.piece_make. */
static int file_piece(const struct fetch_plan *plan, size_t i, struct arena *scratch, struct fetch_piece *out,
                      struct pb_error *err)
{
    const struct update *u = plan->dialect;
    size_t step = u->wanted[i];
    const struct update_file *f = &u->files[step];
    *out = (struct fetch_piece){.name = plan->steps[step].path,
                                .url = arena_format(scratch, "%s/%s", u->address, f->name),
                                .staged = update_piece_name(u, step),
                                .size = f->direct_size};
    return out->url == NULL ? error_memory(err) : PB_OK;
}

static int piece_add(struct update *u, size_t i, bool used, struct pb_error *err)
{
    struct update_file *f = &u->files[i];
    struct fetch_step *s = &u->plan->steps[i];
    const char *staged = piece_name(u, i);
    if (staged == NULL)
        return error_memory(err);
    u->wanted[u->plan->piece_count++] = (uint32_t)i;
    s->staged = staged + strlen(PIECE_BEGIN);
    f->left_over = piece_left(u, staged, used);
    /* No way of compressing that there is makes more of it: a mode byte, a size, nine bits for eight. */
    if (f->direct_size == 0 || f->direct_size > s->size + s->size / 8 + 1024)
        return error_set(err, PB_INVALID, "%s: %u bytes on the server for a file of %u make no sense",
                         s->path, f->direct_size, (unsigned)s->size);
    u->plan->download += f->direct_size;
    u->plan->unpacked += s->size;
    return PB_OK;
}

/* In order. */
static int pieces_add(struct update *u, const uint32_t *order, struct pb_error *err)
{
    size_t missing = 0;
    bool used = staging_used(u);
    int rc = PB_OK;
    for (size_t i = 0; i < u->n; i++)
        missing += u->plan->steps[i].action == FETCH_PLACE;
    u->wanted = arena_zero(&u->plan->arena, (missing + 1) * sizeof *u->wanted);
    if (u->wanted == NULL)
        return error_memory(err);
    u->plan->piece_make = file_piece;
    for (size_t i = 0; rc == PB_OK && i < u->n; i++) {
        if (u->plan->steps[order[i]].action == FETCH_PLACE)
            rc = piece_add(u, order[i], used, err);
    }
    return rc;
}

int update_compare(struct update *u, struct pb_error *err)
{
    _cleanup_free_ uint32_t *order = order_make(u);
    struct looking l = {.u = u, .order = order, .n = u->n};
    if (order == NULL)
        return error_memory(err);
    int rc = parallel_run(parallel_threads(), files_look, &l, err);
    if (rc == PB_OK)
        rc = pieces_add(u, order, err);
    return rc == PB_OK ? fetch_plan_folders(u->plan, &u->room, u->q->folder, err) : rc;
}
