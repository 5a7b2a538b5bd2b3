/* What the operator asks for, over HTTP on an address of its own. The texts are made for each reply:
 * report.c. */
#include "serve/protocol/admin_gate.h"
#include "serve/protocol/admin_upload.h"
#include "serve/protocol/protocol.h"
#include "serve/report/report.h"
#include "wire/http_reply.h"

struct question {
    const struct exchange *x;
    const struct http_request *request;
    struct reply_plan *plan;
};

static struct http_moment moment_of(const struct exchange *x)
{
    return (struct http_moment){"patchbay", x->date};
}

/* Takes the text over. */
static void answer(const struct question *q, int status, const char *type, struct buffer *text)
{
    struct http_moment moment = moment_of(q->x);
    if (text->failed) {
        http_reply_status(&moment, q->request, 500, q->plan);
        return;
    }
    http_reply_text(&moment, q->request, status, type, (struct slice){text->p, text->n}, q->plan);
    q->plan->owned = q->plan->body == BODY_MEMORY;
    if (q->plan->owned)
        text->p = NULL;
}

static void metrics(const struct question *q)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, REPORT_MAX);
    report_metrics(q->x->snapshot, q->x->shared, &text);
    answer(q, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
}

static void status(const struct question *q)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, REPORT_MAX);
    report_status(q->x->snapshot, q->x->shared, &text);
    answer(q, 200, "application/json", &text);
}

/* 200 "ok", or 503 and why not. */
static void health(const struct question *q, const char *why)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, 1024);
    buffer_format(&text, "%s\n", why != NULL ? why : "ok");
    answer(q, why != NULL ? 503 : 200, "text/plain", &text);
}

static void healthz(const struct question *q)
{
    health(q, shared_illness(q->x->shared));
}

static void readyz(const struct question *q)
{
    health(q, shared_unready(q->x->shared));
}

static void route(const struct question *q)
{
    static const struct {
        const char *path;
        void (*answer)(const struct question *q);
    } routes[] = {{"/metrics", metrics}, {"/status", status}, {"/healthz", healthz}, {"/readyz", readyz}};
    struct http_moment moment = moment_of(q->x);
    int refusal = admin_refusal(q->x, q->request, RIGHT_LOOK);
    if (refusal != 0) {
        http_reply_status(&moment, q->request, refusal, q->plan);
        return;
    }
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!slice_equal(q->request->path, slice_of(routes[i].path)))
            continue;
        if (q->request->method == HTTP_OTHER)
            http_reply_status(&moment, q->request, 405, q->plan);
        else
            routes[i].answer(q);
        return;
    }
    http_reply_status(&moment, q->request, 404, q->plan);
}

static enum verdict admin_next(const struct exchange *x, const char *in, size_t n, size_t *used,
                               struct reply_plan *plan, struct access *access)
{
    struct http_request request;
    struct http_moment moment = moment_of(x);
    int length = http_request_parse(in, n, &request);
    (void)access; /* no line of the log is for the operator */
    if (length == 0)
        return VERDICT_MORE;
    reply_plan_start(plan);
    *used = length < 0 ? n : (size_t)length;
    if (length < 0)
        http_reply_status(&moment, NULL, -length, plan);
    else if (upload_owns(x, request.path))
        return upload_next(x, &request, plan);
    else
        route(&(struct question){x, &request, plan});
    return VERDICT_REPLY;
}

/* Never asked: its replies have no objects, and no cap is for them. */
static void admin_refuse(const struct exchange *x, const char *in, size_t n, enum refusal why,
                         struct reply_plan *plan)
{
    struct http_moment moment = moment_of(x);
    (void)in, (void)n, (void)why;
    http_reply_status(&moment, NULL, 500, plan);
}

const struct protocol admin_protocol = {
    .name = "admin",
    .for_operator = true,
    .input_max = HTTP_HEAD_MAX + 1,
    .next = admin_next,
    .refuse = admin_refuse,
};
