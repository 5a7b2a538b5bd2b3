/* The intake of uploads. */
#include "serve/protocol/admin_intake.h"

#include "plan/reply.h"
#include "wire/http_reply.h"

#include <stdio.h>

struct upload_intake {
    struct intake in;
    struct uploads *uploads;
    struct upload_asked asked;
    struct http_request request; /* what answering needs: its slices are gone */
    struct buffer form;          /* CALL_PUBLISH: the options */
    enum upload_end written;     /* CALL_WRITE: how that went */
};

int upload_status(enum upload_end end)
{
    static const int statuses[] = {[UPLOAD_OK] = 0,     [UPLOAD_UNKNOWN] = 404, [UPLOAD_ELSEWHERE] = 409,
                                   [UPLOAD_MANY] = 429, [UPLOAD_NO_ROOM] = 507, [UPLOAD_BROKEN] = 500};
    return statuses[end];
}

void upload_fields(const struct upload_view *view, char out[UPLOAD_FIELDS])
{
    snprintf(
        out, UPLOAD_FIELDS,
        "Location: /uploads/%s\r\nUpload-Offset: %llu\r\nUpload-Length: %llu\r\nUpload-Complete: ?%d\r\n",
        view->id, (unsigned long long)view->offset, (unsigned long long)view->size,
        view->offset == view->size);
}

static bool take(struct intake *in, const char *p, size_t n)
{
    struct upload_intake *t = (struct upload_intake *)in;
    if (t->asked.call == CALL_PUBLISH)
        return buffer_append(&t->form, p, n);
    if (t->asked.call == CALL_WRITE)
        t->written = uploads_write(t->uploads, t->asked.id, t->asked.writer, p, n);
    return t->written == UPLOAD_OK;
}

static enum upload_end begin(struct upload_intake *t, struct upload_view *view, int *status)
{
    bool again;
    const struct upload_wanted wanted = {t->asked.owner, t->asked.file.name, t->asked.file.size,
                                         t->asked.file.has_digest, t->asked.file.digest};
    enum upload_end end = uploads_begin(t->uploads, &wanted, view, &again);
    *status = again ? 200 : 201;
    return end;
}

/* *status is that of success. */
static enum upload_end call_do(struct upload_intake *t, struct upload_view *view, int *status)
{
    const struct upload_asked *a = &t->asked;
    enum upload_end end = UPLOAD_OK;
    *status = 204;
    switch (a->call) {
    case CALL_BEGIN:
        return begin(t, view, status);
    case CALL_WRITE:
        return t->written != UPLOAD_OK ? t->written : uploads_look(t->uploads, a->owner, a->id, view);
    case CALL_PUBLISH:
        *status = 202;
        if (t->form.failed)
            return UPLOAD_BROKEN;
        end = uploads_publish(t->uploads, a->owner, a->id, (struct slice){t->form.p, t->form.n});
        return end != UPLOAD_OK ? end : uploads_look(t->uploads, a->owner, a->id, view);
    case CALL_REMOVE:
        return uploads_remove(t->uploads, a->owner, a->id);
    }
    return UPLOAD_BROKEN;
}

static void end(struct intake *in, const char *date, struct reply_plan *plan)
{
    struct upload_intake *t = (struct upload_intake *)in;
    struct http_moment moment = {"patchbay", date};
    struct upload_view view = {0};
    char fields[UPLOAD_FIELDS] = "";
    int status;
    enum upload_end done = call_do(t, &view, &status);
    if (done != UPLOAD_OK) {
        http_reply_status(&moment, &t->request, upload_status(done), plan);
        return;
    }
    if (t->asked.call == CALL_PUBLISH)
        snprintf(fields, sizeof fields, "Location: /jobs/%s\r\n", view.id);
    else if (t->asked.call != CALL_REMOVE)
        upload_fields(&view, fields);
    http_reply_fields(&moment, &t->request, status, fields, "text/plain", (struct slice){0}, plan);
}

static void intake_release(struct intake *in)
{
    struct upload_intake *t = (struct upload_intake *)in;
    buffer_free(&t->form);
    free(t);
}

struct intake *upload_intake_new(struct uploads *u, const struct http_request *request,
                                 const struct upload_asked *asked)
{
    struct upload_intake *t = calloc(1, sizeof *t);
    if (t == NULL)
        return NULL;
    bool waits = request->minor > 0 && slice_equal_nocase(request->expect, slice_of("100-continue"));
    t->in = (struct intake){request->content_length, waits ? "HTTP/1.1 100 Continue\r\n\r\n" : NULL, take,
                            end, intake_release};
    t->uploads = u;
    t->asked = *asked;
    t->request = (struct http_request){
        .method = HTTP_OTHER, .minor = request->minor, .keep_alive = request->keep_alive};
    buffer_init(&t->form, UPLOAD_OPTIONS_MAX);
    t->form.secret = true; /* a map's password */
    return &t->in;
}
