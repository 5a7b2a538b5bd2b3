/* Whole connections to the operator's address. */
#include "connection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_connections(&admin_protocol, data, size);
    return 0;
}
