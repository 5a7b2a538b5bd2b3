/* POLP packets whose hashes are made right, so that what is behind those is reached. */
#ifndef PB_FUZZ_PACKETS_H
#define PB_FUZZ_PACKETS_H

#include "wire/polp.h"

/* Corrects the header of each packet, as far as their sizes can be true. */
static inline void packets_seal(char *p, size_t n)
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

#endif
