/* A whole patch.cfg in memory: made of what po_config_each reads, changed, written, and asked about. */
#include "dialect/playonline/format.h"

struct po_file *po_config_add(struct po_config *c, const char *path)
{
    struct po_file *files = arena_grow(c->arena, c->files, c->n, &c->room, sizeof *files);
    if (files == NULL)
        return NULL;
    c->files = files;
    files[c->n] = (struct po_file){.path = path};
    return &files[c->n++];
}

/* Most files have one line or two: there may be hundreds of thousands. */
struct po_line *po_file_add(struct po_config *c, struct po_file *f)
{
    if (f->n == f->room) {
        uint32_t room = f->room == 0 ? 1 : 2 * f->room;
        struct po_line *lines = arena_zero(c->arena, room * sizeof *lines);
        if (lines == NULL)
            return NULL;
        if (f->n > 0)
            memcpy(lines, f->lines, f->n * sizeof *lines);
        f->lines = lines;
        f->room = room;
    }
    f->lines[f->n] = (struct po_line){0};
    return &f->lines[f->n++];
}

/* Neighbours mostly have the same. */
static const char *version_keep(struct po_config *c, struct slice version)
{
    if (c->version == NULL || !slice_equal(version, slice_of(c->version)))
        c->version = arena_copy(c->arena, version.p, version.n);
    return c->version;
}

static int line_keep(struct po_config *c, const struct po_item *item, struct pb_error *err)
{
    struct po_line *l = po_file_add(c, &c->files[c->n - 1]);
    if (l == NULL)
        return error_memory(err);
    if (item->kind == PO_ITEM_RAW) {
        l->raw = arena_copy(c->arena, item->text.p, item->text.n);
        return l->raw == NULL ? error_memory(err) : PB_OK;
    }
    *l = (struct po_line){.version = version_keep(c, item->version),
                          .direct = arena_copy(c->arena, item->direct.p, item->direct.n),
                          .rest = item->rest.n == 0 ? "" : arena_copy(c->arena, item->rest.p, item->rest.n),
                          .local_size = item->local_size,
                          .sum_a = item->sum_a,
                          .sum_b = item->sum_b,
                          .direct_size = item->direct_size};
    return l->version == NULL || l->direct == NULL || l->rest == NULL ? error_memory(err) : PB_OK;
}

/* A po_item_fn. */
static int item_keep(void *arg, const struct po_item *item, struct pb_error *err)
{
    struct po_config *c = arg;
    if (item->kind == PO_ITEM_END)
        return PB_OK;
    if (item->kind != PO_ITEM_FILE && item->in_block)
        return line_keep(c, item, err);
    const char *text = arena_copy(c->arena, item->text.p, item->text.n);
    struct po_file *f = text != NULL ? po_config_add(c, item->kind == PO_ITEM_FILE ? text : NULL) : NULL;
    if (f == NULL)
        return error_memory(err);
    if (item->kind == PO_ITEM_RAW)
        f->raw = text;
    return PB_OK;
}

int po_config_parse(struct slice text, struct arena *a, struct po_config *out, struct pb_error *err)
{
    size_t n = 0;
    *out = (struct po_config){.arena = a};
    int rc = po_config_each(text, item_keep, out, err);
    if (rc < 0)
        return rc;
    _cleanup_free_ const char **paths = malloc((out->n + 1) * sizeof *paths);
    if (paths == NULL)
        return error_memory(err);
    for (size_t i = 0; i < out->n; i++) {
        if (out->files[i].path != NULL)
            paths[n++] = out->files[i].path;
    }
    return po_paths_check(paths, n, err);
}

void po_config_emit(const struct po_config *c, struct buffer *out)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct po_file *f = &c->files[i];
        if (f->path == NULL) {
            buffer_format(out, "%s\n", f->raw);
            continue;
        }
        buffer_format(out, "file %s {\n", f->path);
        for (size_t k = 0; k < f->n; k++) {
            const struct po_line *l = &f->lines[k];
            if (l->raw != NULL)
                buffer_format(out, "%s\n", l->raw);
            else
                buffer_format(out, "%s %u %d %d %s %u%s%s\n", l->version, l->local_size, l->sum_a, l->sum_b,
                              l->direct, l->direct_size, l->rest[0] != '\0' ? " " : "", l->rest);
        }
        buffer_text(out, "}\n");
    }
    buffer_text(out, PO_END "\n");
}

const char *po_config_oldest(const struct po_config *c)
{
    const char *oldest = NULL;
    for (size_t i = 0; i < c->n; i++) {
        for (size_t k = 0; k < c->files[i].n; k++) {
            const struct po_line *l = &c->files[i].lines[k];
            if (l->raw == NULL && (oldest == NULL || po_version_compare(l->version, oldest) < 0))
                oldest = l->version;
        }
    }
    return oldest;
}

/* Returns whether the block stays. */
static bool file_cut(struct po_file *f, const char *version)
{
    size_t kept = 0, cut = 0, versions = 0;
    for (size_t i = 0; i < f->n; i++) {
        bool above = f->lines[i].raw == NULL && po_version_compare(f->lines[i].version, version) > 0;
        cut += above;
        versions += !above && f->lines[i].raw == NULL;
        if (!above)
            f->lines[kept++] = f->lines[i];
    }
    f->n = kept;
    return cut == 0 || versions > 0;
}

void po_config_cut(struct po_config *c, const char *version)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (file_cut(&c->files[i], version))
            c->files[kept++] = c->files[i];
    }
    c->n = kept;
}

const struct po_line *po_file_winner(const struct po_file *f)
{
    const struct po_line *best = NULL;
    for (size_t i = 0; i < f->n; i++) {
        const struct po_line *l = &f->lines[i];
        if (l->raw == NULL && (best == NULL || po_version_compare(l->version, best->version) >= 0))
            best = l;
    }
    return best;
}

static int name_compare(const void *a, const void *b)
{
    const struct po_name *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

/* A collection of names under way. */
struct gather {
    const struct po_config *config;
    struct po_name *names;
    size_t n, room;
};

static int name_add(struct gather *g, const char *text, uint32_t size, struct pb_error *err)
{
    struct po_name *names = arena_grow(g->config->arena, g->names, g->n, &g->room, sizeof *names);
    if (names == NULL || text == NULL)
        return error_memory(err);
    g->names = names;
    names[g->n] = (struct po_name){text, size, g->n};
    g->n++;
    return PB_OK;
}

static int file_names(struct gather *g, const struct po_file *f, const char *but, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < f->n; i++) {
        const struct po_line *l = &f->lines[i];
        struct slice indirect;
        uint32_t size;
        if (l->raw != NULL || (but != NULL && strcmp(l->version, but) == 0))
            continue;
        rc = name_add(g, l->direct, l->direct_size, err);
        if (rc == PB_OK && po_line_indirect(l, &indirect, &size))
            rc = name_add(g, arena_copy(g->config->arena, indirect.p, indirect.n), size, err);
    }
    return rc;
}

int po_names_of(const struct po_config *c, const char *but, struct po_name **out, size_t *n,
                struct pb_error *err)
{
    struct gather g = {.config = c};
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < c->n; i++)
        rc = file_names(&g, &c->files[i], but, err);
    if (g.n > 1)
        qsort(g.names, g.n, sizeof *g.names, name_compare);
    size_t kept = 0;
    for (size_t i = 0; i < g.n; i++) {
        if (kept == 0 || strcmp(g.names[kept - 1].text, g.names[i].text) != 0)
            g.names[kept++] = g.names[i];
    }
    *out = g.names;
    *n = kept;
    return rc;
}
