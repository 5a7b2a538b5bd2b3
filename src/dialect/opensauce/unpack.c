/* Both sides of unpacking a map: the parent hands over parts, the child makes a map of them. */
#include "dialect/opensauce/unpack.h"

#include "base/clock.h"
#include "base/file.h"
#include "codec/archive_unpack.h"
#include "dialect/opensauce/joined.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* To the child: a file comes with TO and PART. */
enum request { REQUEST_TO, REQUEST_PART, REQUEST_FINISH };

/* To the parent. */
struct answer {
    bool over;     /* else it is progress */
    int status;    /* when it is over */
    uint64_t done; /* bytes */
    struct digest_result result;
    char text[PB_ERROR_TEXT_MAX];
};

/* ---- in the child ---- */

struct work {
    const struct os_definition *definition;
    const char *password;
    int socket;
    int *fds; /* of the parts */
    size_t n;
    uint64_t available; /* bytes of these */
    uint64_t told;      /* when, in milliseconds */
};

/* An os_part_open_fn. */
static int handed_open(void *arg, const struct os_definition *d, size_t part, int *fd, struct pb_error *err)
{
    const struct work *w = arg;
    (void)d;
    if (part >= __atomic_load_n(&w->n, __ATOMIC_ACQUIRE))
        return error_set(err, PB_DAMAGED, "it is not there yet");
    *fd = fcntl(w->fds[part], F_DUPFD_CLOEXEC, 0);
    return *fd < 0 ? error_errno(err, errno, "a part") : PB_OK;
}

/* An archive_progress_fn. Nobody reads faster than ten times a second. */
static int progress_send(void *arg, uint64_t done, struct pb_error *err)
{
    enum { STEP_MS = 100 };
    struct work *w = arg;
    struct answer a = {.done = done};
    uint64_t now = clock_monotonic_ms();
    if (now < w->told + STEP_MS)
        return PB_OK;
    w->told = now;
    return child_send(w->socket, &a, sizeof a, NULL, 0, err);
}

static bool part_add(struct work *w, int fd)
{
    if (fd < 0 || w->n == w->definition->part_count)
        return false;
    w->fds[w->n] = fd;
    w->available += w->definition->parts[w->n].size;
    __atomic_store_n(&w->n, w->n + 1, __ATOMIC_RELEASE);
    return true;
}

/* Takes parts until all are there. */
static int parts_follow(struct work *w, struct archive_unpacker *unpacker, struct archive_unpack *what,
                        struct pb_error *err)
{
    int fds[CHILD_FDS], rc = PB_OK;
    enum request request;
    while (rc == PB_OK && child_receive(w->socket, &request, sizeof request, fds, -1) == CHILD_MESSAGE) {
        if (request == REQUEST_FINISH)
            return PB_OK;
        if (request == REQUEST_TO)
            what->fd = fds[0];
        else if (part_add(w, fds[0]))
            rc = archive_unpack_feed(unpacker, what, w->available, err);
        else
            rc = error_set(err, PB_FAILED, "too few file descriptors are allowed for the map's parts");
    }
    return rc < 0 ? rc : error_set(err, PB_CANCELLED, "cancelled");
}

static void child_unpack(void *arg, int socket)
{
    struct work *w = arg;
    struct archive_unpacker unpacker = {0};
    struct answer a = {.over = true};
    struct pb_error err = {0};
    const struct os_definition *d = w->definition;
    struct os_parts parts = {d, w->password, handed_open, w};
    struct archive_unpack what = {d->algorithm, os_joined_opener(&parts), d->name, d->uncompressed_size, -1};
    w->socket = socket;
    w->fds = malloc(d->part_count * sizeof *w->fds);
    int rc = w->fds == NULL ? error_memory(&err) : parts_follow(w, &unpacker, &what, &err);
    if (rc == PB_OK)
        rc = archive_unpack_finish(&unpacker, &what, progress_send, w, &a.result, &err);
    archive_unpacker_end(&unpacker);
    a.status = rc;
    memcpy(a.text, err.text, sizeof a.text);
    if (child_send(socket, &a, sizeof a, NULL, 0, &err) < 0)
        return;
}

/* ---- in the parent ---- */

int os_unpack_start(struct os_unpacking *u, const struct os_definition *d, const char *password, int to,
                    struct pb_error *err)
{
    struct work w = {.definition = d, .password = password};
    enum request request = REQUEST_TO;
    int rc = child_start(&u->child, child_unpack, &w, err);
    return rc == PB_OK ? child_send(u->child.socket, &request, sizeof request, &to, 1, err) : rc;
}

int os_unpack_part(struct os_unpacking *u, int fd, struct pb_error *err)
{
    enum request request = REQUEST_PART;
    return child_send(u->child.socket, &request, sizeof request, &fd, 1, err);
}

static int answer_take(const struct answer *a, struct digest_result *result, struct pb_error *err)
{
    *result = a->result;
    if (a->status == PB_OK)
        return PB_OK;
    return error_set(err, child_status(a->status), "%.*s", (int)strnlen(a->text, sizeof a->text), a->text);
}

int os_unpack_finish(struct os_unpacking *u, archive_progress_fn *progress, void *arg,
                     struct digest_result *result, struct pb_error *err)
{
    enum { STEP_MS = 100, SILENCE_MS = 120000 };
    enum request request = REQUEST_FINISH;
    struct answer a = {0};
    *result = a.result;
    uint64_t heard = clock_monotonic_ms();
    int rc = child_send(u->child.socket, &request, sizeof request, NULL, 0, err);
    while (rc == PB_OK) {
        struct answer got;
        enum child_event event = child_receive(u->child.socket, &got, sizeof got, NULL, STEP_MS);
        uint64_t now = clock_monotonic_ms();
        if (event == CHILD_GONE || (event == CHILD_SILENT && now > heard + SILENCE_MS))
            return child_fallen(&u->child, err);
        if (event == CHILD_MESSAGE) {
            a = got;
            heard = now;
        }
        if (a.over)
            return answer_take(&a, result, err);
        rc = progress != NULL ? progress(arg, a.done, err) : PB_OK;
    }
    return rc;
}

void os_unpack_end(struct os_unpacking *u)
{
    child_end(&u->child);
}
