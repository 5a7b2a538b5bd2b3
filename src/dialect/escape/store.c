/* What publishing and importing share: names, lists, packed forms, the commit. */
#include "dialect/escape/publish.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"
#include "codec/deflate.h"
#include "depot/stored.h"
#include "dialect/compile.h"
#include "dialect/escape/community.h"
#include "dialect/escape/escape.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

/* ---- names ---- */

struct names_check {
    const char *name;
    const struct es_attributes *attributes;
    struct arena arena;
};

static bool same_name(const char *a, const char *b)
{
    return slice_equal_nocase(slice_of(a), slice_of(b));
}

/* One name of ours against another live title. */
static int name_free(const char *name, const char *other, const struct es_attributes *a, struct pb_error *err)
{
    if (same_name(name, other))
        return error_set(err, PB_INVALID, "%s: a title of this name is live", name);
    for (size_t i = 0; i < a->alias_count; i++) {
        if (same_name(name, a->aliases[i]))
            return error_set(err, PB_INVALID, "%s: the title %s has this alias", name, other);
    }
    return PB_OK;
}

static int title_compare(void *arg, const char *other, const char *version, const char *attributes,
                         struct pb_error *err)
{
    struct names_check *c = arg;
    struct es_attributes a;
    (void)version;
    int rc = es_attributes_parse(attributes, &c->arena, &a, err);
    if (rc == PB_DAMAGED)
        return PB_OK; /* it is not served */
    if (rc == PB_OK && strcmp(other, c->name) == 0)
        return a.collection == c->attributes->collection
                   ? PB_OK
                   : error_set(err, PB_INVALID, "%s is live as %s", other,
                               a.collection ? "a collection" : "a platform's upgrade");
    if (rc == PB_OK)
        rc = name_free(c->name, other, &a, err);
    for (size_t i = 0; rc == PB_OK && i < c->attributes->alias_count; i++)
        rc = name_free(c->attributes->aliases[i], other, &a, err);
    return rc;
}

static int name_check(const struct dialect *const *all, const char *name, struct pb_error *err)
{
    const char *why;
    const struct dialect *other = dialect_path_taken(all, &escape_dialect, slice_of(name));
    if (!es_name_ok(slice_of(name), &why))
        return error_set(err, PB_INVALID, "the name \"%s\" %s", name, why);
    if (same_name(name, ES_COMMUNITY_FOLDER))
        return error_set(
            err, PB_INVALID,
            "the name %s is taken: the game asks for ratings and solutions below /" ES_COMMUNITY_FOLDER,
            name);
    if (other != NULL)
        return error_set(err, PB_INVALID, "the name %s would hide the path /%s of %s", name, name,
                         other->name);
    return PB_OK;
}

int es_names_check(struct depot *d, const struct dialect *const *all, const char *name,
                   const struct es_attributes *a, struct pb_error *err)
{
    struct names_check c = {.name = name, .attributes = a};
    int rc = name_check(all, name, err);
    for (size_t i = 0; rc == PB_OK && i < a->alias_count; i++) {
        rc = name_check(all, a->aliases[i], err);
        if (rc == PB_OK && same_name(name, a->aliases[i]))
            rc = error_set(err, PB_INVALID, "%s is an alias of itself", name);
        for (size_t k = 0; rc == PB_OK && k < i; k++) {
            if (same_name(a->aliases[i], a->aliases[k]))
                rc = error_set(err, PB_INVALID, "the alias %s is there twice", a->aliases[i]);
        }
    }
    if (rc == PB_OK)
        rc = stored_live_each(d, ES_DIALECT, title_compare, &c, err);
    arena_free(&c.arena);
    return rc;
}

/* ---- served names ---- */

static int served_compare(const void *a, const void *b)
{
    return path_compare_nocase(*(const char *const *)a, *(const char *const *)b);
}

static int served_add(struct es_served *s, struct arena *a, const char *path, struct pb_error *err)
{
    enum { ENDING = 3 }; /* room for .gz */
    const char *flat = es_flatten(a, path);
    if (flat == NULL)
        return error_memory(err);
    if (strlen(flat) > FILE_NAME_MAX - ENDING)
        return error_set(err, PB_INVALID, "%s: the whole path, with _ for /, has more than %d bytes", path,
                         FILE_NAME_MAX - ENDING);
    s->names[s->n++] = path;
    if (strcmp(flat, path) != 0)
        s->names[s->n++] = flat;
    return PB_OK;
}

static bool is_folder_of(const char *folder, const char *path)
{
    size_t n = strlen(folder);
    return strlen(path) > n && path[n] == '/' &&
           slice_equal_nocase((struct slice){folder, n}, (struct slice){path, n});
}

/* In order, equal names and what lies below a name follow directly upon it. */
static int served_check(const struct es_served *s, struct pb_error *err)
{
    for (size_t i = 1; i < s->n; i++) {
        const char *before = s->names[i - 1], *name = s->names[i];
        if (path_compare_nocase(before, name) == 0)
            return error_set(err, PB_INVALID, "two files would be served as %s (the game asks with _ for /)",
                             name);
        if (is_folder_of(before, name))
            return error_set(err, PB_INVALID,
                             "%s would be served as a file, and %s lies in a folder of that name", before,
                             name);
    }
    return PB_OK;
}

int es_served_make(const struct es_upgrade *list, bool packed, struct arena *a, struct es_served *out,
                   struct pb_error *err)
{
    *out = (struct es_served){arena_zero(a, (4 * list->n + 1) * sizeof *out->names), 0};
    if (out->names == NULL)
        return error_memory(err);
    out->names[out->n++] = ES_UPGRADE;
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < list->n; i++) {
        const struct es_file *f = &list->files[i];
        const char *gz = packed && f->gzip ? arena_format(a, "%s.gz", f->path) : NULL;
        if (f->kind != ES_FILE)
            continue;
        rc = served_add(out, a, f->path, err);
        if (rc == PB_OK && packed && f->gzip)
            rc = gz != NULL ? served_add(out, a, gz, err) : error_memory(err);
    }
    qsort(out->names, out->n, sizeof *out->names, served_compare);
    return rc == PB_OK ? served_check(out, err) : rc;
}

bool es_served_free(const struct es_served *s, const char *name)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (path_compare_nocase(s->names[middle], name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low == s->n ||
           (path_compare_nocase(s->names[low], name) != 0 && !is_folder_of(name, s->names[low]));
}

/* ---- objects and entries ---- */

int es_pack(const struct depot *d, const struct object *plain, struct object *packed, bool *smaller,
            struct pb_error *err)
{
    _cleanup_fd_ int fd = -1;
    _cleanup_free_ char *bytes = NULL;
    size_t size;
    *smaller = false;
    if (plain->size == 0 || plain->size > ES_PACK_MAX)
        return PB_OK;
    int rc = object_open(d->objects, &plain->name, plain->size, &fd, err);
    if (rc < 0)
        return rc;
    /* Objects never change, so the mapping is safe to read. */
    void *p = mmap(NULL, plain->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED)
        return error_errno(err, errno, "map an object");
    rc = gzip_pack(p, plain->size, &bytes, &size, err);
    munmap(p, plain->size);
    *smaller = rc == PB_OK && bytes != NULL;
    return *smaller ? object_store(d, bytes, size, packed, err) : rc;
}

int es_file_add(struct publication *p, const char *path, int kind, const struct object *object,
                struct pb_error *err)
{
    int rc = publication_add(p, slice_of(path), kind, object, (struct slice){0}, err);
    const char *flat = es_flatten(&p->arena, path);
    if (rc == PB_OK && flat == NULL)
        rc = error_memory(err);
    if (rc == PB_OK && strcmp(flat, path) != 0)
        rc = publication_add(p, slice_of(flat), kind, object, (struct slice){0}, err);
    return rc;
}

static int md5_compare(const void *a, const void *b)
{
    return memcmp(&((const struct object *)a)->md5, &((const struct object *)b)->md5, sizeof(struct md5));
}

int es_levels_add(struct publication *p, struct object *levels, size_t n, struct pb_error *err)
{
    char name[ES_LEVEL_PATH];
    int rc = PB_OK;
    if (n > 1)
        qsort(levels, n, sizeof *levels, md5_compare);
    for (size_t i = 0; rc == PB_OK && i < n; i++) {
        es_level_path(&levels[i].md5, name);
        if (i == 0 || md5_compare(&levels[i - 1], &levels[i]) != 0)
            rc = publication_add(p, slice_of(name), ES_DATA, &levels[i], (struct slice){0}, err);
        else if (memcmp(&levels[i - 1].name, &levels[i].name, sizeof levels[i].name) != 0)
            rc = error_set(err, PB_INVALID, "two levels with different bytes have the MD5 %.2s%s", name,
                           name + 3);
    }
    return rc;
}

int es_list_store(struct publication *p, const char *name, struct slice text, bool pack, struct pb_error *err)
{
    struct object plain, packed;
    bool smaller = false;
    char packed_name[ES_NAME_MAX + 16];
    int rc = object_store(p->depot, text.p, text.n, &plain, err);
    if (rc == PB_OK)
        rc = publication_add(p, slice_of(name), ES_LIST, &plain, (struct slice){0}, err);
    if (rc == PB_OK && pack)
        rc = es_pack(p->depot, &plain, &packed, &smaller, err);
    if (rc < 0 || !smaller)
        return rc;
    snprintf(packed_name, sizeof packed_name, "%s.gz", name);
    return publication_add(p, slice_of(packed_name), ES_PACKED, &packed, (struct slice){0}, err);
}

int es_commit(struct publication *p, const char *version, const struct es_attributes *a,
              struct pb_publish_result *result, struct pb_error *err)
{
    struct publication_result made;
    _cleanup_free_ char *attributes = es_attributes_emit(a);
    if (attributes == NULL)
        return error_memory(err);
    int rc = publication_commit(p, version, attributes, &made, err);
    if (rc < 0)
        return rc;
    result->unchanged = made.unchanged;
    result->stored = made.stored;
    snprintf(result->title, sizeof result->title, "%s/%s", p->dialect, p->name);
    snprintf(result->version, sizeof result->version, "%s", made.version);
    return PB_OK;
}

/* ---- the note ---- */

/* "21 Nov 2026". */
static const char *today(struct arena *a)
{
    static const char *const months[] = {"Jan",  "Feb", "Mar",  "Apr", "May", "June",
                                         "July", "Aug", "Sept", "Oct", "Nov", "Dec"};
    struct tm t;
    time_t now = (time_t)clock_unix();
    gmtime_r(&now, &t);
    return arena_format(a, "%d %s %d", t.tm_mday, months[t.tm_mon], t.tm_year + 1900);
}

/* The note of a list in the depot: its fifth line, in both kinds of lists. NULL when it can't be read. */
static const char *note_before(struct publication *p, const struct object *list)
{
    enum { NOTE_LINE = 5 };
    char head[8 * ES_TEXT_MAX];
    struct slice line = {0};
    _cleanup_fd_ int fd = -1;
    size_t n = list->size < sizeof head ? (size_t)list->size : sizeof head;
    if (object_open(p->depot->objects, &list->name, list->size, &fd, NULL) < 0 ||
        file_read_at(fd, head, n, 0, NULL) < 0)
        return NULL;
    struct es_lines lines = {{head, n}, 0};
    while (lines.number < NOTE_LINE) {
        if (!es_line(&lines, &line))
            return NULL;
    }
    return arena_copy(&p->arena, line.p, line.n);
}

static int render_with(const char *note, es_render_fn *render, void *list, struct buffer *out,
                       struct digest_result *digest, struct pb_error *err)
{
    out->n = 0;
    render(list, note, out);
    return out->failed ? error_set(err, PB_INVALID, "the list has more than %d bytes", ES_DOCUMENT_MAX)
                       : digest_bytes(DIGEST_SHA256, out->p, out->n, digest, err);
}

int es_render(struct publication *p, const struct publication_entry *before, const char *note,
              es_render_fn *render, void *list, struct buffer *out, struct pb_error *err)
{
    struct digest_result digest;
    const char *old = note == NULL && before != NULL ? note_before(p, &before->object) : NULL;
    const char *new = note != NULL ? note : today(&p->arena);
    if (new == NULL)
        return error_memory(err);
    if (old != NULL) {
        int rc = render_with(old, render, list, out, &digest, err);
        if (rc < 0 || memcmp(&digest.sha256, &before->object.name, sizeof digest.sha256) == 0)
            return rc;
    }
    return render_with(new, render, list, out, &digest, err);
}
