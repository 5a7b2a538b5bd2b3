/* A tree becomes a version of an application: patch.cfg grows by a line for each file that is new or changed.
 * Files are compared and packed with all cores; everything else is done by one thread. */
#include "base/file.h"
#include "base/parallel.h"
#include "base/tree.h"
#include "depot/stored.h"
#include "dialect/notices.h"
#include "dialect/playonline/pack.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

/* One file of the tree. */
struct item {
    struct po_packing file;       /* its name on the server is used when it is new or changed */
    const struct po_line *before; /* its line in the version before; NULL: it is new */
    const struct po_file *block;
    uint64_t size; /* when the tree was walked */
    bool same;
};

struct work {
    struct depot *depot;
    const struct pb_app_options *options;
    struct publication *publication;
    struct arena *arena;
    int folder;
    struct item *items;
    size_t n, room;
    struct stored_release live;
    struct po_config before, after;
    struct po_file **by_path; /* blocks of `before` */
    size_t by_path_count;
    pb_progress_fn *progress;
    void *arg;
    struct pb_publish_result *result;
    struct notices notices;
    size_t same;           /* files that did not change */
    pthread_mutex_t mutex; /* of what follows, while files are compared */
    size_t next;
    bool stopped;
};

/* ---- what there is ---- */

/* A tree_fn. */
static int item_add(void *arg, const struct tree_item *item, struct pb_error *err)
{
    struct work *w = arg;
    const char *why, *path = arena_text(w->arena, item->path);
    if (path == NULL)
        return error_memory(err);
    if (S_ISDIR(item->st->st_mode))
        return PB_OK;
    if (!S_ISREG(item->st->st_mode))
        return error_set(err, PB_INVALID, "%s: is neither a file nor a folder", path);
    if (!po_path_ok(slice_of(path), &why)) {
        name_refuse(&w->notices, path, why);
        return PB_OK;
    }
    if (w->n == PO_FILES_MAX)
        return error_set(err, PB_INVALID, "more than %d files", PO_FILES_MAX);
    struct item *items = arena_grow(w->arena, w->items, w->n, &w->room, sizeof *items);
    if (items == NULL)
        return error_memory(err);
    w->items = items;
    items[w->n++] = (struct item){.file.path = path, .size = (uint64_t)item->st->st_size};
    return PB_OK;
}

static int file_compare(const void *a, const void *b)
{
    return strcmp((*(struct po_file *const *)a)->path, (*(struct po_file *const *)b)->path);
}

static int file_seek(const void *path, const void *b)
{
    return strcmp(path, (*(struct po_file *const *)b)->path);
}

static int before_read(struct work *w, struct pb_error *err)
{
    const struct publication_entry *e = stored_entry_find(&w->live, PO_CONFIG);
    w->before.arena = w->after.arena = w->arena;
    if (e == NULL)
        return PB_OK;
    int rc = po_config_read(w->depot->objects, &e->object.name, e->object.size, w->arena, &w->before, err);
    if (rc < 0)
        return error_context(err, "the live version's " PO_CONFIG " can't be built upon");
    w->by_path = arena_zero(w->arena, (w->before.n + 1) * sizeof *w->by_path);
    if (w->by_path == NULL)
        return error_memory(err);
    for (size_t i = 0; i < w->before.n; i++) {
        if (w->before.files[i].path != NULL)
            w->by_path[w->by_path_count++] = &w->before.files[i];
    }
    if (w->by_path_count > 1)
        qsort(w->by_path, w->by_path_count, sizeof *w->by_path, file_compare);
    return PB_OK;
}

/* ---- comparing and packing ---- */

/* A po_stop_fn. */
static bool work_stop(void *arg, size_t packed)
{
    struct work *w = arg;
    struct pb_progress p = {"compressing", w->same + packed, w->n, "files"};
    return w->progress != NULL && w->progress(w->arg, &p) != 0;
}

/* Can it be the file of the line? Only then it is worth reading before it is packed. */
static bool worth_comparing(const struct item *item)
{
    return item->before != NULL && item->before->local_size == item->size;
}

/* The next one to compare; NULL: there is none, or the caller says stop. */
static struct item *item_take(struct work *w)
{
    pthread_mutex_lock(&w->mutex);
    while (w->next < w->n && !worth_comparing(&w->items[w->next]))
        w->next++;
    w->stopped = w->stopped || work_stop(w, 0);
    struct item *item = w->next < w->n && !w->stopped ? &w->items[w->next++] : NULL;
    pthread_mutex_unlock(&w->mutex);
    return item;
}

static int item_compare(struct work *w, struct tree *tree, struct item *item, struct pb_error *err)
{
    uint64_t size;
    const struct po_line *l = item->before;
    _cleanup_fd_ int fd = -1;
    int rc = tree_open(tree, item->file.path, &fd, &size, err);
    if (rc == PB_OK)
        rc = po_sums_of(fd, &item->file.sums, err);
    if (rc < 0)
        return error_context(err, "%s", item->file.path);
    item->same = l->local_size == item->file.sums.size && l->sum_a == item->file.sums.a &&
                 l->sum_b == po_sum_b(&item->file.sums.md5);
    pthread_mutex_lock(&w->mutex);
    w->same += item->same;
    pthread_mutex_unlock(&w->mutex);
    return PB_OK;
}

/* A parallel_fn: one thread. */
static int items_compare(void *arg, size_t thread, struct pb_error *err)
{
    struct work *w = arg;
    struct item *item;
    _cleanup_tree_ struct tree tree;
    int rc = PB_OK;
    (void)thread;
    tree_start(&tree, w->folder);
    while (rc == PB_OK && (item = item_take(w)) != NULL)
        rc = item_compare(w, &tree, item, err);
    if (rc < 0) {
        pthread_mutex_lock(&w->mutex);
        w->stopped = true;
        pthread_mutex_unlock(&w->mutex);
    }
    return rc;
}

static int items_pack(struct work *w, struct pb_error *err)
{
    size_t n = 0;
    _cleanup_free_ struct po_packing **files = malloc((w->n + 1) * sizeof *files);
    if (files == NULL)
        return error_memory(err);
    for (size_t i = 0; i < w->n; i++) {
        if (!w->items[i].same)
            files[n++] = &w->items[i].file;
    }
    return po_pack(w->depot, w->folder, files, n, work_stop, w, err);
}

static int items_run(struct work *w, struct pb_error *err)
{
    pthread_mutex_init(&w->mutex, NULL);
    int rc = parallel_run(parallel_threads(), items_compare, w, err);
    pthread_mutex_destroy(&w->mutex);
    if (rc == PB_OK && w->stopped)
        rc = error_set(err, PB_CANCELLED, "cancelled");
    return rc == PB_OK ? items_pack(w, err) : rc;
}

/* ---- the release ---- */

/* With --force, lines of versions that sort behind this one are left out: they would win over it for ever. */
static int lines_take_over(struct work *w, const struct po_file *from, struct po_file *to,
                           struct pb_error *err)
{
    for (size_t i = 0; from != NULL && i < from->n; i++) {
        const struct po_line *l = &from->lines[i];
        if (l->raw == NULL && po_version_compare(l->version, w->options->version) >= 0)
            continue;
        struct po_line *copy = po_file_add(&w->after, to);
        if (copy == NULL)
            return error_memory(err);
        *copy = *l;
    }
    return PB_OK;
}

static int block_make(struct work *w, const struct item *item, struct pb_error *err)
{
    struct po_file *to = po_config_add(&w->after, item->file.path);
    int rc = to == NULL ? error_memory(err) : lines_take_over(w, item->block, to, err);
    if (rc < 0 || item->same)
        return rc;
    struct po_line *l = po_file_add(&w->after, to);
    if (l == NULL)
        return error_memory(err);
    *l = (struct po_line){.version = w->options->version,
                          .local_size = (uint32_t)item->file.sums.size,
                          .sum_a = item->file.sums.a,
                          .sum_b = po_sum_b(&item->file.sums.md5),
                          .direct = item->file.name,
                          .direct_size = (uint32_t)item->file.object.size,
                          .rest = ""};
    struct slice hashes = {(const char *)item->file.hashes, 4 * po_chunks(item->file.object.size)};
    w->result->parts++;
    w->result->packed += item->file.object.size;
    return publication_add(w->publication, slice_of(item->file.name), PO_FILE, &item->file.object, hashes,
                           err);
}

/* A file that lines name is in the release once, however many they are. */
static int stored_keep(struct work *w, const struct po_name *names, size_t n, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < n; i++) {
        const struct publication_entry *e = stored_entry_find(&w->live, names[i].text);
        if (e != NULL && e->kind == PO_FILE)
            rc = publication_add(w->publication, slice_of(names[i].text), PO_FILE, &e->object, e->extra, err);
    }
    return rc;
}

/* Everything that the new patch.cfg's older lines name is served on. */
static int files_keep(struct work *w, struct pb_error *err)
{
    struct po_name *names;
    size_t n;
    int rc = po_names_of(&w->after, w->options->version, &names, &n, err);
    return rc < 0 ? rc : stored_keep(w, names, n, err);
}

static int blocks_make(struct work *w, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < w->before.n; i++) {
        struct po_file *raw = w->before.files[i].path == NULL ? po_config_add(&w->after, NULL) : NULL;
        if (w->before.files[i].path == NULL && raw == NULL)
            return error_memory(err);
        if (raw != NULL)
            raw->raw = w->before.files[i].raw;
    }
    for (size_t i = 0; rc == PB_OK && i < w->n; i++)
        rc = block_make(w, &w->items[i], err);
    return rc;
}

static int items_find(struct work *w, struct pb_error *err)
{
    int rc = folder_open(AT_FDCWD, w->options->tree, &w->folder, err);
    if (rc == PB_OK)
        rc = tree_walk(w->folder, "", item_add, w, err);
    if (rc == PB_OK)
        rc = refused_check(&w->notices, err);
    if (rc == PB_OK && w->n == 0)
        rc = error_set(err, PB_INVALID, "%s: there is no file in it", w->options->tree);
    for (size_t i = 0; rc == PB_OK && i < w->n; i++) {
        struct item *item = &w->items[i];
        struct po_file **found =
            w->by_path_count == 0
                ? NULL
                : bsearch(item->file.path, w->by_path, w->by_path_count, sizeof *w->by_path, file_seek);
        item->block = found != NULL ? *found : NULL;
        item->before = found != NULL ? po_file_winner(*found) : NULL;
        /* A line that this version replaces or leaves out is none to compare with, nor is one whose file is
         * missing. */
        if (item->before != NULL && (po_version_compare(item->before->version, w->options->version) >= 0 ||
                                     stored_entry_find(&w->live, item->before->direct) == NULL))
            item->before = NULL;
        item->file.name = arena_format(w->arena, "%s/Direct/%s.slc", w->options->version, item->file.path);
        if (item->file.name == NULL)
            return error_memory(err);
        if (strlen(item->file.name) >= POLP_NAME_MAX)
            return error_set(err, PB_INVALID, "%s: the name is too long for the protocol", item->file.path);
    }
    return rc;
}

static int version_check(struct work *w, struct pb_error *err)
{
    const char *version = w->options->version;
    if (!po_version_ok(slice_of(version)))
        return error_set(
            err, PB_INVALID,
            "version %s: must be eight digits of a date, _ and a number or letters, such as 20061212_3",
            version);
    if (w->live.version != NULL && !w->options->force && po_version_ok(slice_of(w->live.version)) &&
        strcmp(version, w->live.version) != 0 && po_version_compare(version, w->live.version) <= 0)
        return error_set(err, PB_INVALID,
                         "version %s does not sort after the live one, %s: clients would not take it "
                         "(--force publishes it, and "
                         "leaves newer lines out)",
                         version, w->live.version);
    return PB_OK;
}

static int list_store(struct work *w, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer bytes;
    buffer_init(&bytes, PO_CONFIG_MAX);
    int rc = po_config_pack(&w->after, &bytes, err);
    return rc < 0 ? rc : po_status_add(w->publication, (struct slice){bytes.p, bytes.n}, err);
}

static int release_publish(struct work *w, struct po_attributes *attributes, struct pb_error *err)
{
    struct publication_result made;
    int rc = version_check(w, err);
    if (rc == PB_OK)
        rc = before_read(w, err);
    if (rc == PB_OK)
        rc = items_find(w, err);
    if (rc == PB_OK)
        rc = items_run(w, err);
    if (rc == PB_OK)
        rc = blocks_make(w, err);
    if (rc == PB_OK)
        rc = list_store(w, err);
    if (rc == PB_OK)
        rc = files_keep(w, err);
    if (rc < 0)
        return rc;
    attributes->oldest = po_config_oldest(&w->after);
    _cleanup_free_ char *text = po_attributes_emit(attributes);
    if (text == NULL)
        return error_memory(err);
    for (size_t i = 0; i < w->n; i++)
        w->result->source_bytes += w->items[i].file.sums.size;
    rc = publication_commit(w->publication, w->options->version, text, &made, err);
    if (rc < 0)
        return rc;
    w->result->unchanged = made.unchanged;
    w->result->stored = made.stored;
    snprintf(w->result->version, sizeof w->result->version, "%s", made.version);
    return PB_OK;
}

int po_publish(struct depot *d, const struct pb_app_options *options, pb_progress_fn *progress, void *arg,
               struct pb_publish_result *result, struct pb_error *err)
{
    const char *title = NULL;
    struct po_attributes attributes;
    _cleanup_arena_ struct arena arena;
    _cleanup_publication_ struct publication p = {0};
    struct work w = {.depot = d,
                     .options = options,
                     .publication = &p,
                     .arena = &arena,
                     .folder = -1,
                     .progress = progress,
                     .arg = arg,
                     .result = result,
                     .notices = {options->notice, options->notice_arg, 0, ""}};
    arena_init(&arena, 0);
    *result = (struct pb_publish_result){0};
    int rc = po_names_make(d, options->app, options->hardware, options->aliases, options->alias_count, &arena,
                           &title, &attributes, err);
    if (rc == PB_OK)
        rc = publication_begin(d, PO_DIALECT, slice_of(title), &p, err);
    if (rc == PB_OK)
        rc = po_mend(d, NULL, NULL, err);
    if (rc == PB_OK)
        rc = stored_release_live(d, PO_DIALECT, title, &arena, &w.live, err);
    if (rc >= 0)
        rc = release_publish(&w, &attributes, err);
    for (size_t i = 0; i < w.n; i++)
        free(w.items[i].file.hashes);
    fd_close(&w.folder);
    snprintf(result->title, sizeof result->title, PO_DIALECT "/%s", title != NULL ? title : "");
    return rc < 0 ? error_context(err, "publish app %s@%s", options->app, options->hardware) : PB_OK;
}
