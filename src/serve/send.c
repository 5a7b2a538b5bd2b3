/* Sending. */
#include "serve/send.h"

#include "base/file.h"
#include "serve/loop.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* One connection sends at most this in a turn, so that others wait no longer than its sendfile takes. */
enum {
    BYTES_PER_TURN = 4 * 1024 * 1024,
    SEAL_STEP = 64 * 1024, /* bytes hashed in a turn: about 100 microseconds */
};

/* A reply that is not through yet. Holds what its bytes belong to: a snapshot, or an open object. */
struct conn_out {
    struct snapshot *snapshot;
    struct open_object *object;
    const char *memory; /* NULL: from the object's descriptor */
    uint64_t offset;    /* of the next byte: in the object, or in memory */
    uint64_t left;      /* of the body */
    uint64_t sent;      /* of the body, for the log */
    uint16_t head_at, head_length;
    int queued; /* bytes that the peer had not acknowledged when we looked last */
    bool close;
    struct log_line *line;  /* NULL: no access log */
    struct reply_seal seal; /* from != 0: the head can't leave yet */
    struct digest digest;   /* of the sealed bytes so far */
    uint64_t sealed;        /* bytes of the body in it */
    char head[];
};

/* What a failed call of the send family means. */
static enum sent send_failed(void)
{
    return errno == EAGAIN ? SENT_BLOCKED : SENT_FAILED;
}

/* Head and memory in one call. Returns the bytes that left, or -1. */
static ssize_t send_memory(int fd, const char *head, size_t head_n, const char *body, size_t body_n,
                           int flags)
{
    struct iovec parts[2] = {{(void *)head, head_n}, {(void *)body, body_n}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = body_n > 0 ? 2 : 1};
    if (head_n == 0) {
        message.msg_iov = parts + 1;
        message.msg_iovlen = 1;
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL | flags);
}

/* A send under way: both fresh plans and conn_outs come down to this. */
struct cursor {
    int fd;
    const char *head;
    size_t head_n;
    const char *memory; /* NULL: file */
    int file;
    uint64_t offset, left;
    uint64_t budget;
};

/* Moves the cursor on as far as the socket takes. SENT_ALL, SENT_BLOCKED, SENT_SOME (the budget is spent) or
 * FAILED. */
static enum sent cursor_send(struct cursor *s)
{
    while (s->head_n > 0 || s->left > 0) {
        ssize_t n;
        if (s->budget == 0)
            return SENT_SOME;
        uint64_t step = s->left < s->budget ? s->left : s->budget;
        if (s->memory != NULL || s->head_n > 0) {
            bool file_follows = s->memory == NULL && s->left > 0;
            n = send_memory(s->fd, s->head, s->head_n, s->memory != NULL ? s->memory + s->offset : NULL,
                            s->memory != NULL ? (size_t)step : 0, file_follows ? MSG_MORE : 0);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return send_failed();
            size_t of_head = (size_t)n < s->head_n ? (size_t)n : s->head_n;
            s->head += of_head;
            s->head_n -= of_head;
            n -= (ssize_t)of_head;
        } else {
            off_t offset = (off_t)s->offset;
            n = sendfile(s->fd, s->file, &offset, (size_t)step);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return send_failed();
            if (n == 0) /* the file is shorter than its object: the promised length can't be kept */
                return SENT_FAILED;
        }
        s->offset += (uint64_t)n;
        s->left -= (uint64_t)n;
        s->budget -= (uint64_t)n;
    }
    return SENT_ALL;
}

static enum sent reply_done(struct loop *l, struct log_line *line, uint64_t sent, bool close)
{
    if (line != NULL)
        log_line_finish(l->log, &l->batch, line, sent);
    return close ? SENT_CLOSE : SENT_ALL;
}

/* Keeps the rest of a plan for later. False: memory is out. */
static bool out_keep(struct loop *l, struct conn *c, const struct cursor *s, struct open_object *object)
{
    struct conn_out *out = malloc(offsetof(struct conn_out, head) + s->head_n);
    struct log_line *line = NULL;
    if (out != NULL && l->log != NULL) {
        size_t n = offsetof(struct log_line, text) + l->line.before + l->line.after;
        line = malloc(n);
        if (line != NULL)
            memcpy(line, &l->line, n);
    }
    if (out == NULL || (l->log != NULL && line == NULL)) {
        free(out);
        return false;
    }
    *out = (struct conn_out){.snapshot = l->snapshot,
                             .object = object,
                             .memory = s->memory,
                             .offset = s->offset,
                             .left = s->left,
                             .sent = l->plan.length - s->left,
                             .head_length = (uint16_t)s->head_n,
                             .close = l->plan.close,
                             .line = line};
    memcpy(out->head, s->head, s->head_n);
    out->seal = l->plan.seal;
    snapshot_hold(out->snapshot);
    if (object != NULL)
        object->users++;
    c->out = out;
    send_progress(c); /* remembers what is queued now */
    return true;
}

/* Finds the bytes of the plan's body. False: they can't be had. */
static bool plan_body(struct loop *l, struct open_object **object, struct cursor *s)
{
    const struct reply_plan *p = &l->plan;
    if (p->body == BODY_MEMORY) {
        s->memory = p->memory;
    } else if (p->body == BODY_OBJECT) {
        *object = object_take(&l->objects, p->object, p->object_size);
        if (*object == NULL)
            return false;
        s->file = (*object)->fd;
        s->offset = p->offset;
        s->memory = (*object)->bytes;
    }
    s->left = p->length;
    return true;
}

/* Covers some more of the body; true when all of it is, and the head has its seal. Reading fails the reply.
 */
static enum sent seal_more(struct conn_out *out)
{
    char step[SEAL_STEP];
    uint64_t left = out->left - out->sealed, n = left < sizeof step ? left : sizeof step;
    struct digest_result r;
    if (out->digest.md5 == NULL) {
        if (digest_start(&out->digest, DIGEST_MD5, NULL) < 0)
            return SENT_FAILED;
        digest_add(&out->digest, out->head + out->seal.from, (size_t)(out->head_length - out->seal.from));
    }
    if (n > 0 && out->memory == NULL &&
        file_read_at(out->object->fd, step, (size_t)n, out->offset + out->sealed, NULL) < 0)
        return SENT_FAILED;
    digest_add(&out->digest, out->memory != NULL ? out->memory + out->offset + out->sealed : step, (size_t)n);
    out->sealed += n;
    if (out->sealed < out->left)
        return SENT_SOME;
    digest_finish(&out->digest, &r);
    memcpy(out->head + out->seal.at, r.md5.bytes, 4);
    out->seal.from = 0;
    if (out->seal.done != NULL)
        out->seal.done(out->seal.arg, out->seal.key, r.md5.bytes);
    return SENT_ALL;
}

enum sent send_plan(struct loop *l, struct conn *c, const struct exchange *x, struct slice input,
                    const struct access *access)
{
    struct reply_plan *p = &l->plan;
    struct open_object *object = NULL;
    struct cursor s = {.fd = c->fd, .file = -1, .budget = BYTES_PER_TURN};
    if (!plan_body(l, &object, &s)) {
        c->protocol->broken(x, input.p, input.n, p);
        if (!plan_body(l, &object, &s))
            return SENT_FAILED;
    }
    s.head = p->head;
    s.head_n = p->head_length;
    if (l->log != NULL)
        log_line_start(&l->line, x->snapshot->settings->log_format, l->unix_now, &c->peer.any, access,
                       p->status);
    enum sent sent = p->seal.from != 0 ? SENT_SOME : cursor_send(&s);
    if (sent == SENT_ALL)
        sent = reply_done(l, l->log != NULL ? &l->line : NULL, p->length, p->close);
    else if (sent != SENT_FAILED && !out_keep(l, c, &s, object))
        sent = SENT_FAILED;
    if (object != NULL)
        object_drop(object);
    return sent;
}

enum sent send_more(struct loop *l, struct conn *c)
{
    struct conn_out *out = c->out;
    if (out->seal.from != 0) {
        enum sent sealed = seal_more(out);
        if (sealed != SENT_ALL)
            return sealed;
    }
    struct cursor s = {.fd = c->fd,
                       .head = out->head + out->head_at,
                       .head_n = (size_t)(out->head_length - out->head_at),
                       .memory = out->memory,
                       .file = out->object != NULL ? out->object->fd : -1,
                       .offset = out->offset,
                       .left = out->left,
                       .budget = BYTES_PER_TURN};
    enum sent sent = cursor_send(&s);
    bool moved = s.left != out->left || s.head != out->head + out->head_at;
    out->sent += out->left - s.left;
    out->head_at = (uint16_t)(out->head_length - s.head_n);
    out->offset = s.offset;
    out->left = s.left;
    if (sent == SENT_ALL) {
        sent = reply_done(l, out->line, out->sent, out->close);
        free(out->line);
        out->line = NULL;
        out_drop(l, c);
    } else if (sent == SENT_BLOCKED && moved) {
        sent = SENT_PROGRESS;
    }
    return sent;
}

bool send_progress(struct conn *c)
{
    int queued = 0;
    if (ioctl(c->fd, SIOCOUTQ, &queued) != 0)
        return false;
    bool moved = queued < c->out->queued;
    c->out->queued = queued;
    return moved;
}

void out_drop(struct loop *l, struct conn *c)
{
    struct conn_out *out = c->out;
    if (out == NULL)
        return;
    if (out->line != NULL) { /* broken off: the log says how much had left */
        log_line_finish(l->log, &l->batch, out->line, out->sent);
        free(out->line);
    }
    if (out->object != NULL)
        object_drop(out->object);
    snapshot_release(out->snapshot);
    digest_free(&out->digest);
    free(out);
    c->out = NULL;
}
