/*
 * Downloading pieces over POLP: a few connections, each with one piece at a time, asked for in chunks of
 * 65,536 bytes. Every chunk's hash is checked before it counts, so what is in NAME.part is right as far as it
 * goes, and is continued. Strictly one request and its reply, as the original client does it: a server may
 * know no more.
 */
#include "fetch/polp.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHUNK = 65536, /* what the original client asks for, and every server has the hashes of */
    CONNECTIONS = 4,
    LINKS_MAX = 64,
    POLL_MS = 100,
    HEAD_MAX = POLP_FILE_HEAD + POLP_NAME_MAX,
};

enum piece_state { PIECE_WAITING, PIECE_RUNNING, PIECE_DONE };

struct piece {
    enum piece_state state;
    int attempts; /* since it got on */
    int lies;     /* replies that can't be right: these are not forgotten */
    uint64_t not_before;
};

/* One connection, and the piece that it is at. */
struct link {
    int fd;
    size_t index; /* of the piece; SIZE_MAX: none */
    int file;     /* NAME.part */
    uint64_t got; /* whole chunks up to here are in the file */
    struct slice name;
    struct polp_place place;
    struct buffer out; /* requests that have not left */
    size_t out_at;
    char head[HEAD_MAX]; /* of the reply under way */
    size_t head_n;
    char *chunk; /* its data, of CHUNK bytes' room */
    uint32_t chunk_n;
    bool in_data;
    bool answered; /* this connection has brought a reply */
    struct digest digest;
    uint8_t hash[4];
    uint64_t deadline;       /* for the next byte */
    uint64_t chunk_deadline; /* for the whole of the chunk: a server that drips must not hold us for days */
};

struct pieces {
    struct transport *transport;
    const struct fetch_plan *plan;
    int staging;
    piece_accept_fn *accept;
    void *accept_arg;
    struct download_report *report;
    struct piece *list;
    struct link *links;
    size_t link_count;
    size_t done, first; /* pieces before `first` are not waiting */
    uint64_t bytes;     /* of pieces that are whole, and of chunks of others */
    struct pb_error *err;
};

static const struct fetch_piece *plan_of(const struct pieces *all, const struct link *l)
{
    return &all->plan->pieces[l->index];
}

/* ---- asking ---- */

/* Bytes of the chunk that is next, or under way. */
static uint32_t chunk_size(const struct pieces *all, const struct link *l)
{
    uint64_t left = plan_of(all, l)->size - l->got;
    return left < CHUNK ? (uint32_t)left : CHUNK;
}

static int request_add(struct pieces *all, struct link *l)
{
    struct polp_request r = {.opcode = POLP_DOWNLOAD,
                             .hardware = l->place.hardware,
                             .application = l->place.application,
                             .offset = (uint32_t)l->got,
                             .size = chunk_size(all, l),
                             .name = l->name};
    uint64_t now = clock_monotonic_ms();
    l->deadline = now + TRANSPORT_SLOW_S * 1000;
    l->chunk_deadline = now + (CHUNK / TRANSPORT_SLOW_BYTES + TRANSPORT_SLOW_S) * 1000;
    return polp_request_emit(&r, &l->out)
               ? PB_OK
               : error_set(all->err, PB_INVALID, "the name is too long for the protocol");
}

/* ---- taking up a piece, letting go of it ---- */

static void link_close(struct link *l)
{
    fd_close(&l->fd);
    digest_free(&l->digest);
    l->out.n = l->out_at = l->head_n = 0;
    l->in_data = l->answered = false;
}

/* What is in the file beyond whole chunks was never verified. */
static int file_cut(struct link *l, struct pb_error *err)
{
    if (ftruncate(l->file, (off_t)l->got) != 0 || lseek(l->file, (off_t)l->got, SEEK_SET) < 0)
        return error_errno(err, errno, "staging");
    return PB_OK;
}

static int piece_keep(struct pieces *all, struct link *l, unsigned *counter);

static int link_take(struct pieces *all, struct link *l, size_t index)
{
    char part[FILE_NAME_MAX + 1];
    struct stat st;
    l->index = index;
    l->got = 0;
    const struct fetch_piece *p = plan_of(all, l);
    all->list[index].state = PIECE_RUNNING;
    all->list[index].attempts++;
    if (!polp_place_parse(p->url, &l->place))
        return error_set(all->err, PB_INVALID, "%s: not an address of this protocol", p->url);
    l->name = l->place.name;
    snprintf(part, sizeof part, "%s" PART_ENDING, p->staged);
    l->file = openat(all->staging, part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (l->file < 0 || fstat(l->file, &st) != 0)
        return error_errno(all->err, errno, "staging: %s", part);
    uint64_t there = (uint64_t)st.st_size;
    l->got = there == p->size ? there : there < p->size ? there - there % CHUNK : 0;
    all->bytes += l->got;
    int rc = file_cut(l, all->err);
    if (rc == PB_OK && l->got == p->size) /* an earlier run did not come to naming it */
        return piece_keep(all, l, &all->report->present);
    if (rc == PB_OK && l->fd < 0)
        rc = polp_connect(all->transport, l->place.host, l->place.port, &l->fd, all->err);
    return rc == PB_OK ? request_add(all, l) : rc;
}

static void link_leave(struct pieces *all, struct link *l, enum piece_state state)
{
    struct piece *p = &all->list[l->index];
    p->state = state;
    if (state == PIECE_WAITING) {
        all->bytes -= l->got;
        p->not_before = clock_monotonic_ms() + TRANSPORT_RETRY_MS;
        all->first = l->index < all->first ? l->index : all->first;
    }
    fd_close(&l->file);
    l->index = SIZE_MAX;
}

/* Is this fault worth another try? A lying server gets as many as one that is not there. */
static int link_failed(struct pieces *all, struct link *l, int rc)
{
    struct piece *p = &all->list[l->index];
    const char *name = plan_of(all, l)->name;
    p->lies += rc == PB_DAMAGED;
    bool again = (rc == PB_NETWORK && p->attempts < TRANSPORT_ATTEMPTS) ||
                 (rc == PB_DAMAGED && p->lies < TRANSPORT_ATTEMPTS);
    link_close(l);
    link_leave(all, l, PIECE_WAITING);
    if (again)
        return PB_OK;
    return rc == PB_CANCELLED ? rc : error_context(all->err, "%s", name);
}

static int piece_keep(struct pieces *all, struct link *l, unsigned *counter)
{
    char part[FILE_NAME_MAX + 1];
    const struct fetch_piece *p = plan_of(all, l);
    snprintf(part, sizeof part, "%s" PART_ENDING, p->staged);
    if (renameat(all->staging, part, all->staging, p->staged) != 0)
        return error_errno(all->err, errno, "staging: %s", p->staged);
    link_leave(all, l, PIECE_DONE);
    int rc = all->accept != NULL ? all->accept(all->accept_arg, p, all->err) : PB_OK;
    if (rc < 0) {
        if (rc == PB_DAMAGED)
            unlinkat(all->staging, p->staged, 0);
        return rc;
    }
    all->done++;
    ++*counter;
    return PB_OK;
}

static int request_send(struct pieces *all, struct link *l)
{
    while (l->out_at < l->out.n) {
        ssize_t n = send(l->fd, l->out.p + l->out_at, l->out.n - l->out_at, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return PB_OK;
        if (n < 0 && errno != EINTR)
            return error_set(all->err, PB_NETWORK, "send: %s", strerror(errno));
        l->out_at += n > 0 ? (size_t)n : 0;
    }
    l->out.n = l->out_at = 0;
    return PB_OK;
}

/* ---- answers ---- */

/* The head is whole: is it the answer to what was asked? */
static int head_check(struct pieces *all, struct link *l, struct pb_error *err)
{
    struct polp_header h;
    uint32_t wanted = chunk_size(all, l);
    polp_header_parse(l->head, &h);
    if (h.size != l->head_n + wanted || get_le32(l->head + POLP_HEADER) != l->got ||
        get_le32(l->head + POLP_HEADER + 4) != wanted)
        return error_set(err, PB_DAMAGED, "the server answers with another chunk than was asked for");
    if (memcmp(l->head + POLP_FILE_HEAD, l->name.p, l->name.n) != 0 ||
        l->head[POLP_FILE_HEAD + l->name.n] != '\0')
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

/* Takes bytes for the head; returns how many, or an error. */
static int head_take(struct pieces *all, struct link *l, const char *p, size_t n, size_t *used,
                     struct pb_error *err)
{
    struct polp_header h;
    size_t whole = l->head_n < POLP_HEADER      ? POLP_HEADER
                   : l->head_n < POLP_FILE_HEAD ? POLP_FILE_HEAD
                                                : POLP_FILE_HEAD + l->name.n + 1;
    *used = whole - l->head_n < n ? whole - l->head_n : n;
    memcpy(l->head + l->head_n, p, *used);
    l->head_n += *used;
    if (l->head_n == POLP_HEADER) {
        if (!polp_header_parse(l->head, &h))
            return error_set(err, PB_DAMAGED, "the server's reply is no packet of this protocol");
        if (h.opcode == POLP_ERROR)
            return error_set(err, PB_NOT_FOUND,
                             "the server has no such file, or no such chunk of it (error packet)");
        if (h.opcode != POLP_FILE)
            return error_set(err, PB_DAMAGED, "the server answered with opcode %u", h.opcode);
    }
    if (l->head_n == POLP_FILE_HEAD && get_le32(l->head + POLP_HEADER + 8) != l->name.n + 1)
        return error_set(err, PB_DAMAGED, "the server answers with another file than was asked for");
    return l->head_n == POLP_FILE_HEAD + l->name.n + 1 ? head_check(all, l, err) : PB_OK;
}

/* The chunk is whole: its hash decides whether it is written. */
static int chunk_end(struct pieces *all, struct link *l, struct pb_error *err)
{
    struct digest_result r;
    digest_finish(&l->digest, &r);
    l->in_data = false;
    l->head_n = 0;
    if (memcmp(r.md5.bytes, l->hash, sizeof l->hash) != 0)
        return error_set(err, PB_DAMAGED, "the hash of a chunk is not that of its bytes");
    int rc = file_write(l->file, l->chunk, l->chunk_n, err);
    if (rc < 0)
        return rc;
    l->got += l->chunk_n;
    l->answered = true;
    all->bytes += l->chunk_n;
    all->list[l->index].attempts = 1; /* it goes on */
    return PB_OK;
}

static int data_take(struct pieces *all, struct link *l, const char *p, size_t n, size_t *used,
                     struct pb_error *err)
{
    uint32_t whole = chunk_size(all, l);
    *used = whole - l->chunk_n < n ? whole - l->chunk_n : n;
    memcpy(l->chunk + l->chunk_n, p, *used);
    digest_add(&l->digest, p, *used);
    l->chunk_n += (uint32_t)*used;
    return l->chunk_n == whole ? chunk_end(all, l, err) : PB_OK;
}

/* A server may close after each reply, as the original client may open a connection for each request. */
static int link_again(struct pieces *all, struct link *l)
{
    link_close(l);
    int rc = polp_connect(all->transport, l->place.host, l->place.port, &l->fd, all->err);
    return rc == PB_OK ? request_add(all, l) : rc;
}

/* Reads what has arrived. PB_OK also when the piece is whole, and taken care of. */
static int link_read(struct pieces *all, struct link *l)
{
    char step[64 * 1024];
    ssize_t n = recv(l->fd, step, sizeof step, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return PB_OK;
    if (n <= 0 && l->answered && l->head_n == 0)
        return link_again(all, l);
    if (n <= 0)
        return error_set(all->err, PB_NETWORK, "the server closed the connection");
    l->deadline = clock_monotonic_ms() + TRANSPORT_SLOW_S * 1000;
    all->report->bytes += (uint64_t)n;
    uint64_t before = l->got;
    for (size_t at = 0, used; at < (size_t)n; at += used) {
        if (l->got != before) /* one request, one reply */
            return error_set(all->err, PB_DAMAGED, "the server sends more than was asked for");
        int rc = l->in_data ? data_take(all, l, step + at, (size_t)n - at, &used, all->err)
                            : head_take(all, l, step + at, (size_t)n - at, &used, all->err);
        if (rc < 0)
            return rc;
    }
    if (l->got == plan_of(all, l)->size)
        return piece_keep(all, l, &all->report->downloaded);
    return l->got != before ? request_add(all, l) : PB_OK;
}

/* ---- all of them ---- */

static int progress_report(struct pieces *all)
{
    const struct transport_options *o = &all->transport->options;
    struct pb_progress p = {"download", all->bytes, all->plan->download, NULL};
    return o->progress != NULL && o->progress(o->arg, &p) != 0
               ? error_set(all->err, PB_CANCELLED, "cancelled")
               : PB_OK;
}

/* Gives connections without a piece one that waits. */
static int pieces_start(struct pieces *all)
{
    uint64_t now = clock_monotonic_ms();
    size_t next = all->first;
    bool skipped = false;
    for (size_t i = 0; i < all->link_count; i++) {
        struct link *l = &all->links[i];
        if (l->index != SIZE_MAX)
            continue;
        while (next < all->plan->piece_count &&
               (all->list[next].state != PIECE_WAITING || all->list[next].not_before > now)) {
            skipped |= all->list[next].state == PIECE_WAITING;
            next++;
            if (!skipped)
                all->first = next;
        }
        if (next == all->plan->piece_count)
            break;
        int rc = link_take(all, l, next);
        if (rc < 0 && l->index == SIZE_MAX) /* a whole piece that was not accepted */
            return rc;
        if (rc < 0 && (rc = link_failed(all, l, rc)) < 0)
            return rc;
    }
    return PB_OK;
}

static int links_turn(struct pieces *all)
{
    struct pollfd polls[LINKS_MAX];
    size_t n = 0;
    struct link *of[LINKS_MAX];
    for (size_t i = 0; i < all->link_count; i++) {
        struct link *l = &all->links[i];
        if (l->index == SIZE_MAX)
            continue;
        of[n] = l;
        polls[n++] = (struct pollfd){l->fd, (short)(POLLIN | (l->out.n > 0 ? POLLOUT : 0)), 0};
    }
    poll(polls, n, POLL_MS);
    uint64_t now = clock_monotonic_ms();
    for (size_t i = 0; i < n; i++) {
        struct link *l = of[i];
        int rc = l->out.n > 0 ? request_send(all, l) : PB_OK;
        if (rc == PB_OK && polls[i].revents & (POLLIN | POLLHUP | POLLERR))
            rc = link_read(all, l);
        else if (rc == PB_OK && (now > l->deadline || now > l->chunk_deadline))
            rc = error_set(all->err, PB_NETWORK, "the server does not answer, or too slowly");
        if (rc < 0 && l->index == SIZE_MAX) /* a whole piece that was not accepted */
            return rc;
        if (rc < 0 && (rc = link_failed(all, l, rc)) < 0)
            return rc;
    }
    return PB_OK;
}

/* What staging has whole already. */
static int pieces_find(struct pieces *all)
{
    for (size_t i = 0; i < all->plan->piece_count; i++) {
        const struct fetch_piece *p = &all->plan->pieces[i];
        uint64_t size;
        _cleanup_fd_ int fd = -1;
        if (file_open_regular(all->staging, p->staged, false, &fd, &size, all->err) < 0 || size != p->size)
            continue;
        int rc = all->accept != NULL ? all->accept(all->accept_arg, p, all->err) : PB_OK;
        if (rc == PB_DAMAGED) {
            unlinkat(all->staging, p->staged, 0);
            continue;
        }
        if (rc < 0)
            return rc;
        all->list[i].state = PIECE_DONE;
        all->done++;
        all->bytes += size;
        all->report->present++;
    }
    return PB_OK;
}

static int pieces_run(struct pieces *all)
{
    int rc = pieces_find(all);
    while (rc == PB_OK && all->done < all->plan->piece_count) {
        rc = pieces_start(all);
        if (rc == PB_OK)
            rc = progress_report(all);
        if (rc == PB_OK)
            rc = links_turn(all);
    }
    return rc == PB_OK ? progress_report(all) : rc;
}

int polp_pieces(struct transport *t, const struct fetch_plan *plan, int staging, piece_accept_fn *accept,
                void *accept_arg, struct download_report *report, struct pb_error *err)
{
    size_t links = t->options.connections != 0 ? t->options.connections : CONNECTIONS;
    struct pieces all = {.transport = t,
                         .plan = plan,
                         .staging = staging,
                         .accept = accept,
                         .accept_arg = accept_arg,
                         .report = report,
                         .list = calloc(plan->piece_count + 1, sizeof *all.list),
                         .links = calloc(links, sizeof *all.links),
                         .link_count = links < LINKS_MAX ? links : LINKS_MAX,
                         .err = err};
    int rc = all.list == NULL || all.links == NULL ? error_memory(err) : PB_OK;
    for (size_t i = 0; rc == PB_OK && i < all.link_count; i++) {
        all.links[i].fd = all.links[i].file = -1;
        all.links[i].index = SIZE_MAX;
        all.links[i].chunk = malloc(CHUNK);
        if (all.links[i].chunk == NULL)
            rc = error_memory(err);
        buffer_init(&all.links[i].out, 2 * POLP_REQUEST_MAX);
    }
    if (rc == PB_OK)
        rc = pieces_run(&all);
    for (size_t i = 0; all.links != NULL && i < all.link_count; i++) {
        struct link *l = &all.links[i];
        free(l->chunk);
        link_close(l);
        fd_close(&l->file);
        buffer_free(&l->out);
    }
    free(all.links);
    free(all.list);
    return rc;
}
