/* Reading a collection's folder. */
#include "dialect/escape/local.h"

#include "base/beneath.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/tree.h"

#include <fcntl.h>
#include <stdio.h>

enum { INDEX_MAX = 16 * 1024 * 1024 };

/* Would we emit just these bytes for what they say? Then some client made them. */
static int generated_check(int folder, const char *name, struct es_local_file *f, struct pb_error *err)
{
    struct es_index index;
    _cleanup_arena_ struct arena a;
    _cleanup_buffer_ struct buffer text, again;
    arena_init(&a, 0);
    buffer_init(&text, INDEX_MAX);
    buffer_init(&again, 2 * INDEX_MAX);
    if (file_read_here(folder, name, &text, err) < 0)
        return PB_OK; /* too large to be one */
    int rc = es_index_parse((struct slice){text.p, text.n}, &a, &index, err);
    const struct es_level **levels = rc == PB_OK ? arena_zero(&a, (index.n + 1) * sizeof *levels) : NULL;
    if (levels == NULL)
        return error_memory(err);
    for (size_t i = 0; i < index.n; i++)
        levels[i] = &index.ratings[i];
    es_index_emit(index.description, levels, index.n, &again);
    f->generated =
        !again.failed && slice_equal((struct slice){text.p, text.n}, (struct slice){again.p, again.n});
    return PB_OK;
}

/* What can't be read can still be set aside: it counts as none that could be a level. */
static int file_hash(const struct tree_item *item, struct es_local_file *f, struct pb_error *err)
{
    char mark[4];
    uint64_t size;
    struct digest_result r;
    _cleanup_fd_ int fd = -1;
    f->regular = file_open_regular(item->folder, item->name, false, &fd, &size, err) == PB_OK;
    if (!f->regular)
        return PB_OK;
    int rc = digest_file(DIGEST_MD5, fd, &r, err);
    if (rc < 0)
        return error_context(err, "%s", item->path);
    f->md5 = r.md5;
    f->index = r.size >= sizeof mark && file_read_at(fd, mark, sizeof mark, 0, err) == PB_OK &&
               es_is_index(mark, sizeof mark);
    f->webindex = strcmp(item->name, ES_INDEX) == 0;
    return f->index && f->webindex ? generated_check(item->folder, item->name, f, err) : PB_OK;
}

/* What the record of the last fetch says about it. False: it has to be read. */
static bool file_recorded(const struct es_local *l, const struct tree_item *item, struct es_local_file *f)
{
    char path[ES_NAME_MAX + PATH_RELATIVE_MAX + 2];
    size_t before = strlen(l->collection), n = strlen(item->path);
    if (before + 1 + n >= sizeof path)
        return false;
    memcpy(path, l->collection, before);
    path[before] = '/';
    memcpy(path + before + 1, item->path, n + 1);
    const struct file_record *same = file_records_same(l->records, path, item->st);
    if (same == NULL)
        return false;
    f->md5 = same->md5;
    f->index = f->webindex = f->generated = same->generated;
    return true;
}

static int file_note(struct es_local *l, const struct tree_item *item, const char *path, struct pb_error *err)
{
    l->files = arena_grow(l->arena, l->files, l->file_count, &l->file_room, sizeof *l->files);
    if (l->files == NULL)
        return error_memory(err);
    struct es_local_file *f = &l->files[l->file_count++];
    *f = (struct es_local_file){
        .path = path, .regular = S_ISREG(item->st->st_mode), .link = S_ISLNK(item->st->st_mode)};
    fetch_seen_set(&f->seen, item->st);
    return f->regular && !file_recorded(l, item, f) ? file_hash(item, f, err) : PB_OK;
}

/* A tree_fn. */
static int item_note(void *arg, const struct tree_item *item, struct pb_error *err)
{
    struct es_local *l = arg;
    if (l->file_count + l->folder_count == ES_LOCAL_MAX)
        return error_set(err, PB_INVALID, "there are more than %d files in the folder", ES_LOCAL_MAX);
    const char *path = arena_text(l->arena, item->path);
    if (path == NULL)
        return error_memory(err);
    if (!S_ISDIR(item->st->st_mode))
        return file_note(l, item, path, err);
    l->folders = arena_grow(l->arena, l->folders, l->folder_count, &l->folder_room, sizeof *l->folders);
    if (l->folders == NULL)
        return error_memory(err);
    l->folders[l->folder_count++] = (struct es_local_folder){path, false};
    return PB_OK;
}

static int file_compare(const void *a, const void *b)
{
    return strcmp(((const struct es_local_file *)a)->path, ((const struct es_local_file *)b)->path);
}

static int folder_compare(const void *a, const void *b)
{
    return strcmp(((const struct es_local_folder *)a)->path, ((const struct es_local_folder *)b)->path);
}

static int md5_compare(const void *a, const void *b)
{
    const struct es_local_file *x = *(const struct es_local_file *const *)a,
                               *y = *(const struct es_local_file *const *)b;
    int order = memcmp(&x->md5, &y->md5, sizeof x->md5);
    return order != 0 ? order : strcmp(x->path, y->path);
}

static int indexes_make(struct es_local *l, struct pb_error *err)
{
    l->by_md5 = arena_zero(l->arena, (l->file_count + 1) * sizeof *l->by_md5);
    if (l->by_md5 == NULL)
        return error_memory(err);
    if (l->file_count > 1)
        qsort(l->files, l->file_count, sizeof *l->files, file_compare);
    if (l->folder_count > 1)
        qsort(l->folders, l->folder_count, sizeof *l->folders, folder_compare);
    for (size_t i = 0; i < l->file_count; i++) {
        if (l->files[i].regular)
            l->by_md5[l->md5_count++] = &l->files[i];
    }
    if (l->md5_count > 1)
        qsort(l->by_md5, l->md5_count, sizeof *l->by_md5, md5_compare);
    return PB_OK;
}

int es_local_read(int root, const char *collection, const struct file_records *records, size_t expected,
                  struct arena *a, struct es_local *out, struct pb_error *err)
{
    struct stat st;
    _cleanup_fd_ int folder = -1;
    *out = (struct es_local){.collection = collection, .records = records, .arena = a};
    _cleanup_tree_ struct tree t;
    tree_start(&t, root);
    int there = tree_stat(&t, collection, &st, err);
    if (there < 0)
        return there;
    if (there == 1 && !S_ISDIR(st.st_mode))
        return error_set(err, PB_INVALID, "%s: is %s, and the collection needs a folder of that name",
                         collection, S_ISLNK(st.st_mode) ? "a symbolic link" : "a file");
    out->there = there == 1;
    if (out->there) {
        int rc = beneath_folder(root, slice_of(collection), &folder, err);
        if (rc < 0)
            return rc;
        if (fstatat(folder, ES_UNSUBSCRIBE, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
            return error_set(err, PB_INVALID, "you have unsubscribed from %s (--subscribe %s changes that)",
                             collection, collection);
        out->files = arena_zero(a, expected * sizeof *out->files);
        out->file_room = expected;
        if (out->files == NULL)
            return error_memory(err);
        if (tree_walk(folder, "", item_note, out, err) < 0)
            return error_context(err, "%s", collection);
    }
    return indexes_make(out, err);
}

/* ---- is anything different? ---- */

struct comparing {
    struct tree tree;
    size_t files, folders; /* recorded; a folder has one index */
};

/* Several threads look at a share of the record each. */
struct shares {
    int root;
    const struct file_records *records;
    unsigned n;
    struct comparing each[PARALLEL_MAX];
    int verdicts[PARALLEL_MAX]; /* 1: something is not as it was */
};

/* A file_record_fn. 1: it is not as it was. */
static int record_compare(void *arg, const struct file_record *f, struct pb_error *err)
{
    struct comparing *c = arg;
    struct stat st;
    int there = tree_stat(&c->tree, f->path, &st, err);
    c->files++;
    c->folders += f->generated;
    return there < 0 ? there : there == 0 || !file_record_same(f, &st);
}

/* A parallel_fn. */
static int share_compare(void *arg, size_t i, struct pb_error *err)
{
    struct shares *s = arg;
    struct comparing *c = &s->each[i];
    tree_start(&c->tree, s->root);
    int rc = file_records_share(s->records, (unsigned)i, s->n, record_compare, c, err);
    tree_end(&c->tree);
    s->verdicts[i] = rc == 1 || rc == PB_INVALID || rc == PB_NOT_FOUND;
    return rc < 0 && !s->verdicts[i] ? rc : PB_OK;
}

int es_local_unchanged(int root, const char *collection, const struct file_records *records, size_t *files,
                       struct pb_error *err)
{
    struct comparing c = {.files = 0};
    struct tree_counts there = {0};
    struct stat st;
    struct shares shares = {.root = root, .records = records, .n = parallel_threads()};
    int rc = parallel_run(shares.n, share_compare, &shares, err);
    for (unsigned i = 0; rc == PB_OK && i < shares.n; i++) {
        if (shares.verdicts[i] == 1)
            return 0;
        c.files += shares.each[i].files;
        c.folders += shares.each[i].folders;
    }
    if (rc < 0 || c.folders == 0)
        return rc;
    _cleanup_fd_ int folder = -1;
    if ((rc = beneath_folder(root, slice_of(collection), &folder, err)) < 0)
        return rc;
    if (fstatat(folder, ES_UNSUBSCRIBE, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    rc = tree_count(folder, &there, err);
    *files = c.files - c.folders;
    return rc < 0 ? rc : there.others == c.files && there.folders + 1 == c.folders;
}

struct es_local_file *es_local_find(const struct es_local *l, const char *path)
{
    struct es_local_file key = {.path = path};
    return l->file_count > 0 ? bsearch(&key, l->files, l->file_count, sizeof *l->files, file_compare) : NULL;
}

void es_local_find_md5(const struct es_local *l, const struct md5 *md5, struct es_local_file **unused,
                       const struct es_local_file **any)
{
    size_t low = 0, high = l->md5_count;
    *unused = NULL;
    *any = NULL;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (memcmp(&l->by_md5[middle]->md5, md5, sizeof *md5) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == l->md5_count || !md5_equal(&l->by_md5[low]->md5, md5))
        return;
    struct es_local_file *first = l->by_md5[low];
    *any = first;
    for (size_t at = low + first->skip; at < l->md5_count && md5_equal(&l->by_md5[at]->md5, md5); at++) {
        if (!l->by_md5[at]->used) {
            *unused = l->by_md5[at];
            return;
        }
        first->skip++;
    }
}

static struct es_local_folder *folder_of(const struct es_local *l, struct slice path)
{
    size_t low = 0, high = l->folder_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *other = l->folders[middle].path;
        int order = strncmp(other, path.p, path.n);
        if (order == 0)
            order = other[path.n] != '\0';
        if (order == 0)
            return &l->folders[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

enum es_folder_state es_folder_find(const struct es_local *l, struct slice path)
{
    const struct es_local_folder *f = folder_of(l, path);
    return f == NULL ? ES_FOLDER_NONE : f->listed ? ES_FOLDER_LISTED : ES_FOLDER_THERE;
}

void es_folder_mark(struct es_local *l, struct slice path)
{
    struct es_local_folder *f = folder_of(l, path);
    if (f != NULL)
        f->listed = true;
}
