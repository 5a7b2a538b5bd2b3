/* HTTP for the engine: parse a request, ask each dialect in turn. */
#include "serve/admission/ranges.h"
#include "serve/protocol/protocol.h"
#include "wire/forwarded.h"
#include "wire/http_relay.h"
#include "wire/http_reply.h"

#define HTTP_SERVER "patchbay"

static void refuse(const struct exchange *x, const struct http_request *request, int status,
                   struct reply_plan *plan)
{
    struct http_moment moment = {HTTP_SERVER, x->date};
    http_reply_status(&moment, request, status, plan);
}

/* No page runs a script, loads anything or is shown within another. */
#define PAGE_HEAD                                                                                            \
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "              \
    "form-action 'none'; frame-ancestors 'none'\r\n"                                                         \
    "X-Content-Type-Options: nosniff\r\n"

/* GET /, for a browser; games do not ask for it. False: there is no page. */
static bool page_answer(const struct exchange *x, const struct http_request *request, struct reply_plan *plan)
{
    const struct page *page = x->snapshot->site->page;
    struct http_moment moment = {HTTP_SERVER, x->date};
    if (!slice_equal(request->path, slice_of("/")) || page == NULL || !x->snapshot->settings->index)
        return false;
    if (request->method == HTTP_OTHER) {
        refuse(x, request, 405, plan);
        return true;
    }
    const struct page_text *text = page_text_for(
        x->snapshot->pages, page, request->authority.n > 0 ? request->authority : request->host);
    if (text == NULL) {
        refuse(x, request, 503, plan);
        return true;
    }
    struct http_resource resource = {.type = "text/html; charset=utf-8",
                                     .etag = text->etag,
                                     .cache = HTTP_CACHE_BRIEF,
                                     .extra = PAGE_HEAD,
                                     .memory = text->text,
                                     .size = text->size};
    http_reply_resource(&moment, request, &resource, plan);
    return true;
}

static void answer(const struct exchange *x, const struct http_request *request, struct reply_plan *plan)
{
    const struct serve_settings *settings = x->snapshot->settings;
    struct dialect_http in = {
        .site = x->snapshot->site, .request = request, .date = x->date, .client = x->client};
    if (x->denied) {
        refuse(x, request, 403, plan);
        return;
    }
    for (size_t i = 0; settings->dialects[i] != NULL; i++) {
        const struct dialect *d = settings->dialects[i];
        in.settings = settings->dialect_settings[i];
        in.site_data = x->snapshot->site->compiled[i];
        plan->dialect = (uint8_t)i;
        if (d->serve_http != NULL && d->serve_http(&in, plan))
            return;
    }
    plan->dialect = REPLY_NO_DIALECT;
    if (!page_answer(x, request, plan))
        refuse(x, request, 404, plan);
}

/* The dialect has named a server that is to be asked first. */
static void relay_make(const struct exchange *x, const struct http_request *request, struct reply_plan *plan)
{
    const struct address address = address_of(x->client);
    char client[ADDRESS_TEXT];
    int refusal = http_relay_refusal(request);
    if (refusal != 0) {
        reply_plan_drop(plan);
        refuse(x, request, refusal, plan);
        return;
    }
    address_text(&address, client);
    plan->relay = http_relay_request(request, plan->target, client);
}

static enum verdict http_next(const struct exchange *x, const char *in, size_t n, size_t *used,
                              struct reply_plan *plan, struct access *access)
{
    struct http_request request;
    unsigned most = x->snapshot->settings->head_max;
    int length = http_request_parse(in, n, &request);
    if (length >= 0 && (length == 0 ? n : (size_t)length) > most)
        length = -431;
    if (length == 0)
        return VERDICT_MORE;
    reply_plan_start(plan);
    *access = (struct access){request.method_text, request.target, request.referer, request.user_agent,
                              request.method_text.p != NULL ? request.minor : -1};
    if (length < 0) {
        *used = n;
        refuse(x, NULL, -length, plan);
    } else {
        *used = (size_t)length;
        answer(x, &request, plan);
        if (plan->target != NULL)
            relay_make(x, &request, plan);
    }
    return VERDICT_REPLY;
}

/* From the end of the list: who is trusted is believed whom he names. */
static bool http_client(const struct range_set *trusted, const char *in, size_t n,
                        struct sockaddr_storage *address)
{
    struct forwarded list;
    struct sockaddr_storage named;
    if (!forwarded_find(in, n, &list))
        return false;
    for (;;) {
        const struct address known = address_of((const struct sockaddr *)address);
        if (!range_set_has(trusted, &known) || forwarded_take(&list, &named) != FORWARDED_ADDRESS)
            return true;
        *address = named;
    }
}

static void http_refuse(const struct exchange *x, const char *in, size_t n, enum refusal why,
                        struct reply_plan *plan)
{
    static const int status[] = {[REFUSAL_BROKEN] = 500,
                                 [REFUSAL_DAMAGED] = 503,
                                 [REFUSAL_SOFT_CAP] = 404,
                                 [REFUSAL_HARD_CAP] = 503,
                                 [REFUSAL_CROWD] = 503};
    struct http_request request;
    refuse(x, http_request_parse(in, n, &request) > 0 ? &request : NULL, status[why], plan);
}

const struct protocol http_protocol = {
    .name = "http",
    .address = "0.0.0.0:2303",
    .input_max = HTTP_HEAD_MAX + 1, /* at HTTP_HEAD_MAX the parser itself refuses */
    .next = http_next,
    .client = http_client,
    .refuse = http_refuse,
};
