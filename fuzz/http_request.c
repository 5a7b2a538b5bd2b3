/* Request heads, and what is done with their parts. */
#include "wire/http_relay.h"
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
    static const struct relay_target target = {.host = "example.org", .prefix = "/x"};
    struct http_request request;
    struct reply_plan plan;
    struct slice value;
    char decoded[64];
    http_relay_accept((const char *)data, size);
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
    free(http_relay_request(&request, &target, "192.0.2.7"));
    if (http_query_value(request.query, "map", &value))
        percent_decode(value, decoded, sizeof decoded);
    return 0;
}
