/* Ranges and conditions of a request, a line each, upon a resource of ten bytes. */
#include "wire/http_date.h"
#include "wire/http_reply.h"

#include "fuzz.h"

static struct slice line_take(struct slice *rest)
{
    const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
    struct slice line = {rest->p, end != NULL ? (size_t)(end - rest->p) : rest->n};
    if (rest->n == 0)
        return (struct slice){0};
    rest->p += line.n + (end != NULL);
    rest->n -= line.n + (end != NULL);
    return line.n > 0 ? line : (struct slice){0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char body[] = "0123456789", modified[] = "Sun, 06 Nov 1994 08:49:37 GMT";
    static const struct http_moment moment = {"fuzz", modified};
    struct http_resource resource = {.type = "text/plain",
                                     .etag = "\"abc\"",
                                     .modified = 784111777,
                                     .modified_text = modified,
                                     .memory = body,
                                     .size = sizeof body - 1};
    struct http_request request = {.method = HTTP_GET, .minor = 1, .keep_alive = true};
    struct slice rest = {(const char *)data, size};
    struct reply_plan plan;
    request.range = line_take(&rest);
    request.if_range = line_take(&rest);
    request.if_match = line_take(&rest);
    request.if_none_match = line_take(&rest);
    request.if_modified_since = line_take(&rest);
    request.if_unmodified_since = line_take(&rest);
    request.accept_encoding = line_take(&rest);
    reply_plan_start(&plan);
    http_accepts(request.accept_encoding, "gzip");
    http_reply_resource(&moment, &request, &resource, &plan);
    CLAIM(plan.head_length > 0 && plan.head_length <= sizeof plan.head);
    CLAIM(plan.status == 200 || plan.status == 206 || plan.status == 304 || plan.status == 412 ||
          plan.status == 416);
    CLAIM(plan.status != 200 || plan.length == resource.size);
    CLAIM(plan.status != 206 || (plan.body == BODY_MEMORY && plan.length > 0 && plan.memory >= body &&
                                 plan.memory + plan.length <= body + resource.size));
    CLAIM(plan.status != 304 || plan.length == 0);
    reply_plan_drop(&plan);
    return 0;
}
