/* A connection to a small site, without sockets: a server's protocol gets bytes as they might arrive, and
 * each plan must be one that the engine can send. However the bytes are divided, the answers are the same. */
#ifndef PB_FUZZ_CONNECTION_H
#define PB_FUZZ_CONNECTION_H

#include "api/config.h"
#include "api/dialects.h"
#include "api/publish_calls.h"
#include "base/clock.h"
#include "depot/open.h"
#include "dialect/compile.h"
#include "serve/live/history.h"
#include "serve/live/notes.h"
#include "serve/protocol/protocol.h"

#include "titles.h"

#include <netinet/in.h>

static struct snapshot *fuzz_snapshot;
static struct shared fuzz_shared = {.process = {-1, -1, 0}};
static int fuzz_tmp; /* for uploads */

static void fuzz_title_failed(void *arg, const struct site_title *title, const struct pb_error *err)
{
    (void)arg;
    fprintf(stderr, "%s: %s\n", title->name, err->text);
    abort();
}

static void fuzz_snapshot_end(void)
{
    snapshot_release(fuzz_snapshot);
    history_free(fuzz_shared.history);
    notes_free(fuzz_shared.notes);
}

static void fuzz_snapshot_make(void)
{
    struct pb_error err;
    struct depot *d;
    struct serve_settings *settings;
    struct site *site;
    struct pb_config *config = pb_config_new();
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLAIM(config != NULL && chdir(fuzz_folder()) == 0);
    fuzz_publish("depot");
    CLAIM(depot_open("depot", &d, &err) == PB_OK && config_settings(config, &settings, &err) == PB_OK);
    struct site_maker maker =
        dialects_maker(settings->dialects, settings->dialect_settings, fuzz_title_failed, NULL);
    CLAIM(site_make(d, NULL, true, &maker, &site, &err) == PB_OK);
    settings->publish = true;
    settings->upload_max = 4096;
    settings->admin.token = "0123456789abcdef";
    fuzz_tmp = open("depot/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fuzz_shared.publish_calls = &publish_calls;
    fuzz_snapshot = snapshot_new(site, settings, bans_new());
    CLAIM(fuzz_snapshot != NULL && admission_init(&fuzz_shared.admission, &err) == PB_OK);
    fuzz_shared.depot = "/nowhere"; /* bans of one connection would change the answers to the next */
    fuzz_shared.history = history_new();
    fuzz_shared.notes = notes_new();
    CLAIM(fuzz_shared.history != NULL && fuzz_shared.notes != NULL);
    depot_close(d);
    pb_config_free(config);
    CLAIM(fchdir(here) == 0);
    close(here);
    atexit(fuzz_snapshot_end);
}

static bool fuzz_reached(const struct channel *channel, struct sockaddr_storage *out)
{
    (void)channel;
    *out = (struct sockaddr_storage){.ss_family = AF_INET};
    return true;
}

static void fuzz_plan_check(const struct reply_plan *plan)
{
    CLAIM(plan->head_length <= sizeof plan->head);
    CLAIM(plan->body != BODY_MEMORY || plan->length == 0 || plan->memory != NULL);
    CLAIM(plan->body != BODY_OBJECT || (plan->object != NULL && plan->offset <= plan->object_size &&
                                        plan->length <= plan->object_size - plan->offset));
    CLAIM(plan->body != BODY_NONE || plan->length == 0 || plan->refused || plan->status < 400);
    CLAIM(plan->seal.from == 0 ||
          (plan->seal.at + 4 <= plan->head_length && plan->seal.from <= plan->head_length));
}

/* As the engine does it with what there is of a body; returns how much the intake took. */
static size_t fuzz_body(struct reply_plan *plan, const char *p, size_t n)
{
    struct intake *in = plan->intake;
    size_t most = n < in->left ? n : (size_t)in->left;
    plan->intake = NULL;
    in->left -= most;
    bool whole = (most == 0 || in->take(in, p, most)) && in->left == 0;
    reply_plan_start(plan);
    if (whole)
        in->end(in, "Sun, 06 Nov 1994 08:49:37 GMT", plan);
    intake_free(in);
    if (!whole) {
        plan->close = true;
        plan->body = BODY_NONE;
        plan->length = plan->head_length = 0;
        plan->refused = true;
    }
    return most;
}

static void fuzz_feed(const struct protocol *protocol, const struct exchange *x, struct reply_feed *feed)
{
    struct buffer piece;
    buffer_init(&piece, 1024 * 1024);
    CLAIM(protocol->more(x, feed, &piece) && !piece.failed);
    buffer_free(&piece);
}

/* Answers one request from the beginning of in[0, n): the bytes that it took; 0: more is needed, or the
 * connection ends. Adds what was answered to the sum. */
static size_t fuzz_answer(const struct protocol *protocol, const char *in, size_t n, uint32_t *sum,
                          bool *ends)
{
    static const struct sockaddr_in client = {.sin_family = AF_INET};
    static struct reply_plan plan;
    struct exchange x = {.snapshot = fuzz_snapshot,
                         .date = "Sun, 06 Nov 1994 08:49:37 GMT",
                         .client = (const struct sockaddr *)&client,
                         .reached = fuzz_reached,
                         .shared = &fuzz_shared};
    struct access access = {0};
    size_t used = 0;
    enum verdict verdict = protocol->next(&x, in, n, &used, &plan, &access);
    *ends = verdict == VERDICT_CLOSE || (verdict == VERDICT_MORE && n >= protocol->input_max);
    if (verdict != VERDICT_REPLY && verdict != VERDICT_TAKE)
        return 0;
    CLAIM(used > 0 && used <= n);
    if (verdict == VERDICT_TAKE)
        used += fuzz_body(&plan, in + used, n - used);
    fuzz_plan_check(&plan);
    *ends = plan.close;
    *sum = hash_more(*sum, (struct slice){(const char *)&plan.status, sizeof plan.status});
    if (!protocol->for_operator)
        *sum = hash_more(*sum, (struct slice){plan.head, plan.head_length});
    if (plan.feed != NULL)
        fuzz_feed(protocol, &x, plan.feed);
    reply_plan_drop(&plan);
    return used;
}

/* A whole connection, whose bytes come `step` at a time; 0: all at once. Returns a sum of the answers. */
static uint32_t fuzz_connection(const struct protocol *protocol, const char *p, size_t n, size_t step)
{
    uint32_t sum = HASH_START;
    bool ends = false;
    for (size_t from = 0, to = 0; !ends && to < n;) {
        size_t more = step == 0 ? n - to : step < n - to ? step : n - to;
        to += more;
        for (size_t used = 1; !ends && used > 0 && from < to; from += used) {
            size_t most = to - from < protocol->input_max ? to - from : protocol->input_max;
            char *copy = malloc(most); /* so that reading behind its end is noticed */
            CLAIM(copy != NULL);
            memcpy(copy, p + from, most);
            used = fuzz_answer(protocol, copy, most, &sum, &ends);
            free(copy);
        }
    }
    return sum;
}

/* The first byte says how the rest is divided. */
static void fuzz_connections(const struct protocol *protocol, const uint8_t *data, size_t size)
{
    if (fuzz_snapshot == NULL)
        fuzz_snapshot_make();
    if (size < 2)
        return;
    struct pb_error err;
    const char *p = (const char *)data + 1;
    CLAIM(!protocol->for_operator || uploads_new(fuzz_tmp, &fuzz_shared.uploads, &err) == PB_OK);
    uint32_t whole = fuzz_connection(protocol, p, size - 1, 0);
    CLAIM(protocol->for_operator || fuzz_connection(protocol, p, size - 1, 1 + data[0]) == whole);
    uploads_free(fuzz_shared.uploads);
    fuzz_shared.uploads = NULL;
}

#endif
