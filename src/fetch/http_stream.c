/* Connecting, sending requests, and taking responses apart. */
#include "fetch/http_stream.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

enum { RECEIVE_ROOM = 128 * 1024, REQUESTS_MAX = 256 * 1024 };

/* What follows "http://": the authority, and the rest from '/' on. */
static bool url_split(const char *url, struct slice *authority, struct slice *target)
{
    static const char scheme[] = "http://";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *host = url + sizeof scheme - 1, *slash = strchr(host, '/');
    if (slash == NULL)
        return false;
    *authority = (struct slice){host, (size_t)(slash - host)};
    *target = slice_of(slash);
    return authority->n > 0;
}

bool http_stream_url_ok(const char *url)
{
    struct slice authority, target;
    if (!url_split(url, &authority, &target) || memchr(authority.p, '@', authority.n) != NULL ||
        memchr(authority.p, '?', authority.n) != NULL)
        return false;
    for (const char *c = url; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~' || *c == '#')
            return false;
    }
    return true;
}

static void slow_restart(struct http_stream *s)
{
    s->since = clock_monotonic_ms();
    s->since_bytes = 0;
}

int http_stream_open(struct http_stream *s, struct net *net, struct net_peer *peer, struct pb_error *err)
{
    int one = 1;
    *s = (struct http_stream){.fd = -1, .peer = peer, .net = net};
    int family = peer->address.ss_family;
    _cleanup_fd_ int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set(err, PB_NETWORK, "no socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (connect(fd, (const struct sockaddr *)&peer->address, size) != 0 && errno != EINPROGRESS)
        return error_set(err, PB_NETWORK, "connect: %s", strerror(errno));
    s->in = malloc(RECEIVE_ROOM);
    if (s->in == NULL)
        return error_memory(err);
    buffer_init(&s->out, REQUESTS_MAX);
    slow_restart(s);
    s->fd = fd;
    fd = -1; /* NOLINT(clang-analyzer-deadcode.DeadStores): its cleanup reads it */
    return PB_OK;
}

struct ask *http_stream_close(struct http_stream *s)
{
    struct ask *asks = s->first;
    fd_close(&s->fd);
    free(s->in);
    buffer_free(&s->out);
    *s = (struct http_stream){.fd = -1};
    return asks;
}

bool http_stream_ask(struct http_stream *s, struct ask *a)
{
    struct slice authority, target;
    const struct errand *e = a->errand;
    if (!url_split(e->url, &authority, &target))
        return false;
    size_t before = s->out.n;
    buffer_format(&s->out, "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: %s\r\nAccept: */*\r\n",
                  (int)target.n, target.p, (int)authority.n, authority.p, s->net->options.user_agent);
    if (e->from > 0)
        buffer_format(&s->out, "Range: bytes=%llu-\r\n", (unsigned long long)e->from);
    buffer_text(&s->out, "\r\n");
    if (s->out.failed) {
        s->out.n = before;
        s->out.failed = false;
        return false;
    }
    if (s->first == NULL)
        slow_restart(s);
    a->next = NULL;
    if (s->first == NULL)
        s->first = a;
    else
        s->last->next = a;
    s->last = a;
    s->count++;
    return true;
}

bool http_stream_sends(const struct http_stream *s)
{
    return !s->connected || s->sent < s->out.n;
}

static int requests_send(struct http_stream *s, struct pb_error *err)
{
    while (s->sent < s->out.n) {
        ssize_t n = send(s->fd, s->out.p + s->sent, s->out.n - s->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? PB_OK : error_set(err, PB_NETWORK, "send: %s", strerror(errno));
        s->sent += (size_t)n;
    }
    s->sent = s->out.n = 0;
    return PB_OK;
}

/* The body's bytes that are here. False: the errand does not want them; *rc and *err say why. */
static bool body_take(struct http_stream *s, const struct carrier_events *events, int *rc,
                      struct pb_error *err)
{
    size_t here = s->in_to - s->in_from;
    size_t n = here < s->left ? here : (size_t)s->left;
    struct errand *e = s->first->errand;
    if (n > 0 && e != NULL && s->response.status < 300) {
        e->received += n;
        *rc = events->bytes(e, s->at, s->in + s->in_from, n, err);
    }
    s->in_from += n;
    s->left -= n;
    s->at += n;
    return *rc == PB_OK;
}

static struct ask *first_take(struct http_stream *s)
{
    struct ask *a = s->first;
    s->first = a->next;
    s->count--;
    s->in_body = false;
    s->answered = true;
    slow_restart(s);
    return a;
}

/* A head: what follows it? */
static enum http_stream_event head_take(struct http_stream *s, struct pb_error *err)
{
    struct http_response *r = &s->response;
    int n = http_response_parse((struct slice){s->in + s->in_from, s->in_to - s->in_from}, r);
    if (n <= 0)
        return n < 0 ? HTTP_STREAM_FOREIGN : HTTP_STREAM_IDLE;
    if (s->first == NULL) {
        error_set(err, PB_NETWORK, "the server sends what was not asked for");
        return HTTP_STREAM_LOST;
    }
    bool ours = r->length_known && (r->status == 200 || r->status == 206 ||
                                    (r->status >= 400 && r->status != 401 && r->status != 407));
    if (r->status >= 100 && r->status < 200)
        ours = false;
    if (!ours)
        return HTTP_STREAM_FOREIGN;
    s->in_from += (size_t)n;
    s->in_body = true;
    s->left = r->length;
    uint64_t asked = s->first->errand != NULL ? s->first->errand->from : 0;
    s->at = r->status != 206 ? 0 : r->range_known ? r->range_from : asked;
    s->closes |= r->closes;
    return HTTP_STREAM_MORE;
}

/* How long the server asks to be left alone; 0: it does not say. */
static uint64_t retry_seconds(const struct http_response *r)
{
    int64_t now = clock_unix();
    if (!r->retry_known || r->retry_at == 0)
        return r->retry_seconds;
    return r->retry_at > now ? (uint64_t)(r->retry_at - now) : 0;
}

/* Uses what was received: at most one answer. */
static enum http_stream_event answer_take(struct http_stream *s, const struct carrier_events *events,
                                          struct ask **done, int *rc, struct pb_error *err)
{
    if (!s->in_body) {
        enum http_stream_event event = head_take(s, err);
        if (event != HTTP_STREAM_MORE)
            return event;
    }
    if (!body_take(s, events, rc, err)) {
        *done = first_take(s);
        return HTTP_STREAM_LOST; /* the rest of the body may be endless */
    }
    if (s->left > 0)
        return HTTP_STREAM_IDLE;
    struct errand *e = s->first->errand;
    if (s->response.status >= 300 && e != NULL) {
        uint64_t seconds = retry_seconds(&s->response);
        *rc = net_status_fault(s->response.status, seconds, err);
        e->wait_ms = net_status_wait(s->response.status, seconds);
    }
    *done = first_take(s);
    return s->closes ? HTTP_STREAM_LOST : HTTP_STREAM_MORE;
}

static enum http_stream_event bytes_receive(struct http_stream *s, struct pb_error *err)
{
    memmove(s->in, s->in + s->in_from, s->in_to - s->in_from);
    s->in_to -= s->in_from;
    s->in_from = 0;
    ssize_t n;
    size_t most = net_step(s->net, RECEIVE_ROOM - s->in_to);
    do
        n = recv(s->fd, s->in + s->in_to, most, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return HTTP_STREAM_IDLE;
    if (n <= 0) {
        error_set(err, PB_NETWORK, n == 0 ? "the server closed the connection" : "receive: %s",
                  n < 0 ? strerror(errno) : "");
        return HTTP_STREAM_LOST;
    }
    s->in_to += (size_t)n;
    s->since_bytes += (uint64_t)n;
    net_received(s->net, (uint64_t)n);
    return HTTP_STREAM_MORE;
}

/* Has it been too slow for too long? */
static bool too_slow(struct http_stream *s, struct pb_error *err)
{
    uint64_t now = clock_monotonic_ms();
    unsigned seconds = net_slow_seconds(s->net);
    if (!s->connected && now - s->since >= NET_CONNECT_MS) {
        error_set(err, PB_NETWORK, "connect: the server does not answer");
        return true;
    }
    if (s->first == NULL || now - s->since < seconds * 1000ull)
        return false;
    if (s->since_bytes < (uint64_t)net_slow_bytes(s->net) * seconds) {
        error_set(err, PB_NETWORK, "the server is too slow: fewer than %u bytes a second for %u seconds",
                  net_slow_bytes(s->net), seconds);
        return true;
    }
    slow_restart(s);
    return false;
}

static int connect_check(struct http_stream *s, short ready, struct pb_error *err)
{
    int number = 0;
    socklen_t size = sizeof number;
    if (s->connected || ready == 0)
        return PB_OK;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0 || number != 0)
        return error_set(err, PB_NETWORK, "connect: %s", strerror(number));
    s->connected = true;
    return PB_OK;
}

enum http_stream_event http_stream_turn(struct http_stream *s, const struct carrier_events *events,
                                        short ready, struct ask **done, int *rc, struct pb_error *err)
{
    if (s->in_to > s->in_from || (s->in_body && s->left == 0)) { /* of what was received before */
        enum http_stream_event event = answer_take(s, events, done, rc, err);
        if (event != HTTP_STREAM_IDLE)
            return event;
    }
    if (connect_check(s, ready, err) < 0 || (s->connected && requests_send(s, err) < 0))
        return HTTP_STREAM_LOST;
    enum http_stream_event event = (ready & ~POLLOUT) != 0 ? bytes_receive(s, err) : HTTP_STREAM_IDLE;
    /* What waited here while we were busy elsewhere was not late. */
    return event != HTTP_STREAM_LOST && too_slow(s, err) ? HTTP_STREAM_LOST : event;
}
