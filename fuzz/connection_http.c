/* Whole HTTP connections, with pipelined requests. */
#include "connection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_connections(&http_protocol, data, size);
    return 0;
}
