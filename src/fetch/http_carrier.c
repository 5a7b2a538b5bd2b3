/* HTTP by libcurl: a few transfers at once, on connections that are kept alive between errands and downloads.
 */
#include "fetch/carrier.h"
#include "fetch/net_internal.h"

#include <stdio.h>

struct transfer;

struct carrier {
    struct net *net;
    const struct carrier_events *events;
    struct transfer *first; /* of those under way */
    uint64_t turn;
};

/* An errand under way. */
struct transfer {
    struct carrier *carrier;
    struct errand *errand;
    CURL *easy;
    size_t heads;  /* bytes of heads that came */
    uint64_t at;   /* of the next byte */
    bool answered; /* the first bytes of the body are here */
    bool paused;
    uint64_t turn; /* in which it last took bytes */
    struct transfer *before, *after;
    struct pb_error err;
    int rc; /* of events->bytes */
};

static int http_open(struct net *net, unsigned most, const struct carrier_events *events,
                     struct carrier **out, struct pb_error *err)
{
    struct carrier *c = malloc(sizeof *c);
    if (c == NULL)
        return error_memory(err);
    *c = (struct carrier){.net = net, .events = events};
    curl_multi_setopt(net->multi, CURLMOPT_MAXCONNECTS, (long)most);
    curl_multi_setopt(net->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)most);
    *out = c;
    return PB_OK;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t n = size * count;
    long code = 0;
    /* Left alone, libcurl reads a megabyte at once. Under a rate each transfer has one step in each turn. */
    if (net_is_paced(t->carrier->net) && t->turn == t->carrier->turn) {
        t->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    t->turn = t->carrier->turn;
    if (!t->answered) {
        t->answered = true;
        curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &code);
        if (code != 206) /* all of it, whatever was asked for */
            t->at = 0;
    }
    t->errand->received += n;
    net_received(t->carrier->net, n);
    t->rc = t->carrier->events->bytes(t->errand, t->at, bytes, n, &t->err);
    t->at += n;
    return t->rc == PB_OK ? n : 0;
}

static void transfer_link(struct carrier *c, struct transfer *t)
{
    t->after = c->first;
    if (t->after != NULL)
        t->after->before = t;
    c->first = t;
}

static void transfer_unlink(struct carrier *c, struct transfer *t)
{
    if (t->after != NULL)
        t->after->before = t->before;
    if (t->before != NULL)
        t->before->after = t->after;
    else
        c->first = t->after;
}

static int http_start(struct carrier *c, struct errand *e, struct pb_error *err)
{
    char range[32];
    struct transfer *t = calloc(1, sizeof *t);
    if (t == NULL)
        return error_memory(err);
    *t = (struct transfer){.carrier = c, .errand = e, .at = e->from};
    t->easy = net_easy(c->net, e->url, &t->heads);
    if (t->easy == NULL) {
        free(t);
        return error_memory(err);
    }
    if (e->from > 0) {
        snprintf(range, sizeof range, "%llu-", (unsigned long long)e->from);
        curl_easy_setopt(t->easy, CURLOPT_RANGE, range);
    }
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    if (curl_multi_add_handle(c->net->multi, t->easy) != CURLM_OK) {
        curl_easy_cleanup(t->easy);
        free(t);
        return error_memory(err);
    }
    transfer_link(c, t);
    e->state = t;
    return PB_OK;
}

static void http_cancel(struct carrier *c, struct errand *e)
{
    struct transfer *t = e->state;
    transfer_unlink(c, t);
    curl_multi_remove_handle(c->net->multi, t->easy);
    curl_easy_cleanup(t->easy);
    free(t);
    e->state = NULL;
}

static void transfer_end(struct carrier *c, struct transfer *t, CURLcode code)
{
    struct errand *e = t->errand;
    struct pb_error err = t->err;
    int rc = t->rc;
    if (rc == PB_OK && code != CURLE_OK) {
        rc = net_fault(c->net, t->easy, code, &err);
        e->wait_ms = net_wait_asked(t->easy, code);
    }
    if (rc == PB_OK)
        net_peer_note(c->net, t->easy, e->url);
    http_cancel(c, e);
    c->events->ended(e, rc, &err);
}

static bool transfers_collect(struct carrier *c)
{
    int left;
    bool any = false;
    CURLMsg *m;
    while ((m = curl_multi_info_read(c->net->multi, &left)) != NULL) {
        struct transfer *t;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t) != CURLE_OK)
            continue;
        transfer_end(c, t, code);
        any = true;
    }
    return any;
}

/* What it was left with is handed over within. */
static void transfers_resume(struct carrier *c)
{
    for (struct transfer *t = c->first; t != NULL; t = t->after) {
        if (t->paused) {
            t->paused = false;
            curl_easy_pause(t->easy, CURLPAUSE_CONT); /* a fault shows in the next step of the transfer */
        }
    }
}

static bool any_paused(const struct carrier *c)
{
    const struct transfer *t = c->first;
    while (t != NULL && !t->paused)
        t = t->after;
    return t != NULL;
}

static int http_turn(struct carrier *c, int wait_ms, struct pb_error *err)
{
    int running;
    c->turn++;
    transfers_resume(c);
    CURLMcode code = curl_multi_perform(c->net->multi, &running);
    bool ended = transfers_collect(c);
    if (code == CURLM_OK && !ended)
        code = curl_multi_poll(c->net->multi, NULL, 0, any_paused(c) ? 0 : wait_ms, NULL);
    return code == CURLM_OK ? PB_OK : error_set(err, PB_FAILED, "download: %s", curl_multi_strerror(code));
}

static void http_close(struct carrier *c)
{
    free(c);
}

static const char *const schemes[] = {"http://", "https://", NULL};

const struct carrier_kind http_carrier = {
    .schemes = schemes,
    .step = 1,
    .open = http_open,
    .start = http_start,
    .turn = http_turn,
    .cancel = http_cancel,
    .close = http_close,
};
