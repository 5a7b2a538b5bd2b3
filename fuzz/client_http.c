/* A client's pipelined HTTP connection: three files are asked for, and the fuzzer's bytes are what the server
 * sends. No errand gets bytes outside its order, and each ends once. */
#include "fetch/http_stream.h"

#include "wire.h"

#include <poll.h>

enum { ASKS = 3, TURNS = 64 };

static int bytes(struct errand *e, uint64_t at, const char *p, size_t n, struct pb_error *err)
{
    uint64_t *next = e->state;
    char last = 0;
    (void)err;
    CLAIM(n > 0 && (at == *next || *next == 0));
    for (size_t i = 0; i < n; i++)
        last ^= p[i]; /* every byte can be read */
    *next = at + n;
    return last == 'x' ? PB_DAMAGED : PB_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct carrier_events events = {bytes, NULL};
    struct net net = {.options = {.user_agent = "fuzz"}};
    struct net_peer peer = {.name = "http://127.0.0.1:1"};
    struct http_stream s = {.fd = -1};
    struct errand errands[ASKS];
    struct ask asks[ASKS] = {0}, *done;
    uint64_t next[ASKS] = {0};
    struct pb_error err;
    bool ended[ASKS] = {0};
    fuzz_wire = (struct slice){(const char *)data, size};
    peer.address.ss_family = AF_INET;
    CLAIM(http_stream_open(&s, &net, &peer, &err) == PB_OK);
    for (int i = 0; i < ASKS; i++) {
        errands[i] = (struct errand){
            .url = "http://127.0.0.1:1/a", .from = i == 1 ? 100 : 0, .to = UINT64_MAX, .state = &next[i]};
        asks[i].errand = i == 2 ? NULL : &errands[i];
        struct errand *e = asks[i].errand;
        asks[i].errand = &errands[i];
        CLAIM(http_stream_ask(&s, &asks[i]));
        asks[i].errand = e; /* the last one is cancelled while it is in flight */
    }
    for (int turn = 0; turn < TURNS; turn++) {
        int rc = PB_OK;
        done = NULL;
        enum http_stream_event event = http_stream_turn(&s, &events, POLLIN | POLLOUT, &done, &rc, &err);
        if (done != NULL) {
            size_t which = (size_t)(done - asks);
            CLAIM(which < ASKS && !ended[which]);
            ended[which] = true;
        }
        if (event == HTTP_STREAM_LOST || event == HTTP_STREAM_FOREIGN)
            break;
    }
    for (struct ask *a = http_stream_close(&s); a != NULL; a = a->next)
        CLAIM(!ended[a - asks]);
    return 0;
}
