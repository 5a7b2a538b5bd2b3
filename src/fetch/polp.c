/* Connecting, and one request with its reply. */
#include "fetch/polp.h"

#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

enum { STEP_MS = 100, REPLY_S = 120 };

bool polp_place_parse(const char *text, struct polp_place *out)
{
    size_t skip = strlen(POLP_SCHEME);
    if (strncmp(text, POLP_SCHEME, skip) != 0)
        return false;
    text += skip;
    const char *slash = strchr(text, '/'),
               *colon = slash != NULL ? memrchr(text, ':', (size_t)(slash - text)) : NULL;
    const char *at = slash != NULL ? strchr(slash, '@') : NULL;
    if (colon == NULL || at == NULL || (size_t)(colon - text) >= sizeof out->host ||
        (size_t)(slash - colon - 1) >= sizeof out->port)
        return false;
    size_t host = (size_t)(colon - text);
    bool brackets = text[0] == '[' && host > 2 && colon[-1] == ']';
    snprintf(out->host, sizeof out->host, "%.*s", (int)(host - 2 * brackets), text + brackets);
    snprintf(out->port, sizeof out->port, "%.*s", (int)(slash - colon - 1), colon + 1);
    const char *end = strchr(at, '/');
    size_t hardware = end != NULL ? (size_t)(end - at - 1) : strlen(at + 1);
    out->name = end != NULL ? slice_of(end + 1) : (struct slice){0};
    return polp_id_parse((struct slice){slash + 1, (size_t)(at - slash - 1)}, &out->application) &&
           polp_id_parse((struct slice){at + 1, hardware}, &out->hardware);
}

/* Until the socket is ready for `events`, or `ms` are over: PB_NETWORK then. */
static int socket_wait(const struct net *t, int fd, short events, unsigned ms, struct pb_error *err)
{
    uint64_t until = clock_monotonic_ms() + ms;
    for (;;) {
        struct pollfd ready = {fd, events, 0};
        int n = poll(&ready, 1, STEP_MS);
        if (n > 0)
            return PB_OK;
        int rc = net_tick(t, err);
        if (rc < 0)
            return rc;
        if (clock_monotonic_ms() >= until)
            return error_set(err, PB_NETWORK, "the server does not answer");
    }
}

static int address_connect(const struct net *t, const struct addrinfo *a, int *fd, struct pb_error *err)
{
    int number = 0, one = 1;
    socklen_t size = sizeof number;
    _cleanup_fd_ int s = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0)
        return error_set(err, PB_NETWORK, "no socket: %s", strerror(errno));
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(s, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
        return error_set(err, PB_NETWORK, "connect: %s", strerror(errno));
    int rc = socket_wait(t, s, POLLOUT, NET_CONNECT_MS, err);
    if (rc < 0)
        return rc;
    if (getsockopt(s, SOL_SOCKET, SO_ERROR, &number, &size) != 0 || number != 0)
        return error_set(err, PB_NETWORK, "connect: %s", strerror(number));
    *fd = s;
    s = -1; /* NOLINT(clang-analyzer-deadcode.DeadStores): its cleanup reads it */
    return PB_OK;
}

int polp_connect(const struct net *t, const char *host, const char *port, int *fd, struct pb_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
    int failed = getaddrinfo(host, port, &hints, &list);
    if (failed != 0)
        return error_set(err, PB_NETWORK, "%s: %s", host, gai_strerror(failed));
    int rc = PB_NETWORK;
    for (const struct addrinfo *a = list; a != NULL && rc == PB_NETWORK; a = a->ai_next)
        rc = address_connect(t, a, fd, err);
    freeaddrinfo(list);
    return rc < 0 ? error_context(err, "%s:%s", host, port) : PB_OK;
}

/* ---- one request ---- */

static int all_send(const struct net *t, int fd, struct slice bytes, struct pb_error *err)
{
    while (bytes.n > 0) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return error_set(err, PB_NETWORK, "send: %s", strerror(errno));
        int rc = n < 0 ? socket_wait(t, fd, POLLOUT, net_slow_seconds(t) * 1000, err) : PB_OK;
        if (rc < 0)
            return rc;
        bytes.p += n > 0 ? n : 0;
        bytes.n -= n > 0 ? (size_t)n : 0;
    }
    return PB_OK;
}

/* How a reply comes along: since when, and how many bytes. */
struct pace {
    uint64_t since, bytes;
};

/* A server that sends byte by byte is no better than one that sends nothing. */
static int pace_check(const struct net *t, struct pace *pace, size_t n, struct pb_error *err)
{
    uint64_t now = clock_monotonic_ms(), seconds = net_slow_seconds(t);
    pace->bytes += n;
    if (now - pace->since < seconds * 1000)
        return PB_OK;
    if (pace->bytes < net_slow_bytes(t) * seconds)
        return error_set(err, PB_NETWORK,
                         "the server is too slow: fewer than %u bytes a second for %u seconds",
                         net_slow_bytes(t), (unsigned)seconds);
    *pace = (struct pace){now, 0};
    return PB_OK;
}

/* Until `out` has `wanted` bytes. */
static int all_receive(struct net *t, int fd, struct buffer *out, size_t wanted, struct pb_error *err)
{
    char step[16 * 1024];
    uint64_t until =
        clock_monotonic_ms() + REPLY_S * 1000 + (t->options.rate > 0 ? wanted * 1000 / t->options.rate : 0);
    struct pace pace = {clock_monotonic_ms(), 0};
    while (out->n < wanted) {
        if (clock_monotonic_ms() > until)
            return error_set(err, PB_NETWORK, "the reply takes more than %d s", REPLY_S);
        size_t most = net_step(t, wanted - out->n < sizeof step ? wanted - out->n : sizeof step);
        ssize_t n = recv(fd, step, most, 0);
        if (n == 0)
            return error_set(err, PB_NETWORK, "the server closed the connection");
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return error_set(err, PB_NETWORK, "receive: %s", strerror(errno));
        int rc = n < 0 ? socket_wait(t, fd, POLLIN, net_slow_seconds(t) * 1000, err) : PB_OK;
        if (rc < 0)
            return rc;
        if (n > 0 && !buffer_append(out, step, (size_t)n))
            return out->starved
                       ? error_memory(err)
                       : error_set(err, PB_INVALID, "the reply is larger than %zu bytes", out->ceiling);
        if ((rc = pace_check(t, &pace, n > 0 ? (size_t)n : 0, err)) < 0)
            return rc;
        net_received(t, n > 0 ? (uint64_t)n : 0);
        if ((rc = net_throttle(t, err)) < 0)
            return rc;
    }
    return PB_OK;
}

static int reply_check(const struct polp_header *h, const struct buffer *out, struct pb_error *err)
{
    struct digest_result r;
    int rc = digest_bytes(DIGEST_MD5, out->p + POLP_HASHED, out->n - POLP_HASHED, &r, err);
    if (rc < 0)
        return rc;
    return memcmp(r.md5.bytes, h->hash, sizeof h->hash) == 0
               ? PB_OK
               : error_set(err, PB_DAMAGED, "the reply's hash is not that of its bytes");
}

static int exchange(struct net *t, const struct polp_place *place, const struct polp_request *r,
                    struct buffer *out, struct pb_error *err)
{
    struct polp_header h;
    _cleanup_fd_ int fd = -1;
    _cleanup_buffer_ struct buffer packet;
    buffer_init(&packet, POLP_REQUEST_MAX);
    out->n = 0;
    if (!polp_request_emit(r, &packet))
        return error_set(err, PB_INVALID, "the request is too long for the protocol");
    int rc = polp_connect(t, place->host, place->port, &fd, err);
    if (rc == PB_OK)
        rc = all_send(t, fd, (struct slice){packet.p, packet.n}, err);
    if (rc == PB_OK)
        rc = all_receive(t, fd, out, POLP_HEADER, err);
    if (rc < 0)
        return rc;
    if (!polp_header_parse(out->p, &h) || h.size > out->ceiling)
        return error_set(err, PB_INVALID, "the server's reply is no packet of this protocol, or too large");
    if (h.opcode == POLP_ERROR)
        return error_set(err, PB_NOT_FOUND, "the server has no such application (error packet)");
    if (h.opcode != (r->opcode == POLP_STATUS ? POLP_STATUS_REPLY : POLP_NEWEST_REPLY))
        return error_set(err, PB_INVALID, "the server answered with opcode %u", h.opcode);
    rc = all_receive(t, fd, out, h.size, err);
    return rc < 0 ? rc : reply_check(&h, out, err);
}

int net_polp(void *net, const char *address, const struct polp_request *r, struct buffer *out,
             struct pb_error *err)
{
    struct polp_place place;
    if (!polp_place_parse(address, &place))
        return error_set(err, PB_INVALID, "%s: not an address of this protocol", address);
    for (int attempt = 1;; attempt++) {
        struct pb_error pause;
        int rc = exchange(net, &place, r, out, err);
        if ((rc != PB_NETWORK && rc != PB_DAMAGED) || attempt >= (int)net_attempts(net))
            return rc;
        if (net_pause(net, NET_RETRY_MS, &pause) < 0) {
            *err = pause;
            return pause.status;
        }
    }
}
