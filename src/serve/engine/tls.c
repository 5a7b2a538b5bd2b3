/*
 * TLS connections. OpenSSL reads and writes through a BIO of our own. Its writing never blocks: what the
 * socket does not take stays in `out`, and nothing further is encrypted until that has left. So OpenSSL has
 * no half-written record to be asked for again, and what the engine offers next may be shorter than before.
 * What it was not told of as taken yet, because its end is still in `out`, is counted in `owed`; the engine
 * offers the same bytes again, and they are taken without being encrypted twice.
 */
#include "serve/engine/tls.h"

#include "base/bytes.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    RECORD = SSL3_RT_MAX_PLAIN_LENGTH,
    PIECE = 64 * 1024, /* of a file, read in one call */
    OUT_MAX =
        128 *
        1024, /* a piece in its records, answers to a handshake; who wants more of these takes nothing */
};

/* A buffer that is written before it is read: to fill it with zeros first would cost more than the call. */
#define UNINITIALIZED __attribute__((uninitialized))

/* A channel's state. */
struct tls_channel {
    struct tls *tls;
    SSL *ssl;
    int fd;
    bool began;   /* the peer has sent something */
    bool done;    /* the handshake is */
    bool ended;   /* the peer has shut its side */
    bool drained; /* the last read took all that the socket had */
    bool cork;    /* the next write stays in `out`: more follows at once */
    bool corked;  /* one does */
    bool broken;
    size_t owed; /* bytes that were encrypted and not reported as taken */
    struct buffer out;
};

/* ---- the socket, as OpenSSL sees it ---- */

static int bio_read(BIO *b, char *p, size_t room, size_t *got)
{
    struct tls_channel *t = BIO_get_data(b);
    ssize_t n;
    BIO_clear_retry_flags(b);
    do
        n = recv(t->fd, p, room, 0);
    while (n < 0 && errno == EINTR);
    t->drained = n >= 0 ? (size_t)n < room : errno == EAGAIN;
    t->ended = n == 0;
    if (n > 0)
        t->began = true;
    else if (n < 0 && errno == EAGAIN)
        BIO_set_retry_read(b);
    *got = n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* Sends what is in `out`, and p behind it. Returns how many bytes of both the socket took. */
static size_t socket_send(struct tls_channel *t, const char *p, size_t n)
{
    struct iovec parts[2] = {{t->out.p, t->out.n}, {(void *)p, n}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;
    do {
        if (t->out.n == 0) /* cheaper than a vector of one */
            sent = send(t->fd, p, n, MSG_NOSIGNAL);
        else
            sent = sendmsg(t->fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN)
        t->broken = true;
    return sent > 0 ? (size_t)sent : 0;
}

static void out_shift(struct tls_channel *t, size_t n)
{
    if (n >= t->out.n) {
        buffer_free(&t->out);
        buffer_init(&t->out, OUT_MAX);
    } else if (n > 0) {
        memmove(t->out.p, t->out.p + n, t->out.n - n);
        t->out.n -= n;
    }
}

static bool socket_write(struct tls_channel *t, const char *p, size_t n)
{
    size_t sent = t->cork ? 0 : socket_send(t, p, n), kept = t->out.n;
    t->corked = t->cork;
    out_shift(t, sent);
    size_t of_p = sent > kept ? sent - kept : 0;
    if (of_p < n)
        buffer_append(&t->out, p + of_p, n - of_p);
    t->broken |= t->out.failed;
    return !t->broken;
}

static int bio_write(BIO *b, const char *p, size_t n, size_t *taken)
{
    *taken = n;
    BIO_clear_retry_flags(b);
    return socket_write(BIO_get_data(b), p, n);
}

static long bio_control(BIO *b, int what, long n, void *p)
{
    const struct tls_channel *t = BIO_get_data(b);
    (void)n, (void)p;
    return what == BIO_CTRL_EOF ? t->ended : what == BIO_CTRL_FLUSH;
}

/* ---- bytes in ---- */

static bool handshake_ended(struct tls_channel *t)
{
    if (t->done || !SSL_is_init_finished(t->ssl))
        return t->done;
    t->done = true;
    count_shared(&t->tls->counts->handshakes, 1);
    if (SSL_session_reused(t->ssl))
        count_shared(&t->tls->counts->resumed, 1);
    return true;
}

static ssize_t read_failed(struct tls_channel *t)
{
    switch (SSL_get_error(t->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return CHANNEL_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        t->broken = true;
        return CHANNEL_BROKEN;
    }
}

static void out_flush(struct tls_channel *t)
{
    if (t->out.n > 0 && !t->corked)
        out_shift(t, socket_send(t, NULL, 0));
}

/* Fills p, or empties the channel: a short read tells the engine that an event will tell of the next byte. */
static ssize_t tls_receive(struct channel *c, char *p, size_t room)
{
    struct tls_channel *t = c->state;
    size_t got = 0, n;
    ssize_t end = CHANNEL_WAIT;
    out_flush(t);
    ERR_clear_error();
    while (got < room && !t->broken) {
        if (SSL_read_ex(t->ssl, p + got, room - got, &n) != 1) {
            end = read_failed(t);
            break;
        }
        got += n;
        if (t->drained && !SSL_has_pending(t->ssl))
            break;
    }
    c->opening = !handshake_ended(t) && t->began;
    c->stuck = t->out.n > 0;
    if (got > 0)
        return (ssize_t)got;
    return t->broken ? CHANNEL_BROKEN : end;
}

/* ---- bytes out ---- */

/* Of the bytes that are owed, takes those that have left: all, or all but as many as are in `out`. */
static ssize_t owed_take(struct tls_channel *t, size_t offered)
{
    size_t left = t->owed > t->out.n ? t->owed - t->out.n : 0, n = left < offered ? left : offered;
    t->owed -= n;
    return n > 0 ? (ssize_t)n : CHANNEL_WAIT;
}

/* May more be encrypted? Otherwise *result is what there is to say. */
static bool may_write(struct tls_channel *t, size_t offered, ssize_t *result)
{
    if (!t->broken)
        out_flush(t);
    if (!t->broken && t->owed == 0 && (t->out.n == 0 || t->corked))
        return true;
    *result = t->broken ? CHANNEL_BROKEN : owed_take(t, offered);
    return false;
}

/* Encrypts all of it. */
static ssize_t records_write(struct channel *c, const char *p, size_t n, bool cork)
{
    struct tls_channel *t = c->state;
    size_t taken = 0;
    ERR_clear_error();
    t->cork = cork;
    bool written = SSL_write_ex(t->ssl, p, n, &taken) == 1;
    t->cork = false;
    if (!written || t->broken) {
        t->broken = true;
        return CHANNEL_BROKEN;
    }
    c->stuck = t->out.n > 0 && !cork;
    if (cork)
        return (ssize_t)taken;
    t->owed = taken;
    return owed_take(t, taken);
}

static ssize_t tls_send(struct channel *c, const char *head, size_t head_n, const char *body, size_t body_n,
                        bool more)
{
    UNINITIALIZED char both[RECORD];
    ssize_t result;
    if (!may_write(c->state, head_n + body_n, &result))
        return result;
    const char *p = head_n > 0 ? head : body;
    size_t n = head_n > 0 ? head_n : body_n;
    if (head_n > 0 && body_n > 0 && head_n < sizeof both) { /* one record, one call */
        n = body_n < sizeof both - head_n ? head_n + body_n : sizeof both;
        memcpy(both, head, head_n);
        memcpy(both + head_n, body, n - head_n);
        p = both;
    }
    n = n < PIECE ? n : PIECE;
    return records_write(c, p, n, more && n == head_n);
}

static ssize_t tls_send_file(struct channel *c, int file, uint64_t offset, size_t most)
{
    UNINITIALIZED char piece[PIECE];
    ssize_t n;
    if (!may_write(c->state, most, &n))
        return n;
    do
        n = pread(file, piece, most < sizeof piece ? most : sizeof piece, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n > 0 ? records_write(c, piece, (size_t)n, false) : n == 0 ? 0 : CHANNEL_BROKEN;
}

/* ---- beginning and end ---- */

static SSL *ssl_new(struct tls *tls)
{
    pthread_mutex_lock(&tls->mutex);
    SSL *ssl = SSL_new(tls->context); /* holds the context, which a reload may replace */
    pthread_mutex_unlock(&tls->mutex);
    return ssl;
}

static bool tls_open(struct channel *c, int fd)
{
    struct tls *tls = (struct tls *)c->transport;
    struct tls_channel *t = calloc(1, sizeof *t);
    SSL *ssl = t != NULL ? ssl_new(tls) : NULL;
    BIO *bio = ssl != NULL ? BIO_new(tls->method) : NULL;
    if (bio == NULL) {
        SSL_free(ssl);
        free(t);
        ERR_clear_error();
        return false;
    }
    *t = (struct tls_channel){.tls = tls, .ssl = ssl, .fd = fd};
    buffer_init(&t->out, OUT_MAX);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    c->state = t;
    c->fd = fd;
    return true;
}

/* Tells the peer that this is the end, once. */
static void notify(struct tls_channel *t)
{
    ERR_clear_error();
    if (t->done && !t->broken && !(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN))
        SSL_shutdown(t->ssl);
    ERR_clear_error();
}

static void tls_end(struct channel *c)
{
    notify(c->state);
    shutdown(c->fd, SHUT_WR);
}

static void tls_close(struct channel *c, bool reset)
{
    struct tls_channel *t = c->state;
    if (!reset && t->out.n == 0)
        notify(t);
    if (t->began && !t->done)
        count_shared(&t->tls->counts->failed, 1);
    SSL_free(t->ssl);
    buffer_free(&t->out);
    free(t);
    c->state = NULL;
    plain_transport.close(c, reset);
}

static int64_t tls_unsent(const struct channel *c)
{
    const struct tls_channel *t = c->state;
    int64_t queued = plain_transport.unsent(c);
    return queued >= 0 ? queued + (int64_t)t->out.n : queued;
}

static bool tls_reached(const struct channel *c, struct sockaddr_storage *out)
{
    return plain_transport.reached(c, out);
}

/* ---- the server's ---- */

static const struct transport functions = {
    .open = tls_open,
    .receive = tls_receive,
    .send = tls_send,
    .send_file = tls_send_file,
    .end = tls_end,
    .close = tls_close,
    .unsent = tls_unsent,
    .reached = tls_reached,
};

int tls_new(const struct tls_files *files, struct tls_counts *counts, tls_warn_fn *warn, void *arg,
            struct tls **out, struct pb_error *err)
{
    struct tls *t = calloc(1, sizeof *t);
    if (t == NULL)
        return error_memory(err);
    t->transport = functions;
    t->counts = counts;
    pthread_mutex_init(&t->mutex, NULL);
    pthread_mutex_init(&t->tickets.mutex, NULL);
    t->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "patchbay");
    int rc = t->method == NULL || BIO_meth_set_read_ex(t->method, bio_read) != 1 ||
                     BIO_meth_set_write_ex(t->method, bio_write) != 1 ||
                     BIO_meth_set_ctrl(t->method, bio_control) != 1
                 ? error_memory(err)
                 : tls_reload(t, files, warn, arg, err);
    if (rc < 0) {
        tls_free(t);
        return rc;
    }
    *out = t;
    return PB_OK;
}

int tls_reload(struct tls *t, const struct tls_files *files, tls_warn_fn *warn, void *arg,
               struct pb_error *err)
{
    SSL_CTX *fresh, *before;
    int rc = tls_context_new(files, &t->tickets, warn, arg, &fresh, err);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&t->mutex);
    before = t->context;
    t->context = fresh;
    pthread_mutex_unlock(&t->mutex);
    SSL_CTX_free(before);
    return PB_OK;
}

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    SSL_CTX_free(t->context);
    BIO_meth_free(t->method);
    OPENSSL_cleanse(&t->tickets, sizeof t->tickets);
    free(t);
}
