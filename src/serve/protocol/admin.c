/* What the operator asks for, over HTTP on an address of its own. The texts are made for each reply:
 * report.c. */
#include "serve/protocol/admin_answers.h"
#include "serve/protocol/admin_gate.h"
#include "serve/protocol/admin_upload.h"
#include "serve/report/report.h"

static struct http_moment moment_of(const struct exchange *x)
{
    return (struct http_moment){"patchbay", x->date};
}

void question_answer(const struct question *q, int status, const char *type, const char *fields,
                     struct buffer *text)
{
    struct http_moment moment = question_moment(q);
    if (text->failed) {
        http_reply_status(&moment, q->request, 500, q->plan);
        return;
    }
    http_reply_fields(&moment, q->request, status, fields, type, (struct slice){text->p, text->n}, q->plan);
    q->plan->owned = q->plan->body == BODY_MEMORY;
    if (q->plan->owned)
        text->p = NULL;
}

static void answer(const struct question *q, int status, const char *type, struct buffer *text)
{
    question_answer(q, status, type, "", text);
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

/* `needs`: a right of admin_gate.h; 0: none. The page itself has nothing in it that is the operator's alone.
 */
static const struct route {
    const char *method, *path;
    unsigned needs;
    void (*answer)(const struct question *q);
} routes[] = {
    {"GET", "/", 0, answer_page},
    {"GET", "/events", RIGHT_LOOK, answer_events},
    {"GET", "/metrics", RIGHT_LOOK, metrics},
    {"GET", "/status", RIGHT_LOOK, status},
    {"GET", "/healthz", RIGHT_LOOK, healthz},
    {"GET", "/readyz", RIGHT_LOOK, readyz},
    {"POST", "/ban", RIGHT_BAN, answer_ban},
    {"POST", "/unban", RIGHT_BAN, answer_unban},
};

/* Finds the route; with *allow set, the path has another method. */
static const struct route *route_of(const struct http_request *r, const char **allow)
{
    struct slice method = r->method == HTTP_HEAD ? slice_of("GET") : r->method_text;
    *allow = NULL;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!slice_equal(r->path, slice_of(routes[i].path)))
            continue;
        if (slice_equal(method, slice_of(routes[i].method)))
            return &routes[i];
        *allow = strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method;
    }
    return NULL;
}

/* Whoever may not look does not learn what there is, either. */
static void route(const struct question *q)
{
    struct http_moment moment = moment_of(q->x);
    const char *allow;
    const struct route *found = route_of(q->request, &allow);
    int refusal = admin_refusal(q->x, q->request, found != NULL ? found->needs : RIGHT_LOOK);
    if (refusal != 0)
        http_reply_status(&moment, q->request, refusal, q->plan);
    else if (found != NULL)
        found->answer(q);
    else if (allow != NULL)
        http_reply_method(&moment, q->request, allow, q->plan);
    else
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
    .more = events_more,
    .refuse = admin_refuse,
};
