/* What a POLP server sends to our client: replies to requests for a document, and chunks of a file. The first
 * byte says which, and whether packets get hashes that are right. */
#include "fetch/carrier.h"
#include "fetch/polp.h"

#include "packets.h"
#include "wire.h"

#include <netinet/in.h>

enum { TURNS = 16, MOST = 100000 };

struct outcome {
    uint64_t next;
    unsigned ended;
};

static int bytes(struct errand *e, uint64_t at, const char *p, size_t n, struct pb_error *err)
{
    struct outcome *o = e->state != NULL ? (struct outcome *)(void *)(e + 1) : NULL;
    (void)p, (void)err;
    CLAIM(o != NULL && at == o->next && n > 0 && at + n <= e->to);
    o->next += n;
    return PB_OK;
}

static void ended(struct errand *e, int rc, const struct pb_error *err)
{
    struct outcome *o = (struct outcome *)(void *)(e + 1);
    (void)err;
    CLAIM(o->ended++ == 0 && (rc < 0 || o->next == e->to));
}

static void chunks(struct net *net, uint64_t to)
{
    static const struct carrier_events events = {bytes, ended};
    struct {
        struct errand errand;
        struct outcome outcome;
    } both = {.errand = {.url = "polp://127.0.0.1:1/1000@W20/a.slc", .to = to}};
    struct carrier *c;
    struct pb_error err;
    CLAIM(polp_carrier.open(net, 2, &events, &c, &err) == PB_OK);
    if (polp_carrier.start(c, &both.errand, &err) == PB_OK) {
        for (int turn = 0; turn < TURNS && both.outcome.ended == 0; turn++)
            CLAIM(polp_carrier.turn(c, 0, &err) == PB_OK);
        if (both.outcome.ended == 0)
            polp_carrier.cancel(c, &both.errand);
    }
    polp_carrier.close(c);
}

static void document(struct net *net, enum polp_opcode opcode)
{
    struct polp_request r = {.opcode = opcode};
    struct polp_newest newest;
    struct pb_error err;
    _cleanup_buffer_ struct buffer out;
    buffer_init(&out, MOST);
    int rc = net_polp(net, "polp://127.0.0.1:1/1000@W20", &r, &out, &err);
    if (rc == PB_OK) {
        CLAIM(out.n >= POLP_HEADER && out.n == get_le32(out.p));
        if (opcode == POLP_NEWEST)
            polp_newest_parse((struct slice){out.p + POLP_HEADER, out.n - POLP_HEADER}, &newest);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct net net = {.options = {.user_agent = "fuzz", .attempts = 1}};
    if (size == 0)
        return 0;
    char *copy = fuzz_text(data + 1, size - 1);
    if (data[0] & 1)
        packets_seal(copy, size - 1);
    fuzz_wire = (struct slice){copy, size - 1};
    if (data[0] & 2)
        document(&net, data[0] & 4 ? POLP_NEWEST : POLP_STATUS);
    else
        chunks(&net, data[0] & 4 ? MOST : 1 + (data[0] >> 3));
    free(copy);
    return 0;
}
