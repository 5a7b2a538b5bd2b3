/* A tree of levels becomes a collection: /NAME.txt, the levels under their MD5s, and a line of /COLLECTIONS.
 */
#include "base/file.h"
#include "base/tree.h"
#include "depot/stored.h"
#include "dialect/escape/check.h"
#include "dialect/escape/levels_store.h"
#include "dialect/escape/publish.h"
#include "dialect/faults.h"
#include "dialect/notices.h"

#include <fcntl.h>
#include <stdio.h>

enum { INDEX_MAX = 16 * 1024 * 1024, AUX_MAX = 64 * 1024 * 1024 };

struct list {
    void *items;
    size_t n, room;
};

static void *list_add(struct list *l, size_t size, struct arena *a)
{
    void *items = arena_grow(a, l->items, l->n, &l->room, size);
    if (items == NULL)
        return NULL;
    l->items = items;
    return (char *)items + l->n++ * size;
}

/* What is known of a level by its path or MD5 in hex: from index files, and from the file of ratings. */
struct rated {
    const char *key;
    const int64_t *ratings;
};

struct work {
    const struct pb_levels_options *options;
    struct publication *publication;
    struct arena *arena;
    struct list found;   /* struct es_found */
    struct list folders; /* struct es_folder; the description is NULL until one is found */
    struct list levels;  /* struct es_level */
    struct list objects; /* struct object, of the levels */
    struct list rated;   /* struct rated, from index files */
    struct list ratings; /* struct rated, from the file */
    struct es_levels list;
    struct notices notices;
    struct faults left_out; /* files that are no levels */
    const char *top_title;  /* from the index file at the top; NULL: there is none */
    pb_progress_fn *progress;
    void *arg;
    struct pb_publish_result *result;
};

/* ---- the walk ---- */

static int folder_add(struct work *w, const char *path, struct pb_error *err)
{
    struct es_folder *f = list_add(&w->folders, sizeof *f, w->arena);
    if (f == NULL)
        return error_memory(err);
    if (w->folders.n > ES_FOLDERS_MAX)
        return error_set(err, PB_INVALID, "more than %d folders", ES_FOLDERS_MAX);
    f->path = path;
    return PB_OK;
}

/* The folder that was walked into last and has this path. */
static struct es_folder *folder_find(const struct work *w, struct slice path)
{
    struct es_folder *all = w->folders.items;
    for (size_t i = w->folders.n; i-- > 0;) {
        if (slice_equal(slice_of(all[i].path), path))
            return &all[i];
    }
    return NULL;
}

/* An index file tells what its folder is called, and what is known of the levels in it. */
static int index_take(struct work *w, int root, const char *path, struct pb_error *err)
{
    struct es_index index;
    struct slice above = path_folder(slice_of(path));
    struct es_folder *folder = folder_find(w, above);
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, INDEX_MAX);
    int rc = file_read_all(root, path, &text, err);
    if (rc == PB_OK)
        rc = es_index_parse((struct slice){text.p, text.n}, w->arena, &index, err);
    if (rc != PB_OK)
        return rc;
    if (index.wraps != 0)
        return error_set(err, PB_INVALID, "line %zu: a number above %d, which wraps in the game", index.wraps,
                         ES_NUMBER_MAX);
    if (folder != NULL && index.description[0] != '\0')
        folder->description = index.description;
    if (above.n == 0 && index.description[0] != '\0')
        w->top_title = index.description;
    for (size_t i = 0; i < index.n; i++) {
        if (index.ratings[i].ratings == NULL)
            continue;
        struct rated *r = list_add(&w->rated, sizeof *r, w->arena);
        if (r == NULL)
            return error_memory(err);
        r->ratings = index.ratings[i].ratings;
        r->key = above.n == 0
                     ? index.ratings[i].path
                     : arena_format(w->arena, "%.*s/%s", (int)above.n, above.p, index.ratings[i].path);
        if (r->key == NULL)
            return error_memory(err);
    }
    return PB_OK;
}

static int level_add(struct work *w, const struct es_found *f, struct pb_error *err)
{
    struct es_level *l = list_add(&w->levels, sizeof *l, w->arena);
    struct object *o = list_add(&w->objects, sizeof *o, w->arena);
    if (l == NULL || o == NULL)
        return error_memory(err);
    *l = (struct es_level){.path = f->path, .md5 = f->object.md5};
    *o = f->object;
    w->result->source_bytes += f->object.size;
    w->result->parts++;
    return PB_OK;
}

/* By its name: what people put beside levels. */
static bool is_no_level(const char *name)
{
    static const char *const ends[] = {".txt", ".md", ".html", ".htm", ".gz", ".zip", "~"};
    static const char *const begins[] = {".", "README", "COPYING", "LICENSE", "LICENCE", "CHANGELOG"};
    struct slice n = slice_of(name);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (slice_ends_nocase(n, slice_of(ends[i])))
            return true;
    }
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        size_t length = strlen(begins[i]);
        bool rest = n.n == length || begins[i][0] == '.' || (n.n > length && n.p[length] == '.');
        if (rest && n.n >= length && slice_equal_nocase((struct slice){n.p, length}, slice_of(begins[i])))
            return true;
    }
    return false;
}

/* A tree_fn. */
static int item_take(void *arg, const struct tree_item *item, struct pb_error *err)
{
    struct work *w = arg;
    const char *why = NULL, *path = arena_text(w->arena, item->path);
    bool folder = S_ISDIR(item->st->st_mode);
    if (path == NULL)
        return error_memory(err);
    if (folder ? item->name[0] == '.' : is_no_level(item->name)) {
        faults_add(&w->left_out, path, "left out: no level");
        return folder ? TREE_SKIP : PB_OK;
    }
    if (!es_level_path_ok(slice_of(path), &why)) {
        name_refuse(&w->notices, path, why);
        return PB_OK;
    }
    if (folder)
        return folder_add(w, path, err);
    if (!S_ISREG(item->st->st_mode))
        return error_set(err, PB_INVALID, "%s: is neither a file nor a folder", path);
    if (w->found.n == ES_LEVELS_MAX)
        return error_set(err, PB_INVALID, "more than %d levels", ES_LEVELS_MAX);
    struct es_found *f = list_add(&w->found, sizeof *f, w->arena);
    if (f == NULL)
        return error_memory(err);
    f->path = path;
    return PB_OK;
}

/* What was found, in the order of the walk. */
static int found_take(struct work *w, int root, struct pb_error *err)
{
    int rc = PB_OK;
    const struct es_found *list = w->found.items;
    for (size_t i = 0; rc == PB_OK && i < w->found.n; i++) {
        const struct es_found *f = &list[i];
        if (f->kind == ES_FOUND_LEVEL)
            rc = level_add(w, f, err);
        else if (f->kind == ES_FOUND_INDEX && (rc = index_take(w, root, f->path, err)) < 0)
            error_context(err, "%s", f->path);
        else if (f->kind == ES_FOUND_EMPTY)
            item_refuse(&w->notices, f->path,
                        "is empty: one such file keeps the game from updating the collection");
    }
    return rc;
}

/* ---- descriptions and ratings ---- */

static int rated_compare(const void *a, const void *b)
{
    return strcmp(((const struct rated *)a)->key, ((const struct rated *)b)->key);
}

static void rated_sort(struct list *l)
{
    if (l->n > 1)
        qsort(l->items, l->n, sizeof(struct rated), rated_compare);
}

static const int64_t *rated_find(const struct list *l, const char *key)
{
    struct rated wanted = {key, NULL};
    const struct rated *found =
        l->n == 0 ? NULL : bsearch(&wanted, l->items, l->n, sizeof *found, rated_compare);
    return found != NULL ? found->ratings : NULL;
}

/* Reads a file of lines into the arena. */
static int aux_read(struct work *w, const char *file, struct es_lines *lines, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, AUX_MAX);
    int rc = file_read_all(AT_FDCWD, file, &text, err);
    if (rc < 0)
        return rc;
    *lines = (struct es_lines){{arena_copy(w->arena, text.p, text.n), text.n}, 0};
    return lines->rest.p == NULL ? error_memory(err) : PB_OK;
}

/* "FOLDER DESCRIPTION": of a folder that there is. */
static int descriptions_read(struct work *w, struct pb_error *err)
{
    struct es_lines lines;
    struct slice line;
    const char *file = w->options->descriptions, *why;
    int rc = file == NULL ? PB_OK : aux_read(w, file, &lines, err);
    if (file == NULL || rc < 0)
        return rc;
    while (es_line(&lines, &line)) {
        struct slice path = es_word(&line);
        if (path.n == 0)
            continue;
        struct es_folder *f = folder_find(w, path);
        if (f == NULL)
            return error_set(err, PB_INVALID, "%s line %zu: there is no folder %.*s", file, lines.number,
                             (int)path.n, path.p);
        while (line.n > 0 && *line.p == ' ')
            line.p++, line.n--;
        if (!es_text_ok(line, &why))
            return error_set(err, PB_INVALID, "%s line %zu: the description %s", file, lines.number, why);
        f->description = arena_copy(w->arena, line.p, line.n);
        if (f->description == NULL)
            return error_memory(err);
    }
    return PB_OK;
}

static int ratings_read(struct work *w, struct pb_error *err)
{
    struct es_lines lines;
    struct slice line;
    const char *file = w->options->ratings;
    int rc = file == NULL ? PB_OK : aux_read(w, file, &lines, err);
    if (file == NULL || rc < 0)
        return rc;
    while (es_line(&lines, &line)) {
        struct slice key = es_word(&line);
        if (key.n == 0)
            continue;
        int64_t *numbers = arena_zero(w->arena, ES_RATINGS * sizeof *numbers);
        struct rated *r = list_add(&w->ratings, sizeof *r, w->arena);
        if (numbers == NULL || r == NULL)
            return error_memory(err);
        bool wraps = false;
        size_t n = es_ratings_parse(line, numbers, &wraps);
        if (wraps)
            return error_set(err, PB_INVALID, "%s line %zu: a number above %d, which wraps in the game", file,
                             lines.number, ES_NUMBER_MAX);
        if (n != ES_RATINGS)
            return error_set(err, PB_INVALID, "%s line %zu: %d numbers should be behind the name", file,
                             lines.number, ES_RATINGS);
        *r = (struct rated){arena_copy(w->arena, key.p, key.n), numbers};
        if (r->key == NULL)
            return error_memory(err);
    }
    rated_sort(&w->ratings);
    return PB_OK;
}

/* The file of ratings goes before the index files, and a path before an MD5. */
static void ratings_set(struct work *w, struct es_level *l)
{
    char hex[MD5_HEX + 1];
    hex_encode(l->md5.bytes, sizeof l->md5.bytes, hex);
    l->ratings = rated_find(&w->ratings, l->path);
    if (l->ratings == NULL)
        l->ratings = rated_find(&w->ratings, hex);
    if (l->ratings == NULL)
        l->ratings = rated_find(&w->rated, l->path);
}

/* ---- the list ---- */

static void left_out_tell(const struct work *w)
{
    char text[PB_ERROR_TEXT_MAX];
    for (size_t i = 0; i < w->left_out.kind_count; i++) {
        fault_text(&w->left_out.kinds[i], text, sizeof text);
        notice(&w->notices, "%s", text);
    }
}

static int list_make(struct work *w, struct pb_error *err)
{
    _cleanup_fd_ int folder = -1;
    int rc = folder_open(AT_FDCWD, w->options->tree, &folder, err);
    if (rc == PB_OK)
        rc = tree_walk(folder, "", item_take, w, err);
    if (rc == PB_OK)
        rc = es_levels_store(w->publication->depot, folder, w->found.items, w->found.n, w->progress, w->arg,
                             err);
    if (rc == PB_OK)
        rc = found_take(w, folder, err);
    if (rc == PB_OK)
        rc = refused_check(&w->notices, err);
    if (rc == PB_OK)
        left_out_tell(w);
    if (rc == PB_OK && w->levels.n == 0)
        rc = error_set(err, PB_INVALID, "%s: there is no level in it", w->options->tree);
    if (rc == PB_OK)
        rc = descriptions_read(w, err);
    if (rc == PB_OK)
        rc = ratings_read(w, err);
    if (rc < 0)
        return rc;
    rated_sort(&w->rated);
    w->list.folders = w->folders.items;
    w->list.folder_count = w->folders.n;
    w->list.levels = w->levels.items;
    w->list.level_count = w->levels.n;
    for (size_t i = 0; i < w->list.level_count; i++)
        ratings_set(w, &w->list.levels[i]);
    for (size_t i = 0; i < w->list.folder_count; i++) {
        struct es_folder *f = &w->list.folders[i];
        if (f->description == NULL)
            f->description = path_base(slice_of(f->path)).p;
    }
    return es_levels_check(&w->list, w->arena, err);
}

/* An es_render_fn. */
static void list_render(void *list, const char *note, struct buffer *out)
{
    struct es_levels *l = list;
    l->note = note;
    es_levels_emit(l, out);
}

static int path_compare(const void *a, const void *b)
{
    return strcmp(((const struct es_level *)a)->path, ((const struct es_level *)b)->path);
}

/* The game makes its folders before it moves levels away: where a level of the live list is to become a
 * folder, it can't. */
static void folders_compare(struct work *w, const struct publication_entry *list)
{
    struct es_levels before;
    _cleanup_fd_ int fd = -1;
    _cleanup_free_ char *text = list != NULL ? malloc(list->object.size + 1) : NULL;
    if (text == NULL ||
        object_open(w->publication->depot->objects, &list->object.name, list->object.size, &fd, NULL) < 0 ||
        file_read_at(fd, text, list->object.size, 0, NULL) < 0 ||
        es_levels_parse((struct slice){text, list->object.size}, w->arena, &before, NULL) < 0)
        return; /* nothing to compare with */
    if (before.level_count > 1)
        qsort(before.levels, before.level_count, sizeof *before.levels, path_compare);
    for (size_t i = 0; i < w->list.folder_count; i++) {
        struct es_level wanted = {.path = w->list.folders[i].path};
        if (before.level_count > 0 &&
            bsearch(&wanted, before.levels, before.level_count, sizeof wanted, path_compare) != NULL)
            notice(&w->notices,
                   "%s: was a level and is a folder now: the game can't update where it has the level",
                   wanted.path);
    }
}

/* What the options leave open about the line in COLLECTIONS stays as it is. */
static void listed_inherit(struct work *w, const char *live, struct es_attributes *a)
{
    struct es_attributes before;
    if (live == NULL || es_attributes_parse(live, w->arena, &before, NULL) < 0)
        return; /* damaged: what comes now takes its place */
    if (a->listed_title == NULL)
        a->listed_title = before.listed_title;
    if (a->listed_version == 0)
        a->listed_version = before.listed_version;
    if (a->position == 0)
        a->position = before.position;
}

static int release_publish(struct work *w, struct es_attributes *attributes, struct pb_error *err)
{
    struct stored_release live = {0};
    char name[ES_NAME_MAX + 8];
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, ES_DOCUMENT_MAX);
    snprintf(name, sizeof name, "%s.txt", w->options->collection);
    int rc = list_make(w, err);
    if (w->options->title == NULL && w->top_title != NULL)
        w->list.title = attributes->title = w->top_title;
    if (rc == PB_OK)
        rc = stored_release_live(w->publication->depot, ES_DIALECT, w->options->collection, w->arena, &live,
                                 err);
    if (rc < 0)
        return rc;
    listed_inherit(w, live.attributes, attributes);
    folders_compare(w, stored_entry_find(&live, name));
    rc = es_render(w->publication, stored_entry_find(&live, name), w->options->note, list_render, &w->list,
                   &text, err);
    if (rc == PB_OK)
        rc = es_list_store(w->publication, name, (struct slice){text.p, text.n}, true, err);
    if (rc == PB_OK)
        rc = es_levels_add(w->publication, w->objects.items, w->objects.n, err);
    if (rc < 0)
        return rc;
    w->result->packed = w->result->source_bytes;
    return es_commit(w->publication, NULL, attributes, w->result, err);
}

static int options_check(const struct pb_levels_options *o, struct es_attributes *a, struct pb_error *err)
{
    const char *why;
    *a = (struct es_attributes){.collection = true,
                                .title = o->title != NULL ? o->title : o->collection,
                                .version = o->min_version,
                                .listed_title = o->list_title,
                                .listed_version = o->list_version,
                                .position = o->position};
    unsigned long long highest = o->min_version > o->list_version ? o->min_version : o->list_version;
    if (highest > ES_NUMBER_MAX || o->position > ES_NUMBER_MAX)
        return error_set(err, PB_INVALID,
                         "the version or position is more than %d, where numbers wrap in the game",
                         ES_NUMBER_MAX);
    if (o->list_title != NULL && !es_text_ok(slice_of(o->list_title), &why))
        return error_set(err, PB_INVALID, "the title in the list %s", why);
    if (!es_text_ok(slice_of(a->title), &why))
        return error_set(err, PB_INVALID, "the title %s", why);
    if (o->note != NULL && !es_text_ok(slice_of(o->note), &why))
        return error_set(err, PB_INVALID, "the note %s", why);
    return PB_OK;
}

int es_publish_levels(struct depot *d, const struct dialect *const *all,
                      const struct pb_levels_options *options, pb_progress_fn *progress, void *arg,
                      struct pb_publish_result *result, struct pb_error *err)
{
    struct es_attributes attributes;
    _cleanup_publication_ struct publication p = {0};
    struct work w = {.options = options,
                     .publication = &p,
                     .arena = &p.arena,
                     .notices = {options->notice, options->notice_arg, 0, ""},
                     .progress = progress,
                     .arg = arg,
                     .result = result};
    *result = (struct pb_publish_result){0};
    int rc = options_check(options, &attributes, err);
    w.list.title = attributes.title;
    w.list.version = options->min_version;
    if (rc == PB_OK)
        rc = es_names_check(d, all, options->collection, &attributes, err);
    if (rc == PB_OK)
        rc = publication_begin(d, ES_DIALECT, slice_of(options->collection), &p, err);
    if (rc == PB_OK)
        rc = release_publish(&w, &attributes, err);
    return rc < 0 ? error_context(err, "publish levels %s", options->collection) : PB_OK;
}
