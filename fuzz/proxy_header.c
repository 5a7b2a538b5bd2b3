/* Headers of the PROXY protocol. */
#include "wire/proxy_header.h"

#include "fuzz.h"

/* A header is the same however its bytes come: every beginning asks for more, or is refused for good. */
static void header_check(const char *p, size_t size)
{
    struct proxy_header whole, part;
    int n = proxy_header_parse(p, size, &whole);
    CLAIM(n >= -1 && n <= PROXY_HEADER_MAX && (n < 0 || (size_t)n <= size));
    CLAIM(n > 0 || !whole.named);
    size_t most = n > 0 ? (size_t)n - 1 : size < 256 ? size : 256;
    for (size_t i = 0; i < most; i++) {
        int cut = proxy_header_parse(p, i, &part);
        CLAIM(n < 0 ? cut == 0 || cut == -1 : cut == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    header_check((const char *)data, size);
    return 0;
}
