/* Whole POLP connections. Packets get hashes that are right, so that what is behind those is reached. */
#include "connection.h"

#include "wire/polp.h"

/* Corrects the header of each packet, as far as their sizes can be true. */
static void packets_seal(char *p, size_t n)
{
    while (n >= POLP_HEADER) {
        uint32_t size = get_le32(p);
        if (size < POLP_HEADER || size > n)
            return;
        polp_header_put(p, size, (enum polp_opcode)get_le32(p + 12));
        polp_seal(p, size);
        p += size;
        n -= size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_text(data, size);
    if (size > 1 && data[0] & 1)
        packets_seal(copy + 1, size - 1);
    fuzz_connections(&polp_protocol, (const uint8_t *)copy, size);
    free(copy);
    return 0;
}
