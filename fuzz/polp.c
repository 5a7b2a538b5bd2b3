/* POLP requests, newest replies and patch.cfg. What is taken must be emitted in a form that is taken again,
 * and is then emitted alike. */
#include "dialect/playonline/format.h"

#include "fuzz.h"

static void config(struct slice text)
{
    struct arena a;
    struct po_config c, again;
    struct pb_error err;
    struct buffer once, twice;
    arena_init(&a, 64 << 20);
    buffer_init(&once, PO_CONFIG_MAX);
    buffer_init(&twice, PO_CONFIG_MAX);
    if (po_config_parse(text, &a, &c, &err) == PB_OK) {
        po_config_emit(&c, &once);
        CLAIM(po_config_parse((struct slice){once.p, once.n}, &a, &again, &err) == PB_OK && again.n == c.n);
        po_config_emit(&again, &twice);
        CLAIM(fuzz_same(&once, &twice));
    }
    buffer_free(&once);
    buffer_free(&twice);
    arena_free(&a);
}

static void request(const char *p, size_t size)
{
    struct polp_request r, again;
    struct buffer b;
    buffer_init(&b, POLP_REQUEST_MAX);
    int length = polp_request_parse(p, size, &r);
    bool emitted = length > 0 && polp_request_emit(&r, &b);
    if (length > 0 && !b.starved) {
        CLAIM((size_t)length <= size && emitted);
        CLAIM(polp_request_parse(b.p, b.n, &again) == (int)b.n && again.opcode == r.opcode);
        CLAIM(slice_equal(again.name, r.name) && slice_equal(again.version, r.version));
    }
    buffer_free(&b);
}

/* The same with a hash that is right, so that what is behind it is reached. */
static void request_sealed(const char *p, size_t size)
{
    char packet[POLP_REQUEST_MAX];
    if (size < POLP_HEADER || size > sizeof packet)
        return;
    memcpy(packet, p, size);
    polp_header_put(packet, (uint32_t)size, (enum polp_opcode)get_le32(p + 12));
    polp_seal(packet, size);
    request(packet, size);
}

static void newest(struct slice body)
{
    struct polp_newest n, again;
    char reply[POLP_NEWEST_REPLY_MAX];
    if (!polp_newest_parse(body, &n))
        return;
    const char *strings[] = {n.status[0], n.status[1], n.status[2]};
    size_t length = polp_newest_reply(reply, n.timestamp, strings, 3, slice_of(n.version));
    CLAIM(length <= sizeof reply);
    CLAIM(polp_newest_parse((struct slice){reply + POLP_HEADER, length - POLP_HEADER}, &again));
    CLAIM(again.timestamp == n.timestamp && strcmp(again.version, n.version) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    request(p, size);
    request_sealed(p, size);
    newest((struct slice){p, size});
    config((struct slice){p, size});
    return 0;
}
