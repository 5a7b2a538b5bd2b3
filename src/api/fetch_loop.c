/*
 * Fetching from a caller's own loop. A fetch waits in many places: for the network, for the disk, for
 * children that unpack. So it runs in a thread of the library, just as pb_fetch does it, and the caller's
 * steps only take out what it has to tell. A step never waits, whatever the fetch does.
 */
#include "api/fetch_messages.h"
#include "api/fetch_sized.h"
#include "base/arena.h"
#include "base/thread.h"

enum { STEP_MESSAGES = 256 /* a step calls back so often at most; the rest is for the next one */ };

struct pb_fetching {
    struct pb_fetch_options given; /* the caller's functions */
    struct pb_fetch_options options;
    struct arena arena; /* the texts of the options */
    char *password;     /* apart from them, as it is wiped */
    struct messages messages;
    struct pb_progress progress; /* as of the last step */
    pthread_t thread;
    int rc; /* these three are the thread's until it has ended */
    struct pb_fetch_result result;
    struct pb_error err;
};

/* ---- the options outlive the caller's ---- */

/* One that is not there stays so. */
static bool text_keep(struct arena *a, const char **text)
{
    return *text == NULL || (*text = arena_text(a, *text)) != NULL;
}

static bool mirrors_keep(struct arena *a, struct pb_fetch_options *o)
{
    const char **list = arena_zero(a, (o->mirror_count + 1) * sizeof *list);
    for (size_t i = 0; list != NULL && i < o->mirror_count; i++) {
        list[i] = o->mirrors[i];
        if (!text_keep(a, &list[i]))
            return false;
    }
    o->mirrors = list;
    return list != NULL;
}

static bool more_keep(struct arena *a, struct pb_fetch_options *o)
{
    struct pb_fetch_option *list = arena_zero(a, (o->option_count + 1) * sizeof *list);
    for (size_t i = 0; list != NULL && i < o->option_count; i++) {
        list[i] = o->options[i];
        if (!text_keep(a, &list[i].key) || !text_keep(a, &list[i].value))
            return false;
    }
    o->options = list;
    return list != NULL;
}

static int options_keep(struct pb_fetching *f, struct pb_error *err)
{
    struct pb_fetch_options *o = &f->options;
    const char **const texts[] = {&o->url, &o->folder, &o->ca_file, &o->proxy};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!text_keep(&f->arena, texts[i]))
            return error_memory(err);
    }
    if (o->password != NULL && (o->password = f->password = strdup(o->password)) == NULL)
        return error_memory(err);
    return mirrors_keep(&f->arena, o) && more_keep(&f->arena, o) ? PB_OK : error_memory(err);
}

/* ---- the thread ---- */

static void *run(void *arg)
{
    struct pb_fetching *f = arg;
    f->rc = pb_fetch(&f->options, messages_progress, &f->messages, &f->result, &f->err);
    messages_end(&f->messages);
    return NULL;
}

/* ---- the caller ---- */

static void options_free(struct pb_fetching *f)
{
    if (f->password != NULL)
        secret_free(f->password, strlen(f->password));
    arena_free(&f->arena);
}

int pb_fetch_start(const struct pb_fetch_options *options, struct pb_fetching **fetching,
                   struct pb_error *err)
{
    struct pb_fetching *f = calloc(1, sizeof *f);
    if (f == NULL)
        return error_memory(err);
    f->result.size = sizeof f->result;
    f->progress.stage = "checking";
    arena_init(&f->arena, 0);
    int rc = sized_take(&fetch_options_sized, options, &f->given, err);
    f->options = f->given;
    if (rc == PB_OK)
        rc = options_keep(f, err);
    if (rc == PB_OK)
        rc = messages_init(&f->messages, err);
    if (rc == PB_OK) {
        messages_listen(&f->messages, &f->options);
        rc = thread_start(&f->thread, run, f, err);
        if (rc < 0)
            messages_free(&f->messages);
    }
    if (rc < 0) {
        options_free(f);
        free(f);
        return rc;
    }
    *fetching = f;
    return PB_OK;
}

int pb_fetch_step(struct pb_fetching *f, const struct pb_progress **progress)
{
    for (int i = 0; i < STEP_MESSAGES && messages_tell(&f->messages, &f->given); i++)
        continue;
    int going = messages_look(&f->messages, &f->progress);
    if (progress != NULL)
        *progress = &f->progress;
    return going;
}

int pb_fetch_fd(const struct pb_fetching *f)
{
    return f->messages.fd;
}

void pb_fetch_cancel(struct pb_fetching *f)
{
    messages_cancel(&f->messages);
}

int pb_fetch_finish(struct pb_fetching *f, struct pb_fetch_result *result, struct pb_error *err)
{
    if (f == NULL)
        return error_set(err, PB_INVALID, "there is no fetch to finish");
    int rc = result != NULL ? sized_check(&fetch_result_sized, result, err) : PB_OK;
    messages_cancel(&f->messages);
    pthread_join(f->thread, NULL);
    if (rc == PB_OK && result != NULL)
        sized_give(&fetch_result_sized, &f->result, result);
    if (rc == PB_OK && f->rc < 0) {
        *err = f->err;
        rc = f->rc == PB_CANCELLED && f->messages.starved ? error_memory(err) : f->rc;
    }
    messages_free(&f->messages);
    options_free(f);
    free(f);
    return rc;
}
