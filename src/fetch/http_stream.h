/* One connection of http_pipeline.c: requests go out behind each other, answers come back in the same order.
 */
#ifndef PB_FETCH_HTTP_STREAM_H
#define PB_FETCH_HTTP_STREAM_H

#include "fetch/carrier.h"
#include "fetch/net_internal.h"
#include "wire/http_response.h"

enum {
    HTTP_STREAM_DEPTH = 16
}; /* requests in flight; at 40 ms that is 400 small files a second and connection */

/* A request that waits or is in flight. */
struct ask {
    struct ask *next;
    struct errand *errand; /* NULL: cancelled; its answer is read and dropped */
    struct net_peer *peer;
    unsigned tries;
};

struct http_stream {
    int fd; /* -1: closed */
    struct net_peer *peer;
    struct net *net;
    struct ask *first, *last; /* in flight, in order */
    unsigned count;
    struct buffer out; /* requests that are not sent yet */
    size_t sent;       /* bytes of `out` */
    char *in;          /* received, and not used yet: at[in_from..in_to) */
    size_t in_from, in_to;
    struct http_response response; /* of `first`, from its head on */
    bool in_body, answered;        /* answered: at least one response was complete */
    bool closes;                   /* the server closes behind this response: nothing more is asked here */
    bool connected;
    uint64_t left, at;           /* of the body: bytes still to come; offset of the next */
    uint64_t since, since_bytes; /* for NET_SLOW_S: ms, and bytes since then */
};

/* Can this URL be asked for as it stands: http, no user name, no fragment, printable ASCII? */
bool http_stream_url_ok(const char *url);

/* Begins to connect. The stream must be closed. */
PB_MUST_USE int http_stream_open(struct http_stream *s, struct net *net, struct net_peer *peer,
                                 struct pb_error *err);
/* Returns the asks that were in flight; the caller owns them. */
struct ask *http_stream_close(struct http_stream *s);

/* Queues a request; false when memory is out. The stream has the ask until its answer is here. */
bool http_stream_ask(struct http_stream *s, struct ask *a);
/* Does it wait to send? */
bool http_stream_sends(const struct http_stream *s);

enum http_stream_event {
    HTTP_STREAM_IDLE,    /* there is nothing to do until the socket is ready */
    HTTP_STREAM_MORE,    /* call again: more bytes are here */
    HTTP_STREAM_LOST,    /* the connection broke or is too slow; *err says why */
    HTTP_STREAM_FOREIGN, /* an answer of a kind that is libcurl's business */
};

/* Sends and receives what it can. `ready`: poll's events. When an ask has its answer, *done is set, with the
 * errand's result in *rc and *err; the caller owns it then. */
enum http_stream_event http_stream_turn(struct http_stream *s, const struct carrier_events *events,
                                        short ready, struct ask **done, int *rc, struct pb_error *err);

#endif
