/* Response heads. */
#include "wire/http_response.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_response r;
    int n = http_response_parse((struct slice){(const char *)data, size}, &r);
    if (n > 0 && ((size_t)n > size || r.status < 100 || r.status > 999))
        abort();
    /* A head is found where it ends, however the bytes come. */
    for (int i = 0; n > 0 && i < n; i += 7) {
        if (http_response_parse((struct slice){(const char *)data, (size_t)i}, &r) > 0)
            abort();
    }
    return 0;
}
