/*
 * HTTP with several requests in flight on each connection, for the many small files of a collection. libcurl
 * has no pipelining, and costs more for each transfer than a small file itself.
 *
 * Only servers that libcurl has reached before are asked in this way: directly, in HTTP/1.1, without a
 * redirect (net_peer). Whatever is out of the ordinary (https, a proxy, a redirect, a chunked body, an odd
 * URL) is handed to libcurl's carrier, which this one contains. The bytes of a connection are in
 * http_stream.c.
 */
#include "fetch/http_stream.h"

#include "base/file.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { STREAMS_MAX = 64, TRIES = 3 /* of an errand on connections that broke before any answer */ };

struct carrier {
    struct net *net;
    const struct carrier_events *events;
    struct carrier *curl; /* of http_carrier */
    unsigned curl_running;
    struct ask *waiting, **waiting_end;
    struct http_stream streams[STREAMS_MAX];
    unsigned stream_count; /* that may be open */
};

/* ---- asks ---- */

static void ask_wait(struct carrier *c, struct ask *a)
{
    a->next = NULL;
    *c->waiting_end = a;
    c->waiting_end = &a->next;
}

static void ask_end(struct carrier *c, struct ask *a, int rc, const struct pb_error *err)
{
    struct errand *e = a->errand;
    free(a);
    if (e != NULL) {
        e->state = NULL;
        c->events->ended(e, rc, err);
    }
}

/* To libcurl, which does what this carrier does not. */
static void ask_delegate(struct carrier *c, struct ask *a)
{
    struct pb_error err;
    struct errand *e = a->errand;
    free(a);
    if (e == NULL)
        return;
    e->state = NULL;
    int rc = http_carrier.start(c->curl, e, &err);
    if (rc < 0)
        c->events->ended(e, rc, &err);
    else
        c->curl_running++;
}

/* The connection is gone. Its first request may be to blame when it was not answered; the others are asked
 * again on another connection. */
static void stream_lost(struct carrier *c, struct http_stream *s, const struct pb_error *why)
{
    bool progress = s->answered && !s->in_body;
    struct ask *a = http_stream_close(s);
    if (a != NULL && !progress) {
        struct ask *first = a;
        a = a->next;
        ask_end(c, first, PB_NETWORK, why);
    }
    while (a != NULL) {
        struct ask *next = a->next;
        if (!progress && ++a->tries >= TRIES)
            ask_end(c, a, PB_NETWORK, why);
        else
            ask_wait(c, a);
        a = next;
    }
}

/* The server answered in a way that is not ours: the first request, and all further ones, go to libcurl. */
static void stream_delegate(struct carrier *c, struct http_stream *s)
{
    s->peer->unfit = true;
    for (struct ask *a = http_stream_close(s), *next; a != NULL; a = next) {
        next = a->next;
        ask_delegate(c, a);
    }
}

/* ---- connections ---- */

/* The connection for one more request to this server: a new one while there may be more and all others are
 * busy, else the one with the fewest. *out is NULL when all have enough. */
static int stream_choose(struct carrier *c, struct net_peer *peer, struct http_stream **out,
                         struct pb_error *err)
{
    struct http_stream *best = NULL, *closed = NULL;
    for (unsigned i = 0; i < c->stream_count; i++) {
        struct http_stream *s = &c->streams[i];
        if (s->fd < 0)
            closed = closed == NULL ? s : closed;
        else if (s->peer == peer && !s->closes && s->count < HTTP_STREAM_DEPTH &&
                 (best == NULL || s->count < best->count))
            best = s;
    }
    *out = best;
    if (closed == NULL || (best != NULL && best->count == 0))
        return PB_OK;
    int rc = http_stream_open(closed, c->net, peer, err);
    if (rc == PB_OK)
        *out = closed;
    return rc == PB_OK || best != NULL ? PB_OK : rc;
}

/* Makes room for a server that has no connection, where all are another's. */
static void stream_evict(struct carrier *c, const struct net_peer *peer)
{
    struct http_stream *idle = NULL;
    for (unsigned i = 0; i < c->stream_count; i++) {
        struct http_stream *s = &c->streams[i];
        if (s->fd < 0 || s->peer == peer)
            return;
        if (s->count == 0)
            idle = s;
    }
    if (idle != NULL)
        http_stream_close(idle);
}

/* Gives a request to a connection. False: it has to wait. */
static bool ask_send(struct carrier *c, struct ask *a)
{
    struct pb_error err;
    struct http_stream *s;
    stream_evict(c, a->peer);
    int rc = stream_choose(c, a->peer, &s, &err);
    if (rc < 0)
        ask_end(c, a, rc, &err);
    return rc < 0 || (s != NULL && http_stream_ask(s, a));
}

static void waiting_send(struct carrier *c)
{
    struct ask *a = c->waiting;
    c->waiting = NULL;
    c->waiting_end = &c->waiting;
    for (struct ask *next; a != NULL; a = next) {
        next = a->next;
        if (a->peer->unfit)
            ask_delegate(c, a);
        else if (!ask_send(c, a))
            ask_wait(c, a);
    }
}

/* What one connection has to tell. */
static void stream_turn(struct carrier *c, struct http_stream *s, short ready)
{
    struct pb_error err = {0};
    enum http_stream_event event;
    do {
        struct ask *done = NULL;
        int rc = PB_OK;
        event = http_stream_turn(s, c->events, ready, &done, &rc, &err);
        if (done != NULL)
            ask_end(c, done, rc, &err);
        ready = 0;
    } while (event == HTTP_STREAM_MORE);
    if (event == HTTP_STREAM_FOREIGN)
        stream_delegate(c, s);
    else if (event == HTTP_STREAM_LOST)
        stream_lost(c, s, &err);
}

/* ---- the carrier ---- */

static int pipeline_open(struct net *net, unsigned most, const struct carrier_events *events,
                         struct carrier **out, struct pb_error *err)
{
    struct carrier *c = calloc(1, sizeof *c);
    if (c == NULL)
        return error_memory(err);
    c->net = net;
    c->events = events;
    c->waiting_end = &c->waiting;
    c->stream_count = most < STREAMS_MAX ? most : STREAMS_MAX;
    for (unsigned i = 0; i < STREAMS_MAX; i++)
        c->streams[i].fd = -1;
    int rc = http_carrier.open(net, most, events, &c->curl, err);
    if (rc < 0) {
        free(c);
        return rc;
    }
    *out = c;
    return PB_OK;
}

static int pipeline_start(struct carrier *c, struct errand *e, struct pb_error *err)
{
    struct net_peer *peer = e->alone ? NULL : net_peer(c->net, e->url);
    if (peer == NULL || peer->unfit || !http_stream_url_ok(e->url)) {
        int rc = http_carrier.start(c->curl, e, err);
        c->curl_running += rc == PB_OK;
        return rc;
    }
    struct ask *a = calloc(1, sizeof *a);
    if (a == NULL)
        return error_memory(err);
    *a = (struct ask){.errand = e, .peer = peer};
    e->state = a;
    ask_wait(c, a);
    return PB_OK;
}

/* Waits for connections of ours and of libcurl's alike. */
static int streams_wait(struct carrier *c, int wait_ms, short ready[STREAMS_MAX], struct pb_error *err)
{
    struct curl_waitfd fds[STREAMS_MAX];
    unsigned index[STREAMS_MAX], n = 0;
    for (unsigned i = 0; i < c->stream_count; i++) {
        ready[i] = 0;
        if (c->streams[i].fd < 0)
            continue;
        index[n] = i;
        fds[n++] = (struct curl_waitfd){
            c->streams[i].fd, CURL_WAIT_POLLIN | (http_stream_sends(&c->streams[i]) ? CURL_WAIT_POLLOUT : 0),
            0};
    }
    CURLMcode code = curl_multi_poll(c->net->multi, fds, n, wait_ms, NULL);
    if (code != CURLM_OK)
        return error_set(err, PB_FAILED, "download: %s", curl_multi_strerror(code));
    for (unsigned i = 0; i < n; i++)
        ready[index[i]] = fds[i].revents;
    return PB_OK;
}

static int pipeline_turn(struct carrier *c, int wait_ms, struct pb_error *err)
{
    short ready[STREAMS_MAX] = {0};
    waiting_send(c);
    unsigned before = c->curl_running;
    int rc = before > 0 ? http_carrier.turn(c->curl, 0, err) : PB_OK;
    if (rc == PB_OK)
        rc = streams_wait(c, c->curl_running < before ? 0 : wait_ms, ready, err);
    for (unsigned i = 0; rc == PB_OK && i < c->stream_count; i++) {
        if (c->streams[i].fd >= 0)
            stream_turn(c, &c->streams[i], ready[i]);
    }
    return rc;
}

static void pipeline_cancel(struct carrier *c, struct errand *e)
{
    for (struct ask **at = &c->waiting; *at != NULL; at = &(*at)->next) {
        struct ask *a = *at;
        if (a->errand != e)
            continue;
        *at = a->next;
        if (*at == NULL)
            c->waiting_end = at;
        free(a);
        e->state = NULL;
        return;
    }
    for (unsigned i = 0; i < c->stream_count; i++) {
        for (struct ask *a = c->streams[i].first; a != NULL; a = a->next) {
            if (a->errand == e) {
                a->errand = NULL; /* its answer is read and dropped */
                e->state = NULL;
                return;
            }
        }
    }
    c->curl_running--;
    http_carrier.cancel(c->curl, e);
}

static void pipeline_close(struct carrier *c)
{
    if (c == NULL)
        return;
    for (unsigned i = 0; i < STREAMS_MAX; i++) {
        for (struct ask *a = c->streams[i].fd >= 0 ? http_stream_close(&c->streams[i]) : NULL, *next;
             a != NULL; a = next) {
            next = a->next;
            free(a);
        }
    }
    http_carrier.close(c->curl);
    free(c);
}

static const char *const schemes[] = {"http://", "https://", NULL};

const struct carrier_kind http_pipeline = {
    .schemes = schemes,
    .step = 1,
    .depth = HTTP_STREAM_DEPTH,
    .open = pipeline_open,
    .start = pipeline_start,
    .turn = pipeline_turn,
    .cancel = pipeline_cancel,
    .close = pipeline_close,
};
