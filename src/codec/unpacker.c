/* The child waits for files, and answers each with what came out. */
#include "codec/unpacker.h"

#include "base/file.h"
#include "codec/slc.h"

#include <unistd.h>

struct answer {
    int status;
    struct unpacked unpacked;
    char text[PB_ERROR_TEXT_MAX];
};

/* ---- in the child ---- */

struct sink {
    int fd;
    uint64_t limit;
    unpack_sum_fn *sum;
    uint32_t summed;
    struct digest digest;
};

static int sink_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct sink *s = arg;
    if (n > s->limit - s->digest.size)
        return error_set(err, PB_DAMAGED, "it unpacks to more than %llu bytes", (unsigned long long)s->limit);
    if (s->sum != NULL)
        s->summed = s->sum(s->summed, p, n);
    digest_add(&s->digest, p, n);
    return file_write(s->fd, p, n, err);
}

static void file_answer(const struct unpack_file *f, int from, struct sink *s, struct answer *a)
{
    struct pb_error err = {0};
    struct digest_result r = {0};
    a->status = digest_start(&s->digest, DIGEST_MD5, &err);
    if (a->status == PB_OK)
        a->status = f->form == UNPACK_GZIP ? gzip_unpack(from, sink_add, s, &err)
                                           : slc_unpack_known(from, f->packed, f->limit, sink_add, s, &err);
    digest_finish(&s->digest, &r);
    a->unpacked = (struct unpacked){r.size, r.md5, s->summed};
    memcpy(a->text, err.text, sizeof a->text);
}

static void child_unpack(void *arg, int socket)
{
    unpack_sum_fn *const *sum = arg;
    struct unpack_file f;
    int fds[CHILD_FDS];
    while (child_receive(socket, &f, sizeof f, fds, -1) == CHILD_MESSAGE && fds[1] >= 0) {
        struct sink s = {.fd = fds[1], .limit = f.limit, .sum = *sum};
        struct answer a = {0};
        file_answer(&f, fds[0], &s, &a);
        close(fds[0]);
        close(fds[1]);
        if (child_send(socket, &a, sizeof a, NULL, 0, NULL) < 0)
            return;
    }
}

/* ---- in the parent ---- */

int unpack_file(struct unpacker *u, const struct unpack_file *what, int from, int to, struct unpacked *out,
                struct pb_error *err)
{
    enum { SILENCE_MS = 600000 }; /* of a file of 4 GiB */
    int fds[CHILD_FDS] = {from, to};
    struct answer a;
    *out = (struct unpacked){0};
    int rc = u->child.pid > 0 ? PB_OK : child_start(&u->child, child_unpack, &u->sum, err);
    if (rc == PB_OK)
        rc = child_send(u->child.socket, what, sizeof *what, fds, CHILD_FDS, err);
    if (rc < 0)
        return rc;
    if (child_receive(u->child.socket, &a, sizeof a, NULL, SILENCE_MS) != CHILD_MESSAGE)
        return child_fallen(&u->child, err);
    *out = a.unpacked;
    return a.status == PB_OK
               ? PB_OK
               : error_set(err, child_status(a.status), "%.*s", (int)strnlen(a.text, sizeof a.text), a.text);
}

void unpacker_end(struct unpacker *u)
{
    child_end(&u->child);
}
