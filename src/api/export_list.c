/* The list of what exports wrote to a folder. */
#include "api/export_list.h"

#include "base/file.h"
#include "base/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEX = SHA256_HEX, GAP = 2, LINE_LEAST = HEX + GAP + 1 };
#define LIST_MAX ((size_t)512 * 1024 * 1024) /* bytes: about five million files */

void export_list_init(struct export_list *l)
{
    buffer_init(&l->lines, LIST_MAX);
}

void export_list_free(struct export_list *l)
{
    buffer_free(&l->lines);
}

/* A line without its LF. */
static struct slice line_path(struct slice line)
{
    return (struct slice){line.p + HEX + GAP, line.n - HEX - GAP};
}

static bool line_ok(struct slice line, const char **why)
{
    struct sha256 digest;
    *why = "is not a digest and a path";
    return line.n >= LINE_LEAST && hex_decode((struct slice){line.p, HEX}, &digest, sizeof digest) &&
           line.p[HEX] == ' ' && line.p[HEX + 1] == ' ' && memchr(line.p, '\0', line.n) == NULL &&
           path_relative_below(line_path(line), why);
}

/* The next line of the list. False: there is none. */
static bool line_next(struct slice *rest, struct slice *line)
{
    if (rest->n == 0)
        return false;
    const char *end = memchr(rest->p, '\n', rest->n);
    size_t n = end != NULL ? (size_t)(end - rest->p) : rest->n;
    *line = (struct slice){rest->p, n};
    rest->p += n + (end != NULL);
    rest->n -= n + (end != NULL);
    return true;
}

int export_list_check(const struct export_list *l, struct pb_error *err)
{
    size_t number = 0;
    const char *why = "";
    struct slice rest = {l->lines.p, l->lines.n}, line;
    while (line_next(&rest, &line)) {
        number++;
        if (!line_ok(line, &why))
            return error_set(err, PB_INVALID, "%s, line %zu: %s", EXPORT_LIST, number, why);
    }
    if (l->lines.n > 0 && l->lines.p[l->lines.n - 1] != '\n')
        return error_set(err, PB_INVALID, "%s: its last line is not complete", EXPORT_LIST);
    return PB_OK;
}

int export_list_read(int folder, struct export_list *l, struct pb_error *err)
{
    int rc = file_read_here(folder, EXPORT_LIST, &l->lines, err);
    if (rc == PB_OK)
        return export_list_check(l, err);
    return rc == PB_NOT_FOUND ? rc : error_context(err, "%s", EXPORT_LIST);
}

int export_list_add(struct export_list *l, const char *path, const struct sha256 *digest,
                    struct pb_error *err)
{
    char hex[HEX + 1];
    hex_encode(digest->bytes, sizeof digest->bytes, hex);
    buffer_append(&l->lines, hex, HEX);
    buffer_text(&l->lines, "  ");
    buffer_text(&l->lines, path);
    return buffer_text(&l->lines, "\n") ? PB_OK : error_memory(err);
}

/* ---- lines in order: by path, and then by digest ---- */

struct sorted {
    struct slice *list;
    size_t n;
};

static int slice_compare(struct slice a, struct slice b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static int line_compare(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    int c = slice_compare(line_path(*x), line_path(*y));
    return c != 0 ? c : memcmp(x->p, y->p, HEX);
}

static size_t lines_count(const struct export_list *l)
{
    size_t n = 0;
    struct slice rest = {l->lines.p, l->lines.n}, line;
    while (line_next(&rest, &line))
        n++;
    return n;
}

/* The caller frees s->list. */
static int lines_sort(const struct export_list *l, struct sorted *s, struct pb_error *err)
{
    *s = (struct sorted){calloc(lines_count(l) + 1, sizeof *s->list), 0};
    if (s->list == NULL)
        return error_memory(err);
    struct slice rest = {l->lines.p, l->lines.n}, line;
    while (line_next(&rest, &line))
        s->list[s->n++] = line;
    qsort(s->list, s->n, sizeof *s->list, line_compare);
    return PB_OK;
}

static bool path_listed(const struct sorted *s, struct slice path)
{
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = slice_compare(line_path(s->list[middle]), path);
        if (c == 0)
            return true;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* Leaves out lines of paths that `now` has, too. */
static void lines_leave(struct sorted *s, const struct sorted *now)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!path_listed(now, line_path(s->list[i])))
            s->list[kept++] = s->list[i];
    }
    s->n = kept;
}

/* Two sorted lists as one text, each line once. */
static void lines_merge(const struct sorted *a, const struct sorted *b, struct buffer *text)
{
    struct slice last = {0};
    for (size_t i = 0, k = 0; i < a->n || k < b->n;) {
        bool first = k == b->n || (i < a->n && line_compare(&a->list[i], &b->list[k]) <= 0);
        struct slice line = first ? a->list[i++] : b->list[k++];
        if (last.n > 0 && line_compare(&line, &last) == 0)
            continue;
        buffer_append(text, line.p, line.n);
        buffer_text(text, "\n");
        last = line;
    }
}

int export_list_write(int folder, const struct export_list *now, const struct export_list *before,
                      bool settled, struct pb_error *err)
{
    struct sorted named = {0}, old = {0};
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, LIST_MAX);
    int rc = lines_sort(now, &named, err);
    if (rc == PB_OK && before != NULL)
        rc = lines_sort(before, &old, err);
    if (rc == PB_OK && settled)
        lines_leave(&old, &named);
    if (rc == PB_OK)
        lines_merge(&named, &old, &text);
    free(named.list);
    free(old.list);
    if (rc == PB_OK && text.failed)
        rc = error_memory(err);
    if (rc == PB_OK)
        rc = file_replace(folder, EXPORT_LIST, text.n > 0 ? text.p : "", text.n, err);
    return rc < 0 ? error_context(err, "%s", EXPORT_LIST) : PB_OK;
}

/* ---- removing ---- */

/* Folders above the path that are empty now go, from the innermost out. */
static int folders_remove(struct tree *t, char *path, struct pb_error *err)
{
    int rc = PB_OK;
    for (char *slash; rc == PB_OK && (slash = strrchr(path, '/')) != NULL;) {
        int in;
        const char *base;
        *slash = '\0';
        tree_forget(t);
        if (tree_reach(t, path, &in, &base, NULL) < 0 || unlinkat(in, base, AT_REMOVEDIR) == 0 ||
            errno == ENOENT)
            continue;
        if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
            break;
        rc = error_errno(err, errno, "remove it");
    }
    tree_forget(t);
    return rc < 0 ? error_context(err, "%s", path) : PB_OK;
}

/* One path that is no longer named, and the n lines that say what was written there. */
static int path_prune(struct tree *t, const struct slice *lines, size_t n, struct export_pruned *out,
                      struct pb_error *err)
{
    char path[PATH_RELATIVE_MAX + 1], hex[HEX + 1];
    struct slice text = line_path(lines[0]);
    struct digest_result r;
    int in;
    uint64_t size;
    const char *base;
    _cleanup_fd_ int fd = -1;
    memcpy(path, text.p, text.n);
    path[text.n] = '\0';
    struct stat st;
    int rc = tree_reach(t, path, &in, &base, err);
    if (rc == PB_OK && fstatat(in, base, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
        rc = PB_INVALID;
    if (rc == PB_OK)
        rc = file_open_regular(in, base, false, &fd, &size, err);
    if (rc == PB_OK)
        rc = digest_file(DIGEST_SHA256, fd, &r, err);
    if (rc == PB_NOT_FOUND) /* gone by an earlier call, which may have been broken off here */
        return folders_remove(t, path, err);
    if (rc == PB_INVALID) { /* a link, a folder: not what was written */
        out->kept++;
        return PB_OK;
    }
    if (rc < 0)
        return error_context(err, "%s", path);
    hex_encode(r.sha256.bytes, sizeof r.sha256.bytes, hex);
    bool ours = false;
    for (size_t i = 0; i < n; i++)
        ours |= slice_equal_nocase((struct slice){lines[i].p, HEX}, (struct slice){hex, HEX});
    if (!ours) {
        out->kept++;
        return PB_OK;
    }
    if (unlinkat(in, base, 0) != 0)
        return error_errno(err, errno, "remove %s", path);
    out->removed++;
    return folders_remove(t, path, err);
}

int export_list_prune(int folder, const struct export_list *before, const struct export_list *now,
                      struct export_pruned *out, struct pb_error *err)
{
    struct sorted old, named = {0};
    struct tree tree;
    tree_start(&tree, folder);
    *out = (struct export_pruned){0};
    int rc = lines_sort(before, &old, err);
    if (rc == PB_OK)
        rc = lines_sort(now, &named, err);
    for (size_t i = 0, n; rc == PB_OK && i < old.n; i += n) {
        struct slice path = line_path(old.list[i]);
        for (n = 1; i + n < old.n && slice_equal(line_path(old.list[i + n]), path);)
            n++;
        if (!path_listed(&named, path))
            rc = path_prune(&tree, &old.list[i], n, out, err);
    }
    free(old.list);
    free(named.list);
    tree_end(&tree);
    return rc;
}
