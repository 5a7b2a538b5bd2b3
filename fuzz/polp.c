/* POLP requests, newest replies and patch.cfg. What is taken must be emitted in a form that is taken again.
 */
#include "dialect/playonline/format.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void config(struct slice text)
{
    struct arena a;
    struct po_config c, again;
    struct pb_error err;
    struct buffer b;
    arena_init(&a, 64 << 20);
    buffer_init(&b, PO_CONFIG_MAX);
    if (po_config_parse(text, &a, &c, &err) == PB_OK) {
        po_config_emit(&c, &b);
        if (!b.failed &&
            (po_config_parse((struct slice){b.p, b.n}, &a, &again, &err) != PB_OK ? err.status != PB_NO_MEMORY
                                                                                  : again.n != c.n))
            abort();
    }
    buffer_free(&b);
    arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct polp_request r;
    struct polp_newest n;
    struct buffer b;
    char packet[POLP_REQUEST_MAX];
    const char *p = (const char *)data;
    int length = polp_request_parse(p, size, &r);
    buffer_init(&b, POLP_REQUEST_MAX);
    bool emitted = length > 0 && polp_request_emit(&r, &b);
    if (length > 0 && !b.starved && (!emitted || polp_request_parse(b.p, b.n, &r) <= 0))
        abort();
    /* The same with a hash that is right, so that what is behind it is reached. */
    if (size >= POLP_HEADER && size <= sizeof packet) {
        memcpy(packet, p, size);
        polp_header_put(packet, (uint32_t)size, (enum polp_opcode)get_le32(p + 12));
        polp_seal(packet, size);
        polp_request_parse(packet, size, &r);
    }
    polp_newest_parse((struct slice){p, size}, &n);
    config((struct slice){p, size});
    buffer_free(&b);
    return 0;
}
