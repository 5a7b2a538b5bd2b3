/* Request heads, and what is done with their parts. */
#include "wire/http_reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_moment moment = {"fuzz", "Sun, 06 Nov 1994 08:49:37 GMT"};
    static const struct http_resource resource = {.type = "text/plain",
                                                  .etag = "\"abc\"",
                                                  .modified = 784111777,
                                                  .modified_text = "Sun, 06 Nov 1994 08:49:37 GMT",
                                                  .memory = "0123456789",
                                                  .size = 10};
    struct http_request request;
    struct reply_plan plan;
    struct slice value;
    char decoded[64];
    int n = http_request_parse((const char *)data, size, &request);
    if (n > 0 && ((size_t)n > size || request.path.n == 0))
        abort();
    if (n <= 0)
        return 0;
    http_reply_resource(&moment, &request, &resource, &plan);
    if (plan.length > resource.size || plan.head_length > sizeof plan.head)
        abort();
    if (plan.body == BODY_MEMORY &&
        (plan.memory < resource.memory || plan.offset + plan.length > resource.size))
        abort();
    if (http_query_value(request.query, "map", &value))
        percent_decode(value, decoded, sizeof decoded);
    return 0;
}
