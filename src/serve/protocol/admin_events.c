/* The operator's page, and the events that keep it current. */
#include "base/clock.h"
#include "serve/protocol/admin_answers.h"
#include "serve/protocol/admin_gate.h"
#include "serve/report/dashboard.h"

#include <stdio.h>

/* Pages that may be open at once: each has its own events made, once a second. */
enum { FEEDS_MAX = 16 };

struct events {
    struct reply_feed feed;
    struct dashboard_told told;
    const struct shared *shared;
    char caller[TOKEN_ID]; /* whose it is; "": not by a token of the record */
};

void answer_embedded(const struct question *q, const struct embedded *page)
{
    struct http_moment moment = question_moment(q);
    char fields[512];
    snprintf(fields, sizeof fields,
             "Content-Security-Policy: default-src 'none'; connect-src 'self'; img-src data:; "
             "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; %s\r\n"
             "X-Content-Type-Options: nosniff\r\n"
             "Referrer-Policy: no-referrer\r\n",
             page->policy);
    http_reply_fields(&moment, q->request, 200, fields, "text/html; charset=utf-8",
                      (struct slice){(const char *)page->bytes, page->n}, q->plan);
}

void answer_page(const struct question *q)
{
    answer_embedded(q, &dashboard_page);
}

static unsigned *feeds_of(const struct shared *shared)
{
    return (unsigned *)&shared->feeds;
}

static void events_free(struct reply_feed *feed)
{
    struct events *e = (struct events *)feed;
    __atomic_sub_fetch(feeds_of(e->shared), 1, __ATOMIC_RELAXED);
    free(e);
}

static struct events *events_new(const struct shared *shared)
{
    struct events *e = NULL;
    if (__atomic_add_fetch(feeds_of(shared), 1, __ATOMIC_RELAXED) <= FEEDS_MAX)
        e = calloc(1, sizeof *e);
    if (e == NULL) {
        __atomic_sub_fetch(feeds_of(shared), 1, __ATOMIC_RELAXED);
        return NULL;
    }
    e->feed.free = events_free;
    e->shared = shared;
    return e;
}

void answer_events(const struct question *q)
{
    static const char type[] = "text/event-stream";
    struct http_moment moment = question_moment(q);
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, DASHBOARD_EVENT_MAX);
    if (q->request->method == HTTP_HEAD) {
        http_reply_stream(&moment, q->request, type, (struct slice){0}, q->plan);
        return;
    }
    struct events *e = events_new(q->x->shared);
    if (e == NULL) {
        buffer_text(&text, "too many pages are open\n");
        question_answer(q, 503, "text/plain", "Retry-After: 10\r\n", &text);
        return;
    }
    q->plan->feed = &e->feed;
    snprintf(e->caller, sizeof e->caller, "%s", admin_caller(q->x, q->request));
    buffer_text(&text, "retry: 2000\n\n");
    dashboard_event(q->x->snapshot, q->x->shared, &e->told, &text);
    if (text.failed) {
        reply_plan_drop(q->plan);
        http_reply_status(&moment, q->request, 500, q->plan);
        return;
    }
    http_reply_stream(&moment, q->request, type, (struct slice){text.p, text.n}, q->plan);
    q->plan->owned = true;
    text.p = NULL;
}

/* A token that was revoked, or has ended, opens nothing any more; nor does having none, once there is one. */
static bool may_look(const struct exchange *x, const struct events *e)
{
    const struct tokens *tokens = x->snapshot->tokens;
    if (e->caller[0] != '\0')
        return tokens_with(tokens, e->caller, RIGHT_LOOK, clock_unix()) != NULL;
    return x->snapshot->settings->admin.token != NULL || !tokens_any(tokens);
}

bool events_more(const struct exchange *x, struct reply_feed *feed, struct buffer *out)
{
    struct events *e = (struct events *)feed;
    if (!may_look(x, e))
        return false;
    dashboard_event(x->snapshot, x->shared, &e->told, out);
    return true;
}
