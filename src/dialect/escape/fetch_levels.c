/*
 * The plan of a collection: what the player's folder holds, by path and by MD5, against the list. Levels that
 * only moved are moved; what is not in the list goes to the attic; index files are written anew. local.c
 * reads the folder.
 */
#include "dialect/escape/fetch.h"
#include "dialect/escape/local.h"

#include <stdio.h>

struct updating {
    const struct fetch_request *q;
    const char *source, *collection;
    struct fetch_plan *plan;
    struct arena scratch; /* for what is not needed once the plan is made */
    struct es_levels list;
    const struct es_level **listed; /* the list's levels in order of their paths */
    struct es_local local;
    size_t room;      /* of the plan's steps */
    size_t downloads; /* levels to be downloaded */
};

/* ---- looking things up ---- */

static int level_compare(const void *a, const void *b)
{
    return strcmp((*(const struct es_level *const *)a)->path, (*(const struct es_level *const *)b)->path);
}

static int level_seek(const void *path, const void *b)
{
    return strcmp(path, (*(const struct es_level *const *)b)->path);
}

static int levels_sort(const struct es_levels *l, struct arena *a, const struct es_level ***out,
                       struct pb_error *err)
{
    *out = arena_zero(a, (l->level_count + 1) * sizeof **out);
    if (*out == NULL)
        return error_memory(err);
    for (size_t i = 0; i < l->level_count; i++)
        (*out)[i] = &l->levels[i];
    if (l->level_count > 1)
        qsort(*out, l->level_count, sizeof **out, level_compare);
    return PB_OK;
}

static const struct es_level *level_find(const struct es_level *const *sorted, size_t n, const char *path)
{
    const struct es_level *const *found = n > 0 ? bsearch(path, sorted, n, sizeof *sorted, level_seek) : NULL;
    return found != NULL ? *found : NULL;
}

/* ---- steps ---- */

static struct fetch_step *step_add(struct updating *u, enum fetch_action action, const char *path)
{
    const char *whole = arena_path(&u->plan->arena, u->collection, path);
    struct fetch_step *s = whole != NULL ? fetch_step_add(u->plan, &u->room) : NULL;
    if (s != NULL)
        *s = (struct fetch_step){.action = action, .path = whole};
    return s;
}

/* A step for something that is in the folder. */
static int local_step(struct updating *u, enum fetch_action action, struct es_local_file *f,
                      struct pb_error *err)
{
    struct fetch_step *s = step_add(u, action, f->path);
    if (s == NULL)
        return error_memory(err);
    s->seen = f->seen;
    f->used = true;
    return PB_OK;
}

static int level_keep(struct updating *u, const struct es_level *l, struct es_local_file *f,
                      struct pb_error *err)
{
    int rc = local_step(u, FETCH_KEEP, f, err);
    if (rc < 0)
        return rc;
    struct fetch_step *s = &u->plan->steps[u->plan->step_count - 1];
    s->md5 = l->md5;
    s->size = f->seen.size;
    return PB_OK;
}

static int level_move(struct updating *u, const struct es_level *l, struct es_local_file *f,
                      struct pb_error *err)
{
    struct fetch_step *s = step_add(u, FETCH_MOVE, l->path);
    if (s == NULL)
        return error_memory(err);
    s->from = arena_format(&u->plan->arena, "%s/%s", u->collection, f->path);
    s->md5 = l->md5;
    s->seen = f->seen;
    const struct es_local_file *there = es_local_find(&u->local, l->path);
    if (there != NULL)
        s->onto = there->seen;
    f->used = true;
    return s->from == NULL ? error_memory(err) : PB_OK;
}

/* A level that the folder has elsewhere, too, or that is placed in several places: copied from there. */
static int level_place(struct updating *u, const struct es_level *l, const struct es_local_file *copy_of,
                       struct pb_error *err)
{
    struct arena *a = &u->plan->arena;
    struct fetch_step *s = step_add(u, FETCH_PLACE, l->path);
    size_t at = u->plan->step_count - 1;
    if (s == NULL)
        return error_memory(err);
    s->md5 = l->md5;
    /* What is in the way either leaves by a step of its own, or is our own of before. */
    const struct es_local_file *there = es_local_find(&u->local, l->path);
    if (there != NULL)
        s->seen = there->seen;
    if (copy_of == NULL) {
        u->downloads++;
        return PB_OK;
    }
    const char *from = arena_format(a, "%s/%s", u->collection, copy_of->path);
    s->staged = arena_format(a, "copy.%zu", at);
    if (from == NULL || s->staged == NULL)
        return error_memory(err);
    return es_making_add(u->plan, (struct es_making){.from = from, .from_folder = true, .step = (uint32_t)at},
                         err);
}

/* First what is in place already, so that nothing is moved away from where it belongs. */
static int levels_keep(struct updating *u, bool *kept, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < u->list.level_count; i++) {
        const struct es_level *l = &u->list.levels[i];
        struct es_local_file *f = es_local_find(&u->local, l->path);
        kept[i] = f != NULL && f->regular && md5_equal(&f->md5, &l->md5);
        if (kept[i])
            rc = level_keep(u, l, f, err);
    }
    return rc;
}

static int levels_plan(struct updating *u, struct pb_error *err)
{
    bool *kept = arena_zero(&u->scratch, u->list.level_count + 1);
    int rc = kept == NULL ? error_memory(err) : levels_keep(u, kept, err);
    for (size_t i = 0; rc == PB_OK && i < u->list.level_count; i++) {
        const struct es_level *l = &u->list.levels[i];
        struct es_local_file *f = NULL;
        const struct es_local_file *any = NULL;
        if (kept[i])
            continue;
        es_local_find_md5(&u->local, &l->md5, &f, &any);
        rc = f != NULL ? level_move(u, l, f, err) : level_place(u, l, any, err);
    }
    return rc;
}

/* ---- downloads ---- */

/* fetch_plan.piece_make. */
static int level_piece(const struct fetch_plan *plan, size_t i, struct arena *scratch,
                       struct fetch_piece *out, struct pb_error *err)
{
    const struct es_fetch *f = plan->dialect;
    const struct fetch_step *s = &plan->steps[f->piece_steps[i]];
    char level[ES_LEVEL_PATH], hex[MD5_HEX + 1];
    es_level_path(&s->md5, level);
    const char *path = arena_format(scratch, "%s/%s", f->collection, level);
    const char **urls = arena_zero(scratch, (f->source_count + 1) * sizeof *urls);
    const char *staged = arena_text(scratch, fetch_step_staged(s, hex));
    bool good = path != NULL && urls != NULL && staged != NULL;
    for (size_t k = 0; good && k < f->source_count; k++)
        good = (urls[k] = es_url(scratch, f->sources[k], path)) != NULL;
    if (!good)
        return error_memory(err);
    *out = (struct fetch_piece){.name = s->path,
                                .url = urls[0],
                                .mirrors = urls + 1,
                                .mirror_count = f->source_count - 1,
                                .staged = staged,
                                .size = FETCH_SIZE_UNKNOWN,
                                .ceiling = ES_LEVEL_MAX,
                                .verified = true,
                                .md5 = s->md5};
    return PB_OK;
}

static int want_compare(const void *a, const void *b, void *arg)
{
    const struct fetch_step *steps = arg, *x = &steps[*(const uint32_t *)a],
                            *y = &steps[*(const uint32_t *)b];
    int order = memcmp(&x->md5, &y->md5, sizeof x->md5);
    return order != 0 ? order : (x > y) - (x < y);
}

/* Of levels with the same bytes the first is downloaded, under its MD5; the others are copied from it. */
static int wants_stage(struct updating *u, uint32_t *wants, size_t n, struct pb_error *err)
{
    struct fetch_plan *plan = u->plan;
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < n; i++) {
        struct fetch_step *s = &plan->steps[wants[i]];
        if (i == 0 || !md5_equal(&plan->steps[wants[i - 1]].md5, &s->md5)) {
            wants[plan->piece_count++] = wants[i];
            continue;
        }
        char hex[MD5_HEX + 1];
        hex_encode(s->md5.bytes, sizeof s->md5.bytes, hex);
        const char *from = arena_text(&plan->arena, hex);
        s->staged = arena_format(&plan->arena, "copy.%u", wants[i]);
        rc = from == NULL || s->staged == NULL
                 ? error_memory(err)
                 : es_making_add(plan, (struct es_making){.from = from, .step = wants[i]}, err);
    }
    return rc;
}

static int pieces_plan(struct updating *u, struct pb_error *err)
{
    size_t n = 0;
    struct fetch_plan *plan = u->plan;
    struct es_fetch *f = plan->dialect;
    uint32_t *wants = arena_zero(&plan->arena, (u->downloads + 1) * sizeof *wants);
    if (wants == NULL)
        return error_memory(err);
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct fetch_step *s = &plan->steps[i];
        if (s->action == FETCH_PLACE && s->staged == NULL)
            wants[n++] = (uint32_t)i;
    }
    if (n > 1)
        qsort_r(wants, n, sizeof *wants, want_compare, plan->steps);
    plan->piece_make = level_piece;
    plan->unread = true;
    f->piece_steps = wants;
    f->collection = u->collection;
    f->sources = u->q->sources;
    f->source_count = u->q->source_count;
    return wants_stage(u, wants, n, err);
}

/* ---- what else is in the folder ---- */

/* Did an earlier fetch put these very bytes there? Then they are not the player's, and may be replaced. */
static bool is_ours(const struct updating *u, const struct es_local_file *f)
{
    char path[ES_NAME_MAX + PATH_RELATIVE_MAX + 2];
    snprintf(path, sizeof path, "%s/%s", u->collection, f->path);
    return f->regular && file_records_ours(u->q->files, path, &f->md5);
}

static bool in_listed_folder(const struct updating *u, const char *path)
{
    struct slice above = path_folder(slice_of(path));
    return above.n == 0 || es_folder_find(&u->local, above) == ES_FOLDER_LISTED;
}

static int leftover_plan(struct updating *u, struct es_local_file *f, struct pb_error *err)
{
    bool listed = level_find(u->listed, u->list.level_count, f->path) != NULL;
    if (listed && is_ours(u, f))
        return PB_OK; /* the new level takes its place */
    if (f->generated && in_listed_folder(u, f->path))
        return PB_OK; /* indexes_plan replaces it */
    if (f->index && !f->webindex && !listed && in_listed_folder(u, f->path))
        return PB_OK; /* an index file that is none of ours stays */
    if (f->generated) {
        int rc = local_step(u, FETCH_REMOVE, f, err);
        if (rc == PB_OK)
            u->plan->steps[u->plan->step_count - 1].generated = true;
        return rc;
    }
    return local_step(u, FETCH_ATTIC, f, err);
}

static int leftovers_plan(struct updating *u, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < u->local.file_count; i++) {
        if (!u->local.files[i].used)
            rc = leftover_plan(u, &u->local.files[i], err);
    }
    return rc;
}

/* ---- folders ---- */

static int folders_plan(struct updating *u, struct pb_error *err)
{
    if (!u->local.there && step_add(u, FETCH_FOLDER, "") == NULL)
        return error_memory(err);
    for (size_t i = 0; i < u->list.folder_count; i++) {
        const char *path = u->list.folders[i].path;
        const struct es_local_file *f = es_local_find(&u->local, path);
        if (f != NULL && f->link)
            return error_set(err, PB_INVALID,
                             "%s/%s: is a symbolic link, and the collection needs a folder of that name",
                             u->collection, path);
        if (es_folder_find(&u->local, slice_of(path)) == ES_FOLDER_NONE &&
            step_add(u, FETCH_FOLDER, path) == NULL)
            return error_memory(err);
        es_folder_mark(&u->local, slice_of(path));
    }
    for (size_t i = 0; i < u->local.folder_count; i++) {
        if (!u->local.folders[i].listed && step_add(u, FETCH_PRUNE, u->local.folders[i].path) == NULL)
            return error_memory(err);
    }
    return PB_OK;
}

/* ---- index files ---- */

/* In order of their folders, then of their names. */
static int beside_compare(const void *a, const void *b)
{
    const char *x = (*(const struct es_level *const *)a)->path,
               *y = (*(const struct es_level *const *)b)->path;
    struct slice fx = path_folder(slice_of(x)), fy = path_folder(slice_of(y));
    size_t n = fx.n < fy.n ? fx.n : fy.n;
    int order = n > 0 ? memcmp(fx.p, fy.p, n) : 0;
    if (order == 0)
        order = (fx.n > fy.n) - (fx.n < fy.n);
    return order != 0 ? order : strcmp(path_base(slice_of(x)).p, path_base(slice_of(y)).p);
}

static int folder_order(struct slice folder, const struct es_level *l)
{
    struct slice other = path_folder(slice_of(l->path));
    size_t n = folder.n < other.n ? folder.n : other.n;
    int order = n > 0 ? memcmp(folder.p, other.p, n) : 0;
    return order != 0 ? order : (folder.n > other.n) - (folder.n < other.n);
}

/* The levels of one folder, among all in the order of beside_compare. */
static const struct es_level *const *levels_of(const struct updating *u, const struct es_level *const *beside,
                                               struct slice folder, size_t *n)
{
    size_t low = 0, high = u->list.level_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (folder_order(folder, beside[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    *n = 0;
    while (low + *n < u->list.level_count && folder_order(folder, beside[low + *n]) == 0)
        (*n)++;
    return beside + low;
}

static int index_plan(struct updating *u, const struct es_level *const *beside, const char *folder,
                      const char *description, struct pb_error *err)
{
    struct arena *a = &u->plan->arena;
    struct digest_result r;
    size_t n;
    const struct es_level *const *levels = levels_of(u, beside, slice_of(folder), &n);
    const char *path = arena_format(a, "%s%s" ES_INDEX, folder, folder[0] != '\0' ? "/" : "");
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, ES_DOCUMENT_MAX);
    es_index_emit(description, levels, n, &text);
    int rc =
        text.failed || path == NULL ? error_memory(err) : digest_bytes(DIGEST_MD5, text.p, text.n, &r, err);
    if (rc < 0)
        return rc;
    const struct es_local_file *there = es_local_find(&u->local, path);
    bool same = there != NULL && there->regular && md5_equal(&there->md5, &r.md5);
    struct fetch_step *s = step_add(u, same ? FETCH_KEEP : FETCH_PLACE, path);
    if (s == NULL)
        return error_memory(err);
    s->generated = true;
    s->md5 = r.md5;
    if (there != NULL)
        s->seen = there->seen;
    if (same)
        return PB_OK;
    size_t at = u->plan->step_count - 1;
    s->size = text.n;
    s->staged = arena_format(a, "index.%zu", at);
    if (s->staged == NULL)
        return error_memory(err);
    return es_made_add(u->plan, u->q->staging, (struct slice){text.p, text.n}, at, err);
}

/* u->listed comes out in another order: leftovers_plan has been. */
static int indexes_plan(struct updating *u, struct pb_error *err)
{
    const struct es_level **beside = u->listed;
    if (u->list.level_count > 1)
        qsort(beside, u->list.level_count, sizeof *beside, beside_compare);
    int rc = index_plan(u, beside, "", u->list.title, err);
    for (size_t i = 0; rc == PB_OK && i < u->list.folder_count; i++)
        rc = index_plan(u, beside, u->list.folders[i].path, u->list.folders[i].description, err);
    return rc;
}

/* ---- the whole ---- */

/* The list, into the scratch arena. u->plan->up_to_date: neither it nor the folder has changed since the last
 * fetch. */
static int list_get(struct updating *u, const struct fetch_net *net, struct pb_error *err)
{
    struct fetch_plan *plan = u->plan;
    const struct file_records *known = u->q->files;
    struct fetch_validators *v = arena_zero(&plan->arena, sizeof *v);
    const char *path = arena_format(&plan->arena, "%s.txt", u->collection);
    const char *url = path != NULL ? es_url(&plan->arena, u->source, path) : NULL;
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, ES_DOCUMENT_MAX);
    if (v == NULL || url == NULL)
        return error_memory(err);
    if (known->trusted && strcmp(known->source, u->source) == 0)
        *v = known->validators;
    int rc = net->get_changed(net->arg, url, v, &text, err);
    if (rc == PB_OK && v->unchanged) {
        rc = es_local_unchanged(u->q->folder, u->collection, known, &plan->kept, err);
        plan->up_to_date = rc == 1;
        if (rc != 0)
            return rc < 0 ? rc : PB_OK;
        *v = (struct fetch_validators){.etag = ""};
        rc = net->get_changed(net->arg, url, v, &text, err);
    }
    if (rc < 0)
        return error_context(err, "/%s", path);
    plan->validators = v;
    rc = es_levels_parse((struct slice){text.p, text.n}, &u->scratch, &u->list, err);
    return rc < 0 ? error_context(err, "/%s", path) : PB_OK;
}

static int list_take(struct updating *u, struct pb_error *err)
{
    uint64_t version;
    if (es_game_version(u->q, &version) && version < u->list.version)
        return error_set(err, PB_DENIED, "the collection needs version %llu of the game; %llu is installed",
                         (unsigned long long)u->list.version, (unsigned long long)version);
    u->plan->note = arena_text(&u->plan->arena, u->list.note);
    u->plan->attic = ES_ATTIC;
    if (u->plan->note == NULL)
        return error_memory(err);
    int rc = file_records_load(u->q->files, err);
    return rc == PB_OK ? levels_sort(&u->list, &u->scratch, &u->listed, err) : rc;
}

/* Levels, an index for each folder, and some that are not listed. */
static size_t files_expected(const struct es_levels *l)
{
    return l->level_count + l->level_count / 64 + l->folder_count + 8;
}

static int steps_plan(struct updating *u, struct pb_error *err)
{
    size_t most = u->list.level_count + 2 * u->list.folder_count + 8;
    int rc = fetch_steps_reserve(u->plan, &u->room, most) ? PB_OK : error_memory(err);
    if (rc == PB_OK)
        rc = folders_plan(u, err);
    if (rc == PB_OK)
        rc = levels_plan(u, err);
    if (rc == PB_OK)
        rc = leftovers_plan(u, err);
    if (rc == PB_OK)
        rc = indexes_plan(u, err);
    return rc == PB_OK ? pieces_plan(u, err) : rc;
}

int es_levels_plan(const struct fetch_request *q, const struct fetch_net *net, const char *source,
                   const char *collection, struct fetch_plan *plan, struct pb_error *err)
{
    struct updating u = {.q = q, .source = source, .collection = collection, .plan = plan};
    arena_init(&u.scratch, FETCH_PLAN_CEILING);
    int rc = list_get(&u, net, err);
    if (rc == PB_OK && !plan->up_to_date) {
        rc = list_take(&u, err);
        if (rc == PB_OK)
            rc = es_local_read(q->folder, collection, q->files, files_expected(&u.list), &u.scratch, &u.local,
                               err);
        if (rc == PB_OK)
            rc = steps_plan(&u, err);
    }
    arena_free(&u.scratch);
    return rc;
}
