/* PlayOnline's modes. What is taken is bounded; what is packed comes back. */
#include "codec/slc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { CEILING = 1 << 20 };
    struct slice bytes = {(const char *)data, size};
    struct buffer out, packed;
    struct pb_error err;
    buffer_init(&out, CEILING);
    if (slc_unpack_bytes(bytes, &out, &err) == PB_OK && out.n > CEILING)
        abort();
    buffer_free(&out);
    buffer_init(&out, CEILING);
    buffer_init(&packed, 2 * CEILING);
    int rc = size <= CEILING ? slc_list_pack(bytes, &packed, &err) : PB_OK;
    if (rc == PB_OK && size <= CEILING)
        rc = slc_unpack_bytes((struct slice){packed.p, packed.n}, &out, &err);
    bool same = out.n == size && (size == 0 || memcmp(out.p, data, size) == 0);
    if (size <= CEILING && rc != PB_NO_MEMORY && (rc < 0 || !same))
        abort();
    buffer_free(&out);
    buffer_free(&packed);
    return 0;
}
