/* Which request about uploads is what. */
#include "serve/protocol/admin_upload.h"

#include "serve/protocol/admin_answers.h"
#include "serve/protocol/admin_gate.h"
#include "serve/protocol/admin_intake.h"
#include "serve/report/dashboard.h"
#include "serve/report/report.h"
#include "wire/http_reply.h"
#include "wire/http_upload.h"

#include <jansson.h>
#include <stdio.h>

#define UPLOADS "/uploads"
#define JOBS    "/jobs"
#define FORM    "/publish"

struct asking {
    const struct exchange *x;
    const struct http_request *request;
    struct reply_plan *plan;
    const char *owner;
    char id[UPLOAD_ID]; /* "": none is named */
    bool publish;       /* /uploads/ID/publish */
};

static enum verdict refuse(const struct asking *q, int status)
{
    struct http_moment moment = {"patchbay", q->x->date};
    http_reply_status(&moment, q->request, status, q->plan);
    return VERDICT_REPLY;
}

/* With words of our own. */
static enum verdict refuse_as(const struct asking *q, int status, const char *words)
{
    struct http_moment moment = {"patchbay", q->x->date};
    char *text = NULL;
    int n = asprintf(&text, "%s\n", words);
    if (n < 0)
        return refuse(q, 500);
    http_reply_text(&moment, q->request, status, "text/plain; charset=utf-8", (struct slice){text, (size_t)n},
                    q->plan);
    q->plan->owned = true;
    q->plan->refused = true;
    return VERDICT_REPLY;
}

static enum verdict take(const struct asking *q, const struct upload_asked *asked)
{
    q->plan->intake = upload_intake_new(q->x->shared->uploads, q->request, asked);
    return q->plan->intake != NULL ? VERDICT_TAKE : refuse(q, 500);
}

static struct upload_asked asked_of(const struct asking *q, enum upload_call call)
{
    struct upload_asked asked = {.call = call};
    snprintf(asked.owner, sizeof asked.owner, "%s", q->owner);
    memcpy(asked.id, q->id, sizeof asked.id);
    return asked;
}

/* ---- what is there ---- */

static json_t *view_json(const struct upload_view *v)
{
    static const char *const states[] = {[UPLOAD_FREE] = "",           [UPLOAD_RECEIVING] = "receiving",
                                         [UPLOAD_WAITING] = "waiting", [UPLOAD_PUBLISHING] = "publishing",
                                         [UPLOAD_DONE] = "done",       [UPLOAD_FAILED] = "failed"};
    json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:I}", "id", v->id, "name", v->name, "state",
                          states[v->state], "size", (json_int_t)v->size, "offset", (json_int_t)v->offset);
    if (o != NULL && v->state == UPLOAD_PUBLISHING)
        json_object_update_new(o, json_pack("{s:s, s:I, s:I}", "stage", v->stage, "done", (json_int_t)v->done,
                                            "total", (json_int_t)v->total));
    if (o != NULL && v->state == UPLOAD_FAILED)
        json_object_update_new(o, json_pack("{s:s, s:i, s:s}", "error", v->text, "status", v->status, "kind",
                                            pb_status_name(v->status)));
    return o;
}

static enum verdict answer_json(const struct asking *q, json_t *o)
{
    struct http_moment moment = {"patchbay", q->x->date};
    char *text = o != NULL ? json_dumps(o, JSON_INDENT(2)) : NULL;
    json_decref(o);
    if (text == NULL)
        return refuse(q, 500);
    http_reply_text(&moment, q->request, 200, "application/json", slice_of(text), q->plan);
    q->plan->owned = q->plan->body == BODY_MEMORY;
    if (!q->plan->owned)
        free(text);
    return VERDICT_REPLY;
}

static void view_add(void *arg, const struct upload_view *v)
{
    json_array_append_new(arg, view_json(v));
}

static enum verdict list(const struct asking *q)
{
    json_t *all = json_array();
    if (all != NULL)
        uploads_each(q->x->shared->uploads, q->owner, view_add, all);
    return answer_json(q, all);
}

static enum verdict look(const struct asking *q)
{
    struct upload_view view;
    char fields[UPLOAD_FIELDS];
    struct http_moment moment = {"patchbay", q->x->date};
    enum upload_end end = uploads_look(q->x->shared->uploads, q->owner, q->id, &view);
    if (end != UPLOAD_OK)
        return refuse(q, upload_status(end));
    upload_fields(&view, fields);
    http_reply_fields(&moment, q->request, 204, fields, "", (struct slice){0}, q->plan);
    return VERDICT_REPLY;
}

/* How publishing goes, and what came of it. */
static enum verdict job(const struct asking *q)
{
    struct upload_view view;
    _cleanup_buffer_ struct buffer result;
    buffer_init(&result, REPORT_MAX);
    enum upload_end end = uploads_look(q->x->shared->uploads, q->owner, q->id, &view);
    if (end == UPLOAD_OK && view.state == UPLOAD_DONE)
        end = uploads_result(q->x->shared->uploads, q->owner, q->id, &result);
    if (end != UPLOAD_OK)
        return refuse(q, upload_status(end));
    json_t *o = view_json(&view);
    json_t *made = result.n > 0 ? json_loads(result.p, 0, NULL) : NULL;
    if (o != NULL && made != NULL)
        json_object_set(o, "result", made);
    json_decref(made);
    return answer_json(q, o);
}

/* ---- what changes something ---- */

/* The name, size and digest of POST /uploads. 0, or the status to refuse it with. */
static int file_read(struct slice query, struct upload_asked *asked)
{
    char size[24], digest[SHA256_HEX + 1];
    int has_digest = http_form_value(query, "sha256", digest, sizeof digest);
    if (http_form_value(query, "name", asked->file.name, sizeof asked->file.name) != 1 ||
        http_form_value(query, "size", size, sizeof size) != 1 ||
        !slice_to_u64(slice_of(size), INT64_MAX, &asked->file.size) || has_digest < 0)
        return 400;
    asked->file.has_digest = has_digest == 1;
    if (has_digest == 1 && !hex_decode(slice_of(digest), &asked->file.digest, sizeof asked->file.digest))
        return 400;
    return 0;
}

/* What could not be published is not to be sent in vain. */
static enum verdict begin(const struct asking *q)
{
    struct pb_error err;
    struct upload_asked asked = asked_of(q, CALL_BEGIN);
    int status = q->request->content_length > 0 ? 413 : file_read(q->request->query, &asked);
    if (status != 0)
        return refuse(q, status);
    if (asked.file.size > q->x->snapshot->settings->upload_max)
        return refuse_as(q, 413, "the file is larger than the server's upload_max");
    if (q->x->shared->publish_calls->accepts(asked.file.name, asked.file.size, &err) < 0)
        return refuse_as(q, 422, err.text);
    return take(q, &asked);
}

/* The IETF's draft wants PATCH and Upload-Offset; a plain PUT is for programs that know no more. */
static enum verdict write_to(const struct asking *q, bool patch)
{
    struct upload_view view;
    uint64_t from;
    struct uploads *u = q->x->shared->uploads;
    struct upload_asked asked = asked_of(q, CALL_WRITE);
    enum upload_end end = uploads_look(u, q->owner, q->id, &view);
    int status = upload_status(end);
    if (status == 0 && patch && q->request->upload_offset.p == NULL)
        status = 400;
    if (status == 0)
        status = http_upload_place(q->request, view.size, &from);
    if (status != 0)
        return refuse(q, status);
    end = uploads_write_begin(u, q->owner, q->id, from, &asked.writer);
    if (end == UPLOAD_ELSEWHERE) { /* says where it is */
        char fields[UPLOAD_FIELDS];
        struct http_moment moment = {"patchbay", q->x->date};
        upload_fields(&view, fields);
        http_reply_fields(&moment, q->request, 409, fields, "text/plain", (struct slice){0}, q->plan);
        return VERDICT_REPLY;
    }
    return end == UPLOAD_OK ? take(q, &asked) : refuse(q, upload_status(end));
}

static enum verdict publish(const struct asking *q)
{
    const struct upload_asked asked = asked_of(q, CALL_PUBLISH);
    return q->request->content_length > UPLOAD_OPTIONS_MAX ? refuse(q, 413) : take(q, &asked);
}

static enum verdict remove_it(const struct asking *q)
{
    const struct upload_asked asked = asked_of(q, CALL_REMOVE);
    return q->request->content_length > 0 ? refuse(q, 413) : take(q, &asked);
}

/* ---- the form ---- */

static enum verdict form(const struct asking *q)
{
    answer_embedded(&(struct question){q->x, q->request, q->plan}, &publish_form);
    return VERDICT_REPLY;
}

/* ---- routes ---- */

/* Is the path `folder`, or below it? */
static bool within(struct slice path, const char *folder)
{
    size_t n = strlen(folder);
    return slice_begins(path, slice_of(folder)) && (path.n == n || path.p[n] == '/');
}

/* "/uploads", "/uploads/ID", "/uploads/ID/publish". False: it is none of these. */
static bool path_split(struct slice path, const char *folder, bool may_publish, struct asking *q)
{
    size_t n = strlen(folder);
    struct slice rest = {path.p + n, path.n - n};
    q->id[0] = '\0';
    q->publish = false;
    if (rest.n == 0)
        return true;
    rest = (struct slice){rest.p + 1, rest.n - 1};
    if (rest.n < UPLOAD_ID - 1)
        return false;
    memcpy(q->id, rest.p, UPLOAD_ID - 1);
    q->id[UPLOAD_ID - 1] = '\0';
    rest = (struct slice){rest.p + UPLOAD_ID - 1, rest.n - (UPLOAD_ID - 1)};
    q->publish = may_publish && slice_equal(rest, slice_of("/publish"));
    return (rest.n == 0 || q->publish) && strlen(q->id) == UPLOAD_ID - 1;
}

enum place { PLACE_ALL, PLACE_ONE, PLACE_PUBLISH };

static enum verdict route_upload(struct asking *q)
{
    const struct http_request *r = q->request;
    enum place place = q->id[0] == '\0' ? PLACE_ALL : q->publish ? PLACE_PUBLISH : PLACE_ONE;
    bool post = slice_equal(r->method_text, slice_of("POST"));
    bool put = slice_equal(r->method_text, slice_of("PUT"));
    bool patch = slice_equal(r->method_text, slice_of("PATCH"));
    static const char *const allow[] = {[PLACE_ALL] = "GET, HEAD, POST",
                                        [PLACE_ONE] = "GET, HEAD, PUT, PATCH, DELETE",
                                        [PLACE_PUBLISH] = "POST"};
    struct http_moment moment = {"patchbay", q->x->date};
    if (r->transfer_encoding)
        return refuse(q, 411);
    if (place == PLACE_ALL && r->method != HTTP_OTHER)
        return list(q);
    if (place == PLACE_ALL && post)
        return begin(q);
    if (place == PLACE_PUBLISH && post)
        return publish(q);
    if (place == PLACE_ONE && r->method != HTTP_OTHER)
        return look(q);
    if (place == PLACE_ONE && (put || patch))
        return write_to(q, patch);
    if (place == PLACE_ONE && slice_equal(r->method_text, slice_of("DELETE")))
        return remove_it(q);
    http_reply_method(&moment, r, allow[place], q->plan);
    return VERDICT_REPLY;
}

bool upload_owns(const struct exchange *x, struct slice path)
{
    return x->shared != NULL && x->shared->uploads != NULL && x->snapshot->settings->publish &&
           (within(path, UPLOADS) || within(path, JOBS) || slice_equal(path, slice_of(FORM)));
}

enum verdict upload_next(const struct exchange *x, const struct http_request *request,
                         struct reply_plan *plan)
{
    struct asking q = {.x = x, .request = request, .plan = plan};
    bool is_form = slice_equal(request->path, slice_of(FORM)), is_job = within(request->path, JOBS);
    int refusal = admin_refusal(x, request, is_form ? 0 : RIGHT_PUBLISH);
    if (refusal != 0)
        return refuse(&q, refusal);
    if ((is_form || is_job) && request->method == HTTP_OTHER)
        return refuse(&q, 405);
    if (is_form)
        return form(&q);
    q.owner = admin_caller(x, request);
    if (!path_split(request->path, is_job ? JOBS : UPLOADS, !is_job, &q) || (is_job && q.id[0] == '\0'))
        return refuse(&q, 404);
    return is_job ? job(&q) : route_upload(&q);
}
