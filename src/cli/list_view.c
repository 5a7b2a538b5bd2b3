/* Titles with their costs, in 78 columns where names are not longer than usual. A longer name is not cut:
 * people copy it. */
#include "cli/list_view.h"

#include "cli/releases.h"

#include <stdio.h>
#include <string.h>

struct costs {
    json_t *of;    /* an object of objects, by title */
    json_t *array; /* NULL: text */
    bool headed;
};

static int cost_take(void *arg, const struct pb_title_usage *u)
{
    struct costs *c = arg;
    return json_object_set_new(c->of, u->title,
                               json_pack("{s:I, s:I, s:I, s:I}", "releases", (json_int_t)u->releases,
                                         "own_bytes", (json_int_t)u->own_bytes, "shared_bytes",
                                         (json_int_t)u->shared_bytes, "old_bytes", (json_int_t)u->old_bytes));
}

static const char *cost_text(const json_t *cost, const char *key, char out[TEXT_SIZE])
{
    text_short((double)json_integer_value(json_object_get(cost, key)), 1024, out);
    return out;
}

static int title_show(void *arg, const struct pb_release *r)
{
    struct costs *c = arg;
    json_t *cost = json_object_get(c->of, r->title);
    char when[TEXT_SIZE], size[TEXT_SIZE], own[TEXT_SIZE], shared[TEXT_SIZE], old[TEXT_SIZE];
    if (c->array != NULL) {
        int rc = release_show(c->array, r);
        json_t *shown = json_array_get(c->array, json_array_size(c->array) - 1);
        return rc == 0 && cost != NULL ? json_object_update(shown, cost) : rc;
    }
    if (!c->headed)
        printf("%-26s %-12s %-10s %6s %6s %6s %6s\n", "title", "version", "published", "live", "own",
               "shared", "old");
    c->headed = true;
    text_time(r->published, when);
    text_short((double)r->bytes, 1024, size);
    printf("%-26s %-12s %.10s %6s %6s %6s %6s\n", r->title, r->version, when, size,
           cost_text(cost, "own_bytes", own), cost_text(cost, "shared_bytes", shared),
           cost_text(cost, "old_bytes", old));
    return 0;
}

static void depot_show(const struct pb_usage_report *u)
{
    char bytes[TEXT_SIZE], space[TEXT_SIZE], old[TEXT_SIZE], unused[TEXT_SIZE];
    text_bytes(u->bytes, bytes);
    text_bytes(u->free_bytes, space);
    text_bytes(u->old_bytes, old);
    text_bytes(u->unused_bytes, unused);
    printf("depot: %s in %llu object%s; %s free on its disk\n", bytes, (unsigned long long)u->objects,
           u->objects == 1 ? "" : "s", space);
    if (u->old_releases > 0)
        printf("%llu old release%s: %s alone ('patchbay gc --keep 0' removes them)\n",
               (unsigned long long)u->old_releases, u->old_releases == 1 ? "" : "s", old);
    if (u->unused_bytes > 0)
        printf("unused: %s ('patchbay gc' removes them)\n", unused);
}

int list_depot(struct pb_depot *depot, json_t *array, struct pb_error *err)
{
    struct pb_usage_report usage = PB_INIT(pb_usage_report);
    struct costs costs = {.of = json_object(), .array = array};
    int rc = pb_depot_usage(depot, cost_take, &costs, &usage, err);
    if (rc == PB_OK)
        rc = pb_depot_list(depot, title_show, &costs, err);
    if (rc == PB_OK && array == NULL)
        depot_show(&usage);
    json_decref(costs.of);
    return rc;
}

static int name_show(void *array, const struct pb_title_usage *u)
{
    if (array != NULL)
        return json_array_append_new(array, json_string(u->title));
    printf("%s\n", u->title);
    return 0;
}

int list_names(struct pb_depot *depot, json_t *array, struct pb_error *err)
{
    struct pb_usage_report usage = PB_INIT(pb_usage_report);
    return pb_depot_usage(depot, name_show, array, &usage, err);
}
