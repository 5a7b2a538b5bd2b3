/* Building and counting steps. */
#include "plan/fetch.h"

#include "base/tree.h"

int fetch_piece_get(const struct fetch_plan *plan, size_t i, struct arena *scratch, struct fetch_piece *out,
                    struct pb_error *err)
{
    if (plan->pieces == NULL)
        return plan->piece_make(plan, i, scratch, out, err);
    *out = plan->pieces[i];
    return PB_OK;
}

const char *fetch_step_staged(const struct fetch_step *s, char hex[MD5_HEX + 1])
{
    if (s->staged != NULL)
        return s->staged;
    hex_encode(s->md5.bytes, sizeof s->md5.bytes, hex);
    return hex;
}

struct fetch_step *fetch_step_add(struct fetch_plan *plan, size_t *room)
{
    struct fetch_step *steps = arena_grow(&plan->arena, plan->steps, plan->step_count, room, sizeof *steps);
    if (steps == NULL)
        return NULL;
    plan->steps = steps;
    return &steps[plan->step_count++];
}

bool fetch_steps_reserve(struct fetch_plan *plan, size_t *room, size_t n)
{
    if (plan->step_count + n <= *room)
        return true;
    struct fetch_step *steps = arena_zero(&plan->arena, (plan->step_count + n) * sizeof *steps);
    if (steps == NULL)
        return false;
    if (plan->step_count > 0)
        memcpy(steps, plan->steps, plan->step_count * sizeof *steps);
    plan->steps = steps;
    *room = plan->step_count + n;
    return true;
}

size_t fetch_plan_count(const struct fetch_plan *plan, enum fetch_action action)
{
    size_t n = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        n += plan->steps[i].action == action && !plan->steps[i].generated;
    return n;
}

bool fetch_plan_nothing_to_do(const struct fetch_plan *plan)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].action != FETCH_KEEP || plan->steps[i].executable)
            return false;
    }
    return true;
}

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All folders above the paths of the first n steps. */
static int folders_gather(struct fetch_plan *plan, const char ***out, size_t *n, struct pb_error *err)
{
    struct arena *a = &plan->arena;
    const char **paths = NULL, *before = "";
    size_t room = 0;
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct fetch_step *s = &plan->steps[i];
        const char *slash = s->action == FETCH_PLACE || s->action == FETCH_LINK ? strchr(s->path, '/') : NULL;
        for (; slash != NULL; slash = strchr(slash + 1, '/')) {
            size_t length = (size_t)(slash - s->path);
            if (strncmp(before, s->path, length + 1) == 0) /* the file before was in this folder, too */
                continue;
            paths = arena_grow(a, paths, *n, &room, sizeof *paths);
            const char *above = arena_copy(a, s->path, length);
            if (paths == NULL || above == NULL)
                return error_memory(err);
            paths[(*n)++] = above;
        }
        if (s->action == FETCH_PLACE || s->action == FETCH_LINK)
            before = s->path;
    }
    *out = paths;
    return PB_OK;
}

int fetch_plan_folders(struct fetch_plan *plan, size_t *room, int folder, struct pb_error *err)
{
    const char **paths = NULL;
    size_t n = 0;
    _cleanup_tree_ struct tree tree;
    tree_start(&tree, folder);
    int rc = folders_gather(plan, &paths, &n, err);
    if (rc < 0)
        return rc;
    if (n > 1) /* in order, those above come before those below */
        qsort(paths, n, sizeof *paths, text_compare);
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        if (i > 0 && strcmp(paths[i - 1], paths[i]) == 0)
            continue;
        int there = tree_stat(&tree, paths[i], &st, err);
        if (there < 0)
            return there;
        struct fetch_step *s = there == 0 ? fetch_step_add(plan, room) : NULL;
        if (there == 0 && s == NULL)
            return error_memory(err);
        if (there == 0)
            *s = (struct fetch_step){.action = FETCH_FOLDER, .path = paths[i]};
    }
    return PB_OK;
}
