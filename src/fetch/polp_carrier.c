/*
 * POLP: a few connections, each with one errand at a time, asked for in chunks of 65,536 bytes. Every chunk's
 * hash is checked before its bytes are handed over. Strictly one request and its reply, as the original
 * client does it: a server may know no more.
 */
#include "base/clock.h"
#include "base/file.h"
#include "fetch/carrier.h"
#include "fetch/polp.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum {
    CHUNK = 65536, /* what the original client asks for, and every server has the hashes of */
    HEAD_MAX = POLP_FILE_HEAD + POLP_NAME_MAX,
};

/* One connection, and the errand that it is at. */
struct link {
    int fd;                  /* -1: not connected */
    struct polp_place place; /* of the errand; without one, of the last */
    struct errand *errand;   /* NULL: idle */
    uint64_t number;         /* of the errand; later ones have higher numbers */
    uint64_t got;            /* the offset of the next chunk */
    struct buffer out;       /* requests that have not left */
    size_t out_at;
    char head[HEAD_MAX]; /* of the reply under way */
    size_t head_n;
    char *chunk; /* its data, of CHUNK bytes' room */
    uint32_t chunk_n;
    bool in_data;
    bool answered; /* this connection has brought a reply */
    struct digest digest;
    uint8_t hash[4];
    uint64_t since, since_bytes; /* for net_slow_seconds: monotonic ms, and bytes since then */
};

struct carrier {
    struct net *net;
    const struct carrier_events *events;
    unsigned link_count;
    uint64_t errands; /* that were begun */
    struct pollfd *polls;
    struct link links[];
};

/* ---- connections ---- */

static void link_disconnect(struct link *l)
{
    fd_close(&l->fd);
    digest_free(&l->digest);
    l->out.n = l->out_at = l->head_n = 0;
    l->in_data = l->answered = false;
}

static bool same_server(const struct polp_place *a, const struct polp_place *b)
{
    return strcmp(a->host, b->host) == 0 && strcmp(a->port, b->port) == 0;
}

/* An idle link: one that is connected to the place, if there is one. */
static struct link *link_find(struct carrier *c, const struct polp_place *place)
{
    struct link *found = NULL;
    for (unsigned i = 0; i < c->link_count; i++) {
        struct link *l = &c->links[i];
        if (l->errand != NULL)
            continue;
        if (l->fd >= 0 && same_server(&l->place, place))
            return l;
        if (found == NULL || l->fd < 0)
            found = l;
    }
    return found;
}

/* ---- asking ---- */

/* Bytes of the chunk that is next, or under way. */
static uint32_t chunk_size(const struct link *l)
{
    uint64_t left = l->errand->to - l->got;
    return left < CHUNK ? (uint32_t)left : CHUNK;
}

static int request_add(struct link *l, struct pb_error *err)
{
    struct polp_request r = {.opcode = POLP_DOWNLOAD,
                             .hardware = l->place.hardware,
                             .application = l->place.application,
                             .offset = (uint32_t)l->got,
                             .size = chunk_size(l),
                             .name = l->place.name};
    l->since = clock_monotonic_ms();
    l->since_bytes = 0;
    return polp_request_emit(&r, &l->out)
               ? PB_OK
               : error_set(err, PB_INVALID, "the name is too long for the protocol");
}

static int request_send(struct link *l, struct pb_error *err)
{
    while (l->out_at < l->out.n) {
        ssize_t n = send(l->fd, l->out.p + l->out_at, l->out.n - l->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return PB_OK;
        if (n < 0 && errno != EINTR)
            return error_set(err, PB_NETWORK, "send: %s", strerror(errno));
        l->out_at += n > 0 ? (size_t)n : 0;
    }
    l->out.n = l->out_at = 0;
    return PB_OK;
}

static int link_ask(struct carrier *c, struct link *l, struct pb_error *err)
{
    int rc = l->fd >= 0 ? PB_OK : polp_connect(c->net, l->place.host, l->place.port, &l->fd, err);
    return rc == PB_OK ? request_add(l, err) : rc;
}

static int polp_start(struct carrier *c, struct errand *e, struct pb_error *err)
{
    struct polp_place place;
    if (!polp_place_parse(e->url, &place) || place.name.n == 0 || e->to > UINT32_MAX || e->from >= e->to)
        return error_set(err, PB_INVALID, "%s: not an address of this protocol, or no size of it", e->url);
    struct link *l = link_find(c, &place);
    if (l == NULL)
        return error_set(err, PB_FAILED, "no connection is free");
    if (!same_server(&l->place, &place))
        link_disconnect(l);
    l->place = place;
    l->errand = e;
    l->number = ++c->errands;
    l->got = e->from;
    int rc = link_ask(c, l, err);
    if (rc < 0) {
        link_disconnect(l);
        l->errand = NULL;
        return rc;
    }
    e->state = l;
    return PB_OK;
}

/* ---- answers ---- */

/* The head is whole: is it the answer to what was asked? */
static int head_check(struct link *l, struct pb_error *err)
{
    struct polp_header h;
    uint32_t wanted = chunk_size(l);
    polp_header_parse(l->head, &h);
    if (h.size != l->head_n + wanted || get_le32(l->head + POLP_HEADER) != l->got ||
        get_le32(l->head + POLP_HEADER + 4) != wanted)
        return error_set(err, PB_DAMAGED, "the server answers with another chunk than was asked for");
    if (memcmp(l->head + POLP_FILE_HEAD, l->place.name.p, l->place.name.n) != 0 ||
        l->head[POLP_FILE_HEAD + l->place.name.n] != '\0')
        return error_set(err, PB_DAMAGED, "the server answers with another file than was asked for");
    memcpy(l->hash, h.hash, sizeof h.hash);
    int rc = digest_start(&l->digest, DIGEST_MD5, err);
    if (rc < 0)
        return rc;
    digest_add(&l->digest, l->head + POLP_HASHED, l->head_n - POLP_HASHED);
    l->chunk_n = 0;
    l->in_data = true;
    return PB_OK;
}

static int header_check(const struct link *l, struct pb_error *err)
{
    struct polp_header h;
    if (!polp_header_parse(l->head, &h))
        return error_set(err, PB_DAMAGED, "the server's reply is no packet of this protocol");
    if (h.opcode == POLP_ERROR)
        return error_set(err, PB_NOT_FOUND,
                         "the server has no such file, or no such chunk of it (error packet)");
    if (h.opcode != POLP_FILE)
        return error_set(err, PB_DAMAGED, "the server answered with opcode %u", h.opcode);
    return PB_OK;
}

/* Takes bytes for the head; *used says how many. */
static int head_take(struct link *l, const char *p, size_t n, size_t *used, struct pb_error *err)
{
    size_t name = l->place.name.n + 1;
    size_t whole = l->head_n < POLP_HEADER      ? POLP_HEADER
                   : l->head_n < POLP_FILE_HEAD ? POLP_FILE_HEAD
                                                : POLP_FILE_HEAD + name;
    *used = whole - l->head_n < n ? whole - l->head_n : n;
    memcpy(l->head + l->head_n, p, *used);
    l->head_n += *used;
    int rc = l->head_n == POLP_HEADER ? header_check(l, err) : PB_OK;
    if (rc < 0)
        return rc;
    if (l->head_n == POLP_FILE_HEAD && get_le32(l->head + POLP_HEADER + 8) != name)
        return error_set(err, PB_DAMAGED, "the server answers with another file than was asked for");
    return l->head_n == POLP_FILE_HEAD + name ? head_check(l, err) : PB_OK;
}

/* The chunk is whole: its hash decides whether it is handed over. */
static int chunk_end(struct carrier *c, struct link *l, struct pb_error *err)
{
    struct digest_result r;
    digest_finish(&l->digest, &r);
    l->in_data = false;
    l->head_n = 0;
    if (memcmp(r.md5.bytes, l->hash, sizeof l->hash) != 0)
        return error_set(err, PB_DAMAGED, "the hash of a chunk is not that of its bytes");
    int rc = c->events->bytes(l->errand, l->got, l->chunk, l->chunk_n, err);
    l->got += l->chunk_n;
    l->answered = true;
    return rc;
}

static int data_take(struct carrier *c, struct link *l, const char *p, size_t n, size_t *used,
                     struct pb_error *err)
{
    uint32_t whole = chunk_size(l);
    *used = whole - l->chunk_n < n ? whole - l->chunk_n : n;
    memcpy(l->chunk + l->chunk_n, p, *used);
    digest_add(&l->digest, p, *used);
    l->chunk_n += (uint32_t)*used;
    return l->chunk_n == whole ? chunk_end(c, l, err) : PB_OK;
}

/* Reads what has arrived, and asks for the next chunk. */
static int link_read(struct carrier *c, struct link *l, struct pb_error *err)
{
    char step[64 * 1024];
    ssize_t n = recv(l->fd, step, net_step(c->net, sizeof step), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return PB_OK;
    if (n <= 0 && l->answered && l->head_n == 0) { /* a server may close after each reply */
        link_disconnect(l);
        return link_ask(c, l, err);
    }
    if (n <= 0)
        return error_set(err, PB_NETWORK, "the server closed the connection");
    l->since_bytes += (uint64_t)n;
    l->errand->received += (uint64_t)n;
    net_received(c->net, (uint64_t)n);
    uint64_t before = l->got;
    for (size_t at = 0, used; at < (size_t)n; at += used) {
        if (l->got != before) /* one request, one reply */
            return error_set(err, PB_DAMAGED, "the server sends more than was asked for");
        int rc = l->in_data ? data_take(c, l, step + at, (size_t)n - at, &used, err)
                            : head_take(l, step + at, (size_t)n - at, &used, err);
        if (rc < 0)
            return rc;
    }
    return l->got != before && l->got < l->errand->to ? request_add(l, err) : PB_OK;
}

/* ---- turns ---- */

static void link_end(struct carrier *c, struct link *l, int rc, const struct pb_error *err)
{
    struct errand *e = l->errand;
    if (rc < 0)
        link_disconnect(l);
    l->errand = NULL;
    e->state = NULL;
    c->events->ended(e, rc, err);
}

/* Looked at after reading, whether there was anything to read or not: bytes that drip in come often enough.
 */
static int slow_check(const struct carrier *c, struct link *l, struct pb_error *err)
{
    uint64_t now = clock_monotonic_ms(), seconds = net_slow_seconds(c->net);
    if (now - l->since < seconds * 1000)
        return PB_OK;
    if (l->since_bytes < net_slow_bytes(c->net) * seconds)
        return error_set(err, PB_NETWORK, "the server does not answer, or too slowly");
    l->since = now;
    l->since_bytes = 0;
    return PB_OK;
}

static void link_turn(struct carrier *c, struct link *l, short ready)
{
    struct pb_error err = {0};
    int rc = l->out.n > 0 ? request_send(l, &err) : PB_OK;
    if (rc == PB_OK && ready & (POLLIN | POLLHUP | POLLERR))
        rc = link_read(c, l, &err);
    if (rc == PB_OK && l->got < l->errand->to)
        rc = slow_check(c, l, &err);
    if (rc < 0 || l->got == l->errand->to)
        link_end(c, l, rc, &err);
}

/* The link whose errand was begun first; NULL: there is none. */
static struct link *link_oldest(struct carrier *c)
{
    struct link *oldest = NULL;
    for (unsigned i = 0; i < c->link_count; i++) {
        struct link *l = &c->links[i];
        if (l->errand != NULL && (oldest == NULL || l->number < oldest->number))
            oldest = l;
    }
    return oldest;
}

/* Where the network brings more than we can take, the oldest errand has half of it: so errands end one after
 * the other, and what is done with their files is not left to the end. */
static int polp_turn(struct carrier *c, int wait_ms, struct pb_error *err)
{
    (void)err;
    for (unsigned i = 0; i < c->link_count; i++) {
        const struct link *l = &c->links[i];
        c->polls[i] = (struct pollfd){l->errand != NULL ? l->fd : -1,
                                      (short)(POLLIN | (l->out.n > 0 ? POLLOUT : 0)), 0};
    }
    poll(c->polls, c->link_count, wait_ms);
    for (unsigned i = 0; i < c->link_count; i++) {
        struct link *l = &c->links[i], *oldest = link_oldest(c);
        if (c->polls[i].fd < 0 || l->errand == NULL)
            continue;
        link_turn(c, l, c->polls[i].revents);
        if (oldest != NULL && oldest != l && c->polls[i].revents != 0)
            link_turn(c, oldest, POLLIN);
    }
    return PB_OK;
}

static void polp_cancel(struct carrier *c, struct errand *e)
{
    struct link *l = e->state;
    (void)c;
    link_disconnect(l);
    l->errand = NULL;
    e->state = NULL;
}

/* ---- opening and closing ---- */

static void polp_close(struct carrier *c)
{
    if (c == NULL)
        return;
    for (unsigned i = 0; i < c->link_count; i++) {
        link_disconnect(&c->links[i]);
        free(c->links[i].chunk);
        buffer_free(&c->links[i].out);
    }
    free(c->polls);
    free(c);
}

static int polp_open(struct net *net, unsigned most, const struct carrier_events *events,
                     struct carrier **out, struct pb_error *err)
{
    struct carrier *c = calloc(1, sizeof *c + most * sizeof c->links[0]);
    if (c == NULL)
        return error_memory(err);
    c->net = net;
    c->events = events;
    c->polls = calloc(most, sizeof *c->polls);
    bool memory = c->polls != NULL;
    for (; memory && c->link_count < most; c->link_count++) {
        struct link *l = &c->links[c->link_count];
        l->fd = -1;
        buffer_init(&l->out, 2 * POLP_REQUEST_MAX);
        l->chunk = malloc(CHUNK);
        memory = l->chunk != NULL;
    }
    if (!memory) {
        polp_close(c);
        return error_memory(err);
    }
    *out = c;
    return PB_OK;
}

static const char *const schemes[] = {POLP_SCHEME, NULL};

const struct carrier_kind polp_carrier = {
    .schemes = schemes,
    .step = CHUNK,
    .proven = true,
    .open = polp_open,
    .start = polp_start,
    .turn = polp_turn,
    .cancel = polp_cancel,
    .close = polp_close,
};
