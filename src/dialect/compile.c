/* Compiling with a list of dialects. */
#include "dialect/compile.h"

#include "dialect/page.h"

static int compile(void *arg, struct site_title *title, const struct md5 *md5, struct pb_error *err)
{
    const struct dialect *const *all = arg;
    for (size_t i = 0; all[i] != NULL; i++) {
        if (strcmp(all[i]->name, title->dialect) == 0)
            return all[i]->compile != NULL ? all[i]->compile(title, md5, err) : PB_OK;
    }
    return error_set(err, PB_UNSUPPORTED, "this patchbay does not know the dialect");
}

static struct site_lasting lasting(void *arg, const char *dialect, const char *attributes)
{
    const struct dialect *const *all = arg;
    for (size_t i = 0; all[i] != NULL; i++) {
        if (strcmp(all[i]->name, dialect) == 0 && all[i]->lasting != NULL)
            return all[i]->lasting(attributes);
    }
    return (struct site_lasting){0};
}

static int finish(void *arg, void *finish_arg, const struct depot *d, struct site *site, struct pb_error *err)
{
    const struct dialect *const *all = arg;
    void *const *settings = finish_arg;
    size_t n = 0;
    while (all[n] != NULL)
        n++;
    site->compiled = arena_zero(&site->arena, (n + 1) * sizeof *site->compiled);
    if (site->compiled == NULL)
        return error_memory(err);
    for (size_t i = 0; i < n; i++) {
        const void *of_dialect = settings != NULL ? settings[i] : NULL;
        int rc = all[i]->compile_site != NULL
                     ? all[i]->compile_site(site, of_dialect, d->objects, &site->compiled[i], err)
                     : PB_OK;
        if (rc < 0)
            return rc;
    }
    return settings != NULL ? page_make(all, settings, site, err) : PB_OK;
}

struct site_maker dialects_maker(const struct dialect *const *all, void **settings, site_failed_fn *failed,
                                 void *arg)
{
    return (struct site_maker){compile, finish, lasting, (void *)all, settings, failed, arg};
}

const struct dialect *dialect_path_taken(const struct dialect *const *all, const struct dialect *mine,
                                         struct slice name)
{
    for (size_t i = 0; all[i] != NULL; i++) {
        for (size_t k = 0; all[i] != mine && all[i]->paths[k] != NULL; k++) {
            if (slice_equal_nocase(name, slice_of(all[i]->paths[k])))
                return all[i];
        }
    }
    return NULL;
}
