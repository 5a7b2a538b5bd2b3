/* A tree of files becomes an upgrade: /PLATFORM/UPGRADE and the files that it lists. */
#include "base/file.h"
#include "base/tree.h"
#include "depot/stored.h"
#include "dialect/escape/check.h"
#include "dialect/escape/publish.h"
#include "dialect/notices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* One publish under way. */
struct work {
    const struct pb_upgrade_options *options;
    struct publication *publication;
    struct arena *arena;
    struct es_upgrade list;
    size_t room;
    struct es_served served;
    struct stored_release live; /* nothing in it when there is none */
    uint64_t done;              /* bytes */
    struct notices notices;
    pb_progress_fn *progress;
    void *arg;
    struct pb_publish_result *result;
};

/* ---- what is to be listed ---- */

static int file_append(struct work *w, struct es_file file, struct pb_error *err)
{
    const char *why;
    struct es_upgrade *u = &w->list;
    if (!es_path_ok(slice_of(file.path), &why)) {
        name_refuse(&w->notices, file.path, why);
        return PB_OK;
    }
    if (slice_equal_nocase(slice_of(file.path), slice_of(ES_UPGRADE)))
        return error_set(err, PB_INVALID,
                         "%s: is the list's own name (to take over a tree that has one: "
                         "patchbay import escape)",
                         file.path);
    if (u->n == ES_FILES_MAX)
        return error_set(err, PB_INVALID, "more than %d files", ES_FILES_MAX);
    struct es_file *files = arena_grow(w->arena, u->files, u->n, &w->room, sizeof *files);
    if (files == NULL)
        return error_memory(err);
    u->files = files;
    u->files[u->n++] = file;
    return PB_OK;
}

static int link_append(struct work *w, const char *path, const char *target, struct pb_error *err)
{
    const char *why;
    struct slice t = slice_of(target);
    if (!es_link_ok(path, target, &why))
        return error_set(err, PB_INVALID, "%s -> %s: the link's target %s", path, target, why);
    if (memchr(t.p, ' ', t.n) != NULL)
        return error_set(err, PB_INVALID, "%s -> %s: the target has a space, which the list can't express",
                         path, target);
    return file_append(w, (struct es_file){.kind = ES_LINK, .path = path, .target = target}, err);
}

/* A tree_fn. */
static int item_append(void *arg, const struct tree_item *item, struct pb_error *err)
{
    struct work *w = arg;
    char target[PATH_RELATIVE_MAX + 2];
    const char *path = arena_text(w->arena, item->path);
    if (path == NULL)
        return error_memory(err);
    if (S_ISDIR(item->st->st_mode))
        return PB_OK;
    if (S_ISREG(item->st->st_mode))
        return file_append(w, (struct es_file){.kind = ES_FILE, .path = path}, err);
    if (!S_ISLNK(item->st->st_mode))
        return error_set(err, PB_INVALID, "%s: is neither a file, a folder nor a link", path);
    ssize_t n = readlinkat(item->folder, item->name, target, sizeof target - 1);
    if (n < 0)
        return error_errno(err, errno, "%s", path);
    target[n] = '\0';
    const char *copy = arena_text(w->arena, target);
    return copy == NULL ? error_memory(err) : link_append(w, path, copy, err);
}

/* --symlink NAME=TARGET and --delete NAME. */
static int options_append(struct work *w, struct pb_error *err)
{
    const struct pb_upgrade_options *o = w->options;
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < o->symlink_count; i++) {
        const char *equals = strchr(o->symlinks[i], '=');
        if (equals == NULL)
            return error_set(err, PB_INVALID, "a link is written NAME=TARGET, not %s", o->symlinks[i]);
        const char *name = arena_copy(w->arena, o->symlinks[i], (size_t)(equals - o->symlinks[i]));
        rc = name == NULL ? error_memory(err) : link_append(w, name, equals + 1, err);
    }
    for (size_t i = 0; rc == PB_OK && i < o->delete_count; i++)
        rc = file_append(w, (struct es_file){.kind = ES_DELETE, .path = o->deletes[i]}, err);
    return rc;
}

/* Files, then links, then what is to be deleted; each in order of their names. */
static int file_compare(const void *a, const void *b)
{
    const struct es_file *x = a, *y = b;
    return x->kind != y->kind ? (int)x->kind - (int)y->kind : strcmp(x->path, y->path);
}

static int list_make(struct work *w, struct pb_error *err)
{
    _cleanup_fd_ int folder = -1;
    int rc = folder_open(AT_FDCWD, w->options->tree, &folder, err);
    if (rc == PB_OK)
        rc = tree_walk(folder, "", item_append, w, err);
    if (rc == PB_OK)
        rc = options_append(w, err);
    if (rc == PB_OK)
        rc = refused_check(&w->notices, err);
    if (rc == PB_OK && w->list.n == 0)
        rc = error_set(err, PB_INVALID, "%s: there is no file in it", w->options->tree);
    if (rc < 0)
        return rc;
    qsort(w->list.files, w->list.n, sizeof *w->list.files, file_compare);
    rc = es_upgrade_check(&w->list, w->arena, err);
    return rc < 0 ? rc : es_served_make(&w->list, false, w->arena, &w->served, err);
}

/* ---- storing ---- */

static const struct object *live_object(const struct work *w, const char *name)
{
    const struct publication_entry *e = stored_entry_find(&w->live, name);
    return e != NULL ? &e->object : NULL;
}

/* Where the live release has just this file, packing it again would change nothing. */
static int packed_make(struct work *w, const char *packed_name, const struct es_file *f,
                       const struct object *plain, struct object *packed, bool *smaller, struct pb_error *err)
{
    const struct depot *d = w->publication->depot;
    const struct object *before = live_object(w, f->path);
    if (before != NULL && memcmp(&before->name, &plain->name, sizeof plain->name) == 0) {
        const struct object *known = live_object(w, packed_name);
        *smaller = known != NULL && object_sound(d->objects, known);
        if (*smaller)
            *packed = *known;
        if (*smaller || known == NULL)
            return PB_OK;
    }
    return es_pack(d, plain, packed, smaller, err);
}

static int file_store(struct work *w, struct tree *tree, struct es_file *f, struct pb_error *err)
{
    uint64_t size;
    struct object plain = {0}, packed;
    _cleanup_fd_ int fd = -1;
    char packed_name[PATH_RELATIVE_MAX + 4];
    int rc = tree_open(tree, f->path, &fd, &size, err);
    if (rc == PB_OK)
        rc = object_store_file(w->publication->depot, fd, &plain, err);
    if (rc == PB_OK)
        rc = es_file_add(w->publication, f->path, ES_DATA, &plain, err);
    if (rc < 0)
        return error_context(err, "%s", f->path);
    f->plain = true;
    f->md5 = plain.md5;
    w->result->source_bytes += plain.size;
    w->result->parts++;
    const char *flat = es_flatten(w->arena, f->path);
    if (flat == NULL)
        return error_memory(err);
    /* A file of the tree that is called NAME.gz keeps that name for itself. */
    snprintf(packed_name, sizeof packed_name, "%s.gz", flat);
    bool is_free = es_served_free(&w->served, packed_name);
    snprintf(packed_name, sizeof packed_name, "%s.gz", f->path);
    if (!is_free || !es_served_free(&w->served, packed_name)) {
        w->result->packed += plain.size;
        return PB_OK;
    }
    rc = packed_make(w, packed_name, f, &plain, &packed, &f->gzip, err);
    w->result->packed += f->gzip ? packed.size : plain.size;
    if (rc < 0 || !f->gzip)
        return rc;
    return es_file_add(w->publication, packed_name, ES_PACKED, &packed, err);
}

static int files_store(struct work *w, struct pb_error *err)
{
    _cleanup_fd_ int folder = -1;
    _cleanup_tree_ struct tree tree = {.folder = -1};
    int rc = folder_open(AT_FDCWD, w->options->tree, &folder, err);
    tree_start(&tree, folder);
    for (size_t i = 0; rc == PB_OK && i < w->list.n && w->list.files[i].kind == ES_FILE; i++) {
        struct pb_progress p = {"storing", i, w->list.n, "files"};
        if (w->progress != NULL && w->progress(w->arg, &p) != 0)
            return error_set(err, PB_CANCELLED, "cancelled");
        rc = file_store(w, &tree, &w->list.files[i], err);
    }
    return rc;
}

/* An es_render_fn. */
static void list_render(void *list, const char *note, struct buffer *out)
{
    struct es_upgrade *u = list;
    u->note = note;
    es_upgrade_emit(u, out);
}

static int release_publish(struct work *w, const struct es_attributes *attributes, struct pb_error *err)
{
    char version[32];
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, ES_DOCUMENT_MAX);
    int rc =
        stored_release_live(w->publication->depot, ES_DIALECT, w->options->platform, w->arena, &w->live, err);
    if (rc >= 0)
        rc = list_make(w, err);
    if (rc == PB_OK)
        rc = files_store(w, err);
    if (rc == PB_OK)
        rc = es_render(w->publication, stored_entry_find(&w->live, ES_UPGRADE), w->options->note, list_render,
                       &w->list, &text, err);
    if (rc == PB_OK)
        rc = es_list_store(w->publication, ES_UPGRADE, (struct slice){text.p, text.n}, false, err);
    snprintf(version, sizeof version, "%llu", (unsigned long long)w->list.version);
    return rc < 0 ? rc : es_commit(w->publication, version, attributes, w->result, err);
}

static int options_check(const struct pb_upgrade_options *o, struct es_attributes *a, struct pb_error *err)
{
    const char *why;
    if (o->oldest > o->version || o->recommended > o->version)
        return error_set(err, PB_INVALID,
                         "the oldest and the recommended version can't be above the version, %llu",
                         o->version);
    if (o->version > ES_NUMBER_MAX)
        return error_set(err, PB_INVALID, "the version %llu is more than %d, where numbers wrap in the game",
                         o->version, ES_NUMBER_MAX);
    if (o->note != NULL && !es_text_ok(slice_of(o->note), &why))
        return error_set(err, PB_INVALID, "the note %s", why);
    if (o->alias_count > ES_ALIASES_MAX)
        return error_set(err, PB_INVALID, "more than %d aliases", ES_ALIASES_MAX);
    *a = (struct es_attributes){.title = o->platform, .version = o->version, .alias_count = o->alias_count};
    for (size_t i = 0; i < o->alias_count; i++)
        a->aliases[i] = o->aliases[i];
    return PB_OK;
}

int es_publish_upgrade(struct depot *d, const struct dialect *const *all,
                       const struct pb_upgrade_options *options, pb_progress_fn *progress, void *arg,
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
    w.list.oldest = options->oldest;
    w.list.recommended = options->recommended;
    w.list.version = options->version;
    *result = (struct pb_publish_result){0};
    int rc = options_check(options, &attributes, err);
    if (rc == PB_OK)
        rc = es_names_check(d, all, options->platform, &attributes, err);
    if (rc == PB_OK)
        rc = publication_begin(d, ES_DIALECT, slice_of(options->platform), &p, err);
    if (rc == PB_OK)
        rc = release_publish(&w, &attributes, err);
    return rc < 0 ? error_context(err, "publish upgrade %s", options->platform) : PB_OK;
}
