/* Downloading pieces: a few transfers at once on kept-alive connections. Half a piece is kept as NAME.part,
 * and hashed again before it is continued: what is in staging is never trusted. */
#include "base/clock.h"
#include "base/file.h"
#include "base/path.h"
#include "fetch/polp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    POLL_MS = 100,
    PIECE_NAME = FILE_NAME_MAX + 1,
    MANY = 64, /* pieces, of unknown and so mostly small sizes, are worth more connections */
    CONNECTIONS_MANY = 8,
    CONNECTIONS_FEW = 4,
};

enum piece_state { PIECE_WAITING, PIECE_RUNNING, PIECE_DONE };

struct piece {
    enum piece_state state;
    int attempts;
    uint64_t not_before; /* monotonic ms: when to try again */
    CURL *easy;
    int fd;                        /* of NAME.part */
    struct digest digest;          /* of what is in it: digest.size bytes */
    uint64_t resumed_at;           /* what this attempt asked to continue from */
    bool answered;                 /* the first bytes of this attempt's body are here */
    const struct fetch_piece *now; /* the piece of the plan, or what else will do */
    uint64_t counted;              /* its bytes in bytes_running */
    uint64_t size;                 /* once it is whole */
    struct pieces *all;
    size_t index;
};

struct pieces {
    struct transport *transport;
    const struct fetch_plan *plan;
    int staging;
    piece_accept_fn *accept;
    void *accept_arg;
    struct download_report *report;
    struct piece *list;
    size_t done, running, next; /* `next`: the first that may be waiting */
    unsigned connections;
    uint64_t bytes_done;    /* of pieces that are whole */
    uint64_t bytes_running; /* of pieces under way */
    int status;             /* what ends everything; its text: */
    struct pb_error *err;
};

static const struct fetch_piece *plan_of(const struct piece *p)
{
    return p->now;
}

static const char *name_of(const struct piece *p)
{
    return plan_of(p)->staged;
}

static void part_name(const struct piece *p, char part[PIECE_NAME])
{
    snprintf(part, PIECE_NAME, "%s" PART_ENDING, name_of(p));
}

/* Bytes that the piece may have. */
static uint64_t most_of(const struct piece *p)
{
    return plan_of(p)->size != FETCH_SIZE_UNKNOWN ? plan_of(p)->size : plan_of(p)->ceiling;
}

/* Shows a piece that is whole to the dialect. One whose bytes only the dialect can judge goes when they are
 * wrong. */
static int piece_accept(struct piece *p, struct pb_error *err)
{
    struct pieces *all = p->all;
    int rc = all->accept != NULL ? all->accept(all->accept_arg, plan_of(p), err) : PB_OK;
    if (rc == PB_DAMAGED && !plan_of(p)->verified)
        unlinkat(all->staging, name_of(p), 0);
    return rc;
}

/* ---- what staging has ---- */

/* 1: the whole piece is there, and right. */
static int piece_present(struct piece *p, struct pb_error *err)
{
    uint64_t size;
    struct digest_result r;
    _cleanup_fd_ int fd = -1;
    if (file_open_regular(p->all->staging, name_of(p), false, &fd, &size, err) < 0 || size > most_of(p) ||
        (plan_of(p)->size != FETCH_SIZE_UNKNOWN && size != plan_of(p)->size))
        return 0;
    if (!plan_of(p)->verified)
        return 1;
    int rc = digest_file(DIGEST_MD5, fd, &r, err);
    return rc < 0 ? rc : md5_equal(&r.md5, &plan_of(p)->md5);
}

static int digest_restart(struct piece *p, struct pb_error *err)
{
    digest_free(&p->digest);
    return digest_start(&p->digest, DIGEST_MD5, err);
}

/* Begins from nothing. */
static int part_empty(struct piece *p, struct pb_error *err)
{
    p->all->bytes_running -= p->counted;
    p->counted = 0;
    if (ftruncate(p->fd, 0) != 0 || lseek(p->fd, 0, SEEK_SET) != 0)
        return error_errno(err, errno, "staging");
    return digest_restart(p, err);
}

/* Opens NAME.part and hashes what an earlier run left in it. */
static int part_open(struct piece *p, struct pb_error *err)
{
    enum { STEP = 64 * 1024 };
    char part[PIECE_NAME], step[STEP];
    ssize_t n;
    part_name(p, part);
    p->fd = openat(p->all->staging, part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (p->fd < 0)
        return error_errno(err, errno, "staging: %s", part);
    int rc = digest_restart(p, err);
    while (rc == PB_OK && (n = read(p->fd, step, sizeof step)) > 0)
        digest_add(&p->digest, step, (size_t)n);
    /* What nobody can verify once it is whole is not continued. */
    if (rc == PB_OK && (p->digest.size > most_of(p) || !plan_of(p)->verified))
        rc = part_empty(p, err);
    return rc;
}

/* ---- one attempt ---- */

static void stop_all(struct pieces *all, int status)
{
    if (all->status == PB_OK)
        all->status = status;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct piece *p = arg;
    struct pieces *all = p->all;
    size_t n = size * count;
    long code = 0;
    if (!p->answered) {
        p->answered = true;
        curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &code);
        /* Asked for the rest, but a server without ranges sends all of it. */
        if (p->resumed_at > 0 && code != 206) {
            int rc = part_empty(p, all->err);
            if (rc < 0) {
                stop_all(all, rc);
                return 0;
            }
        }
    }
    all->report->bytes += n;
    all->bytes_running += n;
    p->counted += n;
    if (n > most_of(p) - p->digest.size) {
        p->resumed_at = UINT64_MAX; /* the mark for "too long", see attempt_end */
        return 0;
    }
    int rc = file_write(p->fd, bytes, n, all->err);
    if (rc < 0) {
        stop_all(all, error_context(all->err, "download %s", plan_of(p)->name));
        return 0;
    }
    digest_add(&p->digest, bytes, n);
    return n;
}

/* The piece is whole and right: it gets its name, and the dialect sees it. */
static int piece_keep(struct piece *p, unsigned *counter, struct pb_error *err)
{
    struct pieces *all = p->all;
    char part[PIECE_NAME];
    part_name(p, part);
    uint64_t size = p->size;
    fd_close(&p->fd);
    digest_free(&p->digest);
    if (renameat(all->staging, part, all->staging, name_of(p)) != 0)
        return error_errno(err, errno, "staging: %s", name_of(p));
    int rc = piece_accept(p, err);
    if (rc < 0)
        return rc;
    p->state = PIECE_DONE;
    all->done++;
    all->bytes_done += size;
    ++*counter;
    return PB_OK;
}

/* Has an earlier run left all of it in NAME.part, and not come to naming it? */
static bool part_whole(const struct piece *p)
{
    struct digest_result r;
    return plan_of(p)->verified && p->digest.size > 0 && digest_file(DIGEST_MD5, p->fd, &r, NULL) == PB_OK &&
           md5_equal(&r.md5, &plan_of(p)->md5);
}

static int attempt_start(struct piece *p, struct pb_error *err)
{
    struct pieces *all = p->all;
    char range[32];
    int rc = p->fd < 0 ? part_open(p, err) : PB_OK;
    if (rc < 0)
        return rc;
    if (p->attempts == 0 && part_whole(p)) {
        p->size = p->digest.size;
        return piece_keep(p, &all->report->present, err);
    }
    p->easy = transport_easy(all->transport, plan_of(p)->url);
    if (p->easy == NULL)
        return error_memory(err);
    p->attempts++;
    p->answered = false;
    if (p->digest.size == most_of(p) && p->digest.size > 0 && (rc = part_empty(p, err)) < 0)
        return rc;
    p->resumed_at = p->digest.size;
    p->counted = p->digest.size;
    all->bytes_running += p->counted;
    if (p->resumed_at > 0) {
        snprintf(range, sizeof range, "%llu-", (unsigned long long)p->resumed_at);
        curl_easy_setopt(p->easy, CURLOPT_RANGE, range);
    }
    curl_easy_setopt(p->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(p->easy, CURLOPT_WRITEDATA, p);
    curl_easy_setopt(p->easy, CURLOPT_PRIVATE, p);
    if (curl_multi_add_handle(all->transport->multi, p->easy) != CURLM_OK) {
        curl_easy_cleanup(p->easy);
        p->easy = NULL;
        return error_memory(err);
    }
    p->state = PIECE_RUNNING;
    all->running++;
    return PB_OK;
}

/* What an attempt came to: PB_OK, or why it failed. Bytes that can't be right are thrown away. */
static int attempt_check(struct piece *p, CURLcode code, struct pb_error *err)
{
    const struct fetch_piece *plan = plan_of(p);
    struct digest_result r;
    bool too_long = p->resumed_at == UINT64_MAX;
    if (code != CURLE_OK && !too_long) {
        int rc = transport_fault(p->easy, code, err);
        /* A range that the server finds impossible (416): from the start, then. */
        return p->resumed_at > 0 && rc == PB_NOT_FOUND && part_empty(p, err) == PB_OK
                   ? error_set(err, PB_NETWORK, "the server refuses to continue a download")
                   : rc;
    }
    uint64_t size = p->digest.size;
    digest_finish(&p->digest, &r);
    p->size = size;
    bool size_right = plan->size == FETCH_SIZE_UNKNOWN || size == plan->size;
    if (!too_long && size_right && (!plan->verified || md5_equal(&r.md5, &plan->md5)))
        return PB_OK;
    int rc = part_empty(p, err);
    if (rc < 0)
        return rc;
    if (too_long)
        return error_set(err, PB_DAMAGED, "the server sends more than the %llu bytes %s",
                         (unsigned long long)most_of(p),
                         plan->size == FETCH_SIZE_UNKNOWN ? "that make sense" : "announced");
    if (!size_right)
        return error_set(err, PB_DAMAGED, "the server sent %llu bytes of the %llu announced",
                         (unsigned long long)size, (unsigned long long)plan->size);
    return error_set(err, PB_DAMAGED, "its MD5 is not the one announced");
}

/* The piece goes back among those that wait; nothing of it is held open meanwhile. */
static void piece_wait(struct piece *p, uint64_t ms)
{
    p->state = PIECE_WAITING;
    p->not_before = ms > 0 ? clock_monotonic_ms() + ms : 0;
    fd_close(&p->fd);
    digest_free(&p->digest);
    if (p->index < p->all->next)
        p->all->next = p->index;
}

/* Is there something else that will do? Then it is asked for next. */
static bool piece_otherwise(struct piece *p, int rc)
{
    bool useless = rc == PB_NOT_FOUND || (rc == PB_DAMAGED && !plan_of(p)->verified);
    if (!useless || plan_of(p)->fallback == NULL)
        return false;
    piece_wait(p, 0);
    p->now = plan_of(p)->fallback;
    p->attempts = 0;
    return true;
}

static void attempt_end(struct piece *p, CURLcode code)
{
    struct pieces *all = p->all;
    struct pb_error err;
    if (all->status < 0)
        return; /* everything is being stopped; pieces_drop cleans up */
    bool resumed = p->resumed_at > 0 && p->resumed_at != UINT64_MAX;
    int rc = attempt_check(p, code, &err);
    curl_multi_remove_handle(all->transport->multi, p->easy);
    curl_easy_cleanup(p->easy);
    p->easy = NULL;
    all->running--;
    all->bytes_running -= p->counted;
    p->counted = 0;
    if (rc == PB_OK)
        rc = piece_keep(p, &all->report->downloaded, &err);
    if (piece_otherwise(p, rc))
        return;
    if ((rc == PB_NETWORK || (rc == PB_DAMAGED && resumed)) && p->attempts < TRANSPORT_ATTEMPTS) {
        /* What a continued download began with may have been another release's: from the start, then. */
        piece_wait(p, rc == PB_NETWORK ? TRANSPORT_RETRY_MS : 0);
        return;
    }
    if (rc == PB_NETWORK)
        error_context(&err, "%d attempts", p->attempts);
    if (rc < 0) {
        *all->err = err;
        if (rc != PB_DENIED) /* which is true of all parts */
            error_context(all->err, "%s", plan_of(p)->name);
        stop_all(all, rc);
    }
}

/* ---- all of them ---- */

static int progress_report(struct pieces *all)
{
    const struct transport_options *o = &all->transport->options;
    struct pb_progress p = {"download", all->bytes_done + all->bytes_running, all->plan->download, NULL};
    if (o->progress == NULL)
        return PB_OK;
    if (all->plan->download == 0) /* sizes are not known */
        p = (struct pb_progress){"download", all->done, all->plan->piece_count, "files"};
    return o->progress(o->arg, &p) != 0 ? error_set(all->err, PB_CANCELLED, "cancelled") : PB_OK;
}

/* Starts what may be started now. */
static int pieces_start(struct pieces *all)
{
    uint64_t now = clock_monotonic_ms();
    bool skipped = false;
    for (size_t i = all->next; i < all->plan->piece_count; i++) {
        struct piece *p = &all->list[i];
        if (all->running >= all->connections)
            break;
        if (p->state == PIECE_WAITING && p->not_before > now)
            skipped = true;
        if (p->state == PIECE_WAITING && p->not_before <= now) {
            int rc = attempt_start(p, all->err);
            if (rc < 0)
                return rc;
        }
        if (!skipped)
            all->next = i + 1;
    }
    return PB_OK;
}

/* True when one or more have ended. */
static bool pieces_collect(struct pieces *all)
{
    int left;
    bool any = false;
    CURLMsg *m;
    while ((m = curl_multi_info_read(all->transport->multi, &left)) != NULL) {
        struct piece *p;
        CURLcode code = m->data.result;
        any = true;
        if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p) == CURLE_OK)
            attempt_end(p, code);
    }
    return any;
}

static int pieces_run(struct pieces *all)
{
    while (all->done < all->plan->piece_count && all->status == PB_OK) {
        int running;
        int rc = pieces_start(all);
        if (rc == PB_OK)
            rc = progress_report(all);
        if (rc < 0)
            return rc;
        CURLMcode code = curl_multi_perform(all->transport->multi, &running);
        /* Where one has ended, the next begins at once: there may be nothing left to wait for. */
        bool ended = pieces_collect(all);
        if (code == CURLM_OK && !ended && all->status == PB_OK)
            code = curl_multi_poll(all->transport->multi, NULL, 0, POLL_MS, NULL);
        if (code != CURLM_OK)
            return error_set(all->err, PB_FAILED, "download: %s", curl_multi_strerror(code));
    }
    return all->status == PB_OK ? progress_report(all) : all->status;
}

/* Forgets everything under way. Where the server sent wrong bytes for one piece, half of another is suspect,
 * too. */
static void pieces_drop(struct pieces *all)
{
    bool suspect = all->status == PB_DAMAGED || all->status == PB_NOT_FOUND;
    for (size_t i = 0; i < all->plan->piece_count; i++) {
        struct piece *p = &all->list[i];
        if (p->easy != NULL) {
            curl_multi_remove_handle(all->transport->multi, p->easy);
            curl_easy_cleanup(p->easy);
            if (suspect && ftruncate(p->fd, 0) != 0)
                suspect = false; /* then its digest tells */
        }
        fd_close(&p->fd);
        digest_free(&p->digest);
    }
    free(all->list);
}

/* Marks what is there already. */
static int pieces_find(struct pieces *all)
{
    for (size_t i = 0; i < all->plan->piece_count; i++) {
        struct piece *p = &all->list[i];
        *p = (struct piece){.fd = -1, .all = all, .index = i, .now = &all->plan->pieces[i]};
    }
    for (size_t i = 0; i < all->plan->piece_count; i++) {
        struct piece *p = &all->list[i];
        int rc = piece_present(p, all->err);
        if (rc < 0)
            return rc;
        if (rc == 0)
            continue;
        rc = piece_accept(p, all->err);
        if (rc == PB_DAMAGED && !plan_of(p)->verified)
            continue;
        if (rc < 0)
            return rc;
        p->state = PIECE_DONE;
        all->done++;
        all->bytes_done += plan_of(p)->size != FETCH_SIZE_UNKNOWN ? plan_of(p)->size : 0;
        all->report->present++;
    }
    return PB_OK;
}

int transport_pieces(struct transport *t, const struct fetch_plan *plan, int staging, piece_accept_fn *accept,
                     void *accept_arg, struct download_report *report, struct pb_error *err)
{
    struct pieces all = {.transport = t,
                         .plan = plan,
                         .staging = staging,
                         .accept = accept,
                         .accept_arg = accept_arg,
                         .report = report,
                         .err = err};
    if (plan->piece_count > 0 && strncmp(plan->pieces[0].url, POLP_SCHEME, strlen(POLP_SCHEME)) == 0)
        return polp_pieces(t, plan, staging, accept, accept_arg, report, err);
    bool many = plan->piece_count > MANY && plan->download == 0;
    all.connections = t->options.connections != 0 ? t->options.connections
                      : many                      ? CONNECTIONS_MANY
                                                  : CONNECTIONS_FEW;
    curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, (long)all.connections);
    curl_multi_setopt(t->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)all.connections);
    all.list = calloc(plan->piece_count + 1, sizeof *all.list);
    if (all.list == NULL)
        return error_memory(err);
    int rc = pieces_find(&all);
    if (rc == PB_OK)
        rc = pieces_run(&all);
    pieces_drop(&all);
    return rc;
}
