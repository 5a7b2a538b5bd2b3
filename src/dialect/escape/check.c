/* Checks over whole lists: by sorting, so that no choice of names makes them slow. */
#include "dialect/escape/check.h"

#include "base/path.h"

bool es_link_ok(const char *path, const char *target, const char **why)
{
    size_t depth = 0;
    for (const char *p = path; *p != '\0'; p++)
        depth += *p == '/';
    *why = NULL;
    for (; strncmp(target, "../", 3) == 0; target += 3, depth--) {
        if (depth == 0) {
            *why = "leads out of the folder";
            return false;
        }
    }
    return path_relative_safe(slice_of(target), why);
}

static int compare_nocase(const void *a, const void *b)
{
    return path_compare_nocase(*(const char *const *)a, *(const char *const *)b);
}

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strlen(path) > n && path[n] == '/' &&
           slice_equal_nocase((struct slice){path, n}, (struct slice){folder, n});
}

/* In order, a name that is there twice and what lies below a name follow directly upon it. With `nested`,
 * lying below is no fault. */
static int names_check(const char **names, size_t n, bool nested, struct pb_error *err)
{
    if (n > 1)
        qsort(names, n, sizeof *names, compare_nocase);
    for (size_t i = 1; i < n; i++) {
        if (path_compare_nocase(names[i - 1], names[i]) == 0)
            return strcmp(names[i - 1], names[i]) == 0
                       ? error_set(err, PB_INVALID, "%s is there twice", names[i])
                       : error_set(err, PB_INVALID, "%s and %s differ only by case", names[i - 1], names[i]);
        if (!nested && is_below(names[i], names[i - 1]))
            return error_set(err, PB_INVALID, "%s is a file, and %s needs a folder of that name",
                             names[i - 1], names[i]);
    }
    return PB_OK;
}

/* What was set aside is out of reach for any upgrade. */
static bool in_attic(const char *path)
{
    return slice_equal_nocase(slice_of(path), slice_of(ES_ATTIC)) || is_below(path, ES_ATTIC);
}

int es_upgrade_check(const struct es_upgrade *u, struct arena *a, struct pb_error *err)
{
    const char **names = arena_zero(a, (u->n + 1) * sizeof *names);
    if (names == NULL)
        return error_memory(err);
    for (size_t i = 0; i < u->n; i++) {
        names[i] = u->files[i].path;
        if (in_attic(names[i]))
            return error_set(err, PB_INVALID, "%s: lies in the folder for what is set aside", names[i]);
    }
    return names_check(names, u->n, false, err);
}

static int folder_compare(const void *a, const void *b)
{
    return strcmp((*(const struct es_folder *const *)a)->path, (*(const struct es_folder *const *)b)->path);
}

static int folder_seek(const void *key, const void *b)
{
    const struct slice *path = key;
    const char *other = (*(const struct es_folder *const *)b)->path;
    int order = strncmp(path->p, other, path->n);
    return order != 0 ? order : other[path->n] != '\0' ? -1 : 0;
}

/* The position of the folder that a path lies in; 0 for the top, and -1 when it is not listed. Others from 1.
 */
static long folder_of(const struct es_levels *l, const struct es_folder *const *sorted, const char *path)
{
    struct slice above = path_folder(slice_of(path));
    if (above.n == 0)
        return 0;
    const struct es_folder *const *found =
        bsearch(&above, sorted, l->folder_count, sizeof *sorted, folder_seek);
    return found != NULL ? *found - l->folders + 1 : -1;
}

static int folders_check(const struct es_levels *l, const struct es_folder *const *sorted,
                         struct pb_error *err)
{
    for (size_t i = 0; i < l->folder_count; i++) {
        long above = folder_of(l, sorted, l->folders[i].path);
        if (above < 0 || above > (long)i)
            return error_set(err, PB_INVALID,
                             "the folder %s is listed without the folder above it, or before",
                             l->folders[i].path);
    }
    for (size_t i = 0; i < l->level_count; i++) {
        if (folder_of(l, sorted, l->levels[i].path) < 0)
            return error_set(err, PB_INVALID, "the level %s is in a folder that is not listed",
                             l->levels[i].path);
    }
    return PB_OK;
}

int es_levels_check(const struct es_levels *l, struct arena *a, struct pb_error *err)
{
    size_t n = 0;
    const char **names = arena_zero(a, (l->folder_count + l->level_count + 1) * sizeof *names);
    const struct es_folder **sorted = arena_zero(a, (l->folder_count + 1) * sizeof *sorted);
    if (names == NULL || sorted == NULL)
        return error_memory(err);
    for (size_t i = 0; i < l->folder_count; i++) {
        names[n++] = l->folders[i].path;
        sorted[i] = &l->folders[i];
    }
    for (size_t i = 0; i < l->level_count; i++)
        names[n++] = l->levels[i].path;
    if (l->folder_count > 1)
        qsort(sorted, l->folder_count, sizeof *sorted, folder_compare);
    for (size_t i = 0; i < n; i++) {
        if (slice_equal_nocase(path_base(slice_of(names[i])), slice_of(ES_INDEX)) ||
            slice_equal_nocase(slice_of(names[i]), slice_of(ES_UNSUBSCRIBE)))
            return error_set(err, PB_INVALID, "a level or folder may not be called %s", names[i]);
    }
    int rc = names_check(names, n, true, err);
    return rc < 0 ? rc : folders_check(l, sorted, err);
}
