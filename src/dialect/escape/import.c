/* Importing a static tree, as an Escape server has it. Lists are kept as they are, byte for byte; what they
 * name is read, checked and stored. */
#include "base/file.h"
#include "base/tree.h"
#include "codec/deflate.h"
#include "dialect/escape/publish.h"
#include "dialect/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

struct import {
    struct depot *depot;
    const struct dialect *const *all;
    int tree;
    char real[PATH_MAX]; /* the tree's path, without links */
    pb_import_fn *fn;
    void *arg;
    struct pb_import_report *report;
};

/* One title under way. */
struct title_import {
    struct import *import;
    struct publication publication;
    struct arena *arena; /* of the whole import */
    struct tree tree;
    const char *file; /* the list */
    struct slice text;
    struct faults *faults;
    struct pb_publish_result result;
};

static int report_line(struct import *im, const char *file, const char *fault,
                       const struct pb_publish_result *result, struct pb_error *err)
{
    if (im->fn != NULL && im->fn(im->arg, file, fault, result) != 0)
        return error_set(err, PB_CANCELLED, "cancelled");
    return PB_OK;
}

/* A fault of one file: the others are looked at as well. Trouble of our own ends everything. */
static int fault_note(struct title_import *t, const char *name, struct pb_error *err)
{
    if (err->status == PB_NO_SPACE || err->status == PB_NO_MEMORY || err->status == PB_CANCELLED)
        return err->status;
    faults_add(t->faults, name, err->status == PB_NOT_FOUND ? "missing" : err->text);
    return PB_OK;
}

/* Each kind once. */
static int faults_report(struct title_import *t, struct pb_error *err)
{
    char text[PB_ERROR_TEXT_MAX + FAULT_EXAMPLE_MAX + 64];
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < t->faults->kind_count; i++) {
        fault_text(&t->faults->kinds[i], text, sizeof text);
        rc = report_line(t->import, t->file, text, NULL, err);
    }
    if (rc == PB_OK && t->faults->n > 0)
        rc =
            error_set(err, PB_DAMAGED, "not imported: %zu of its files are missing or damaged", t->faults->n);
    return rc;
}

static int file_store(struct title_import *t, const char *path, struct object *object, struct pb_error *err)
{
    uint64_t size;
    _cleanup_fd_ int fd = -1;
    int rc = tree_open_within(&t->tree, t->import->real, path, &fd, &size, err);
    return rc < 0 ? rc : object_store_file(t->import->depot, fd, object, err);
}

static int md5_check(const struct md5 *found, const struct md5 *listed, struct pb_error *err)
{
    return md5_equal(found, listed) ? PB_OK
                                    : error_set(err, PB_DAMAGED, "its MD5 is not the one in the list");
}

/* ---- a collection ---- */

static int level_import(struct title_import *t, const char *collection, const struct es_level *l,
                        struct object *object, bool *good, struct pb_error *err)
{
    char name[ES_LEVEL_PATH], path[ES_NAME_MAX + ES_LEVEL_PATH + 2];
    es_level_path(&l->md5, name);
    snprintf(path, sizeof path, "%s/%s", collection, name);
    int rc = file_store(t, path, object, err);
    if (rc == PB_OK)
        rc = md5_check(&object->md5, &l->md5, err);
    if (rc == PB_OK && object->size == 0)
        rc = error_set(err, PB_INVALID, "empty, which keeps the game from updating the collection");
    *good = rc == PB_OK;
    if (rc < 0)
        return fault_note(t, l->path, err);
    t->result.source_bytes += object->size;
    t->result.parts++;
    return PB_OK;
}

static int collection_import(struct title_import *t, const char *collection, struct es_attributes *a,
                             struct pb_error *err)
{
    struct es_levels list;
    const char *why;
    int rc = es_levels_parse(t->text, &t->publication.arena, &list, err);
    if (rc == PB_OK && !es_text_ok(slice_of(list.title), &why))
        rc = error_set(err, PB_INVALID, "the title %s", why);
    if (rc == PB_OK && list.wraps != 0)
        rc = error_set(err, PB_INVALID, "line %zu: a number above %d, which wraps in the game", list.wraps,
                       ES_NUMBER_MAX);
    struct object *objects =
        rc == PB_OK ? arena_zero(&t->publication.arena, (list.level_count + 1) * sizeof *objects) : NULL;
    size_t n = 0;
    if (rc == PB_OK && objects == NULL)
        rc = error_memory(err);
    for (size_t i = 0; rc == PB_OK && i < list.level_count; i++) {
        bool good = false;
        rc = level_import(t, collection, &list.levels[i], &objects[n], &good, err);
        n += good;
    }
    if (rc == PB_OK)
        rc = es_levels_add(&t->publication, objects, n, err);
    a->title = list.title;
    a->version = list.version;
    return rc < 0 ? rc : es_list_store(&t->publication, t->file, t->text, true, err);
}

/* ---- an upgrade ---- */

static int unpack_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct object_writer *w = arg;
    if (n > ES_FILE_MAX - w->digest.size)
        return error_set(err, PB_DAMAGED, "it unpacks to more than %llu bytes", ES_FILE_MAX);
    return object_writer_add(w, p, n, err);
}

/* A file that the host has only packed: unpacked, it is served both ways. */
static int unpack_store(struct title_import *t, const struct object *packed, struct object *plain,
                        struct pb_error *err)
{
    _cleanup_fd_ int fd = -1;
    _cleanup_object_writer_ struct object_writer w = {.fd = -1};
    int rc = object_open(t->import->depot->objects, &packed->name, packed->size, &fd, err);
    if (rc == PB_OK)
        rc = object_writer_open(t->import->depot, &w, err);
    if (rc == PB_OK)
        rc = gzip_unpack(fd, unpack_add, &w, err);
    return rc < 0 ? rc : object_writer_finish(&w, plain, err);
}

/* Below the platform's folder a file lies at its path, or where the game asks for it. */
static int upgrade_file_store(struct title_import *t, const char *platform, const char *path,
                              const char *ending, struct object *object, struct pb_error *err)
{
    struct arena *a = &t->publication.arena;
    const char *flat = es_flatten(a, path);
    const char *plain_at = arena_format(a, "%s/%s%s", platform, path, ending);
    const char *flat_at = flat != NULL ? arena_format(a, "%s/%s%s", platform, flat, ending) : NULL;
    if (plain_at == NULL || flat_at == NULL)
        return error_memory(err);
    int rc = file_store(t, plain_at, object, err);
    return rc == PB_NOT_FOUND ? file_store(t, flat_at, object, err) : rc;
}

static int upgrade_file_read(struct title_import *t, const char *platform, const struct es_file *f,
                             struct object *plain, struct object *packed, struct pb_error *err)
{
    struct object unpacked = {0};
    const char *why;
    int rc = es_path_ok(slice_of(f->path), &why) ? PB_OK : error_set(err, PB_INVALID, "the name %s", why);
    if (rc == PB_OK && f->plain)
        rc = upgrade_file_store(t, platform, f->path, "", plain, err);
    if (rc == PB_OK && f->gzip)
        rc = upgrade_file_store(t, platform, f->path, ".gz", packed, err);
    if (rc == PB_OK && f->gzip)
        rc = unpack_store(t, packed, &unpacked, err);
    if (rc == PB_OK && f->gzip)
        rc = md5_check(&unpacked.md5, &f->md5, err);
    if (rc < 0)
        return rc;
    if (!f->plain)
        *plain = unpacked;
    return md5_check(&plain->md5, &f->md5, err);
}

static int upgrade_file_import(struct title_import *t, const char *platform, const struct es_file *f,
                               struct pb_error *err)
{
    struct object plain = {0}, packed = {0};
    if (f->kind != ES_FILE)
        return PB_OK;
    int rc = upgrade_file_read(t, platform, f, &plain, &packed, err);
    if (rc < 0)
        return fault_note(t, f->path, err);
    const char *packed_path = arena_format(&t->publication.arena, "%s.gz", f->path);
    if (packed_path == NULL)
        return error_memory(err);
    t->result.source_bytes += plain.size;
    t->result.packed += f->gzip ? packed.size : plain.size;
    t->result.parts++;
    rc = es_file_add(&t->publication, f->path, ES_DATA, &plain, err);
    return rc == PB_OK && f->gzip ? es_file_add(&t->publication, packed_path, ES_PACKED, &packed, err) : rc;
}

static int upgrade_import(struct title_import *t, const char *platform, struct es_attributes *a,
                          char *version, size_t room, struct pb_error *err)
{
    struct es_upgrade list;
    struct es_served served;
    int rc = es_upgrade_parse(t->text, &t->publication.arena, &list, err);
    if (rc == PB_OK)
        rc = es_served_make(&list, true, &t->publication.arena, &served, err);
    for (size_t i = 0; rc == PB_OK && i < list.n; i++)
        rc = upgrade_file_import(t, platform, &list.files[i], err);
    a->title = platform;
    a->version = list.version;
    snprintf(version, room, "%llu", (unsigned long long)list.version);
    return rc < 0 ? rc : es_list_store(&t->publication, ES_UPGRADE, t->text, false, err);
}

/* ---- titles ---- */

/* A link beside a platform's folder that leads to it is an alias of it. */
static int aliases_find(struct title_import *t, const char *platform, struct es_attributes *a,
                        struct pb_error *err)
{
    _cleanup_names_ struct names names;
    int rc = folder_names(t->import->tree, ".", &names, err);
    for (size_t i = 0; rc == PB_OK && i < names.n; i++) {
        char target[FILE_NAME_MAX + 2];
        ssize_t n = readlinkat(t->import->tree, names.list[i], target, sizeof target - 1);
        while (n > 0 && target[n - 1] == '/')
            n--;
        if (n <= 0 || !slice_equal((struct slice){target, (size_t)n}, slice_of(platform)))
            continue;
        if (a->alias_count == ES_ALIASES_MAX)
            return error_set(err, PB_INVALID, "more than %d aliases", ES_ALIASES_MAX);
        a->aliases[a->alias_count] = arena_text(t->arena, names.list[i]);
        if (a->aliases[a->alias_count++] == NULL)
            return error_memory(err);
    }
    return rc;
}

/* What the line says in its own way. */
static void listed_note(const struct es_collection *listed, struct es_attributes *a)
{
    if (strcmp(listed->title, a->title) != 0)
        a->listed_title = listed->title;
    if (listed->version != a->version)
        a->listed_version = listed->version;
}

/* `listed`: the collection's line in COLLECTIONS, its `position`-th; NULL for a platform. */
static int title_commit(struct title_import *t, const char *name, const struct es_collection *listed,
                        unsigned position, struct pb_error *err)
{
    bool collection = listed != NULL;
    struct es_attributes a = {.collection = collection, .position = position};
    char version[32];
    struct import *im = t->import;
    int rc = collection ? PB_OK : aliases_find(t, name, &a, err);
    if (rc == PB_OK)
        rc = es_names_check(im->depot, im->all, name, &a, err);
    if (rc == PB_OK)
        rc = publication_begin(im->depot, ES_DIALECT, slice_of(name), &t->publication, err);
    if (rc == PB_OK)
        rc = collection ? collection_import(t, name, &a, err)
                        : upgrade_import(t, name, &a, version, sizeof version, err);
    if (rc == PB_OK)
        rc = faults_report(t, err);
    if (rc == PB_OK && collection)
        listed_note(listed, &a);
    return rc < 0 ? rc : es_commit(&t->publication, collection ? NULL : version, &a, &t->result, err);
}

/* A list, into the arena. */
static int list_read(struct title_import *t, const char *file, struct pb_error *err)
{
    uint64_t size;
    _cleanup_fd_ int fd = -1;
    int rc = tree_open_within(&t->tree, t->import->real, file, &fd, &size, err);
    if (rc == PB_OK && size > ES_DOCUMENT_MAX)
        rc = error_set(err, PB_INVALID, "larger than %d bytes", ES_DOCUMENT_MAX);
    if (rc < 0)
        return rc;
    char *text = arena_room(t->arena, (size_t)size + 1);
    if (text == NULL)
        return error_memory(err);
    t->text = (struct slice){text, (size_t)size};
    return file_read_at(fd, text, (size_t)size, 0, err);
}

static int title_import(struct import *im, struct arena *arena, const char *file, const char *name,
                        const struct es_collection *listed, unsigned position, struct pb_error *err)
{
    _cleanup_free_ struct faults *faults = calloc(1, sizeof *faults);
    struct title_import t = {
        .import = im, .arena = arena, .faults = faults, .file = file, .result = PB_INIT(pb_publish_result)};
    if (faults == NULL)
        return error_memory(err);
    tree_start(&t.tree, im->tree);
    int rc = list_read(&t, file, err);
    if (rc == PB_OK)
        rc = title_commit(&t, name, listed, position, err);
    publication_end(&t.publication);
    tree_end(&t.tree);
    if (rc == PB_CANCELLED || rc == PB_NO_SPACE || rc == PB_NO_MEMORY)
        return rc;
    if (rc == PB_OK) {
        im->report->imported++;
        return report_line(im, file, NULL, &t.result, err);
    }
    char fault[PB_ERROR_TEXT_MAX];
    snprintf(fault, sizeof fault, "%s", err->text);
    im->report->refused++;
    return report_line(im, file, fault, NULL, err);
}

/* Each collection of COLLECTIONS. */
static int collections_import(struct import *im, struct arena *a, struct pb_error *err)
{
    struct es_collections list;
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, ES_DOCUMENT_MAX);
    int rc = file_read_all(im->tree, ES_COLLECTIONS, &text, err);
    if (rc == PB_NOT_FOUND)
        return PB_OK;
    if (rc == PB_OK)
        rc = es_collections_parse((struct slice){text.p, text.n}, a, &list, err);
    if (rc < 0)
        return error_context(err, ES_COLLECTIONS);
    for (size_t i = 0; rc == PB_OK && i < list.n; i++) {
        const char *file = arena_format(a, "%s.txt", list.list[i].name);
        rc = file == NULL ? error_memory(err)
                          : title_import(im, a, file, list.list[i].name, &list.list[i], (unsigned)i + 1, err);
    }
    return rc;
}

/* 1: there is something of this kind (S_IFDIR, S_IFREG). 0: there is not. */
static int is_kind(const struct import *im, const char *path, mode_t kind, struct pb_error *err)
{
    struct stat st;
    if (fstatat(im->tree, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return (st.st_mode & S_IFMT) == kind;
    return errno == ENOENT || errno == ENOTDIR ? 0 : error_errno(err, errno, "%s", path);
}

/* Each folder that has an UPGRADE. */
static int upgrades_import(struct import *im, struct arena *a, struct pb_error *err)
{
    _cleanup_names_ struct names names;
    int rc = folder_names(im->tree, ".", &names, err);
    for (size_t i = 0; rc == PB_OK && i < names.n; i++) {
        const char *file = arena_format(a, "%s/" ES_UPGRADE, names.list[i]);
        if (file == NULL)
            return error_memory(err);
        rc = is_kind(im, names.list[i], S_IFDIR, err);
        if (rc == 1)
            rc = is_kind(im, file, S_IFREG, err);
        if (rc == 1)
            rc = title_import(im, a, file, names.list[i], NULL, 0, err);
    }
    return rc;
}

int es_import(struct depot *d, const struct dialect *const *all, const char *tree, pb_import_fn *fn,
              void *arg, struct pb_import_report *report, struct pb_error *err)
{
    _cleanup_arena_ struct arena a;
    _cleanup_fd_ int folder = -1;
    arena_init(&a, 0);
    *report = (struct pb_import_report){0};
    int rc = folder_open(AT_FDCWD, tree, &folder, err);
    struct import im = {.depot = d, .all = all, .tree = folder, .fn = fn, .arg = arg, .report = report};
    if (rc == PB_OK && realpath(tree, im.real) == NULL)
        rc = error_errno(err, errno, "%s", tree);
    if (rc == PB_OK)
        rc = collections_import(&im, &a, err);
    if (rc == PB_OK)
        rc = upgrades_import(&im, &a, err);
    if (rc == PB_OK && report->imported + report->refused == 0)
        rc = error_set(err, PB_NOT_FOUND, "there is neither %s nor a folder with %s in %s", ES_COLLECTIONS,
                       ES_UPGRADE, tree);
    return rc < 0 ? error_context(err, "import") : PB_OK;
}
