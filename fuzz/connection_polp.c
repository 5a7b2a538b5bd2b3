/* Whole POLP connections. Packets get hashes that are right, so that what is behind those is reached. */
#include "connection.h"

#include "packets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_text(data, size);
    if (size > 1 && data[0] & 1)
        packets_seal(copy + 1, size - 1);
    fuzz_connections(&polp_protocol, (const uint8_t *)copy, size);
    free(copy);
    return 0;
}
