/* Fetching, put together: patchbay/fetch.h. Sources are asked in turn; the dialect plans, the transport
 * brings pieces into staging, the dialect makes files of them, and the install step puts them in place. */
#include "patchbay/fetch.h"

#include "api/dialects.h"
#include "base/sigpipe.h"
#include "fetch/transport.h"
#include "fetch/url.h"
#include "install/workspace.h"

#include <stdio.h>

enum {
    CONNECTIONS_DEFAULT = 4,
    CONNECTIONS_MAX = 64,
    STAGED_PLANS = 3,      /* staging holds the bytes of so many plans before it is cleared of others */
    ROUNDS_CHANGING = 12,  /* tries of one plan at a server whose content was seen to change */
    PLANS_PER_SOURCE = 64, /* a server whose content changes while we fetch is asked again, not for ever */
};

struct job {
    const struct dialect_fetch *dialect;
    struct fetch_request request;
    struct arena arena;
    const char *title;
    struct workspace workspace;
    struct transport *transport;
    struct fetch_net net;
    pb_progress_fn *progress;
    void *arg;
    struct pb_fetch_result *result;
    bool changing; /* the source's content has changed while we fetched */
    int rounds;    /* of the same plan at the same source */
    const char *tried[FETCH_ROUNDS * FETCH_SOURCES_MAX];
    size_t tried_count;
    bool final;             /* the install was begun: whatever comes of it is the result */
    struct pb_error faults; /* of all sources that failed, in a row */
};

/* How much a source's fault tells the user, or 0 where it is no source's: then another can do no better. A
 * password that is asked for and a disk that is too small may be the word of one bad source. */
static int fault_rank(int status)
{
    static const int ranks[] = {PB_NETWORK, PB_NOT_FOUND, PB_INVALID, PB_DAMAGED, PB_NO_SPACE, PB_DENIED};
    for (int i = 0; i < (int)(sizeof ranks / sizeof ranks[0]); i++) {
        if (ranks[i] == status)
            return i + 1;
    }
    return 0;
}

struct piece_arg {
    struct job *job;
    const struct fetch_plan *plan;
};

static int on_piece(void *arg, size_t piece, struct pb_error *err)
{
    struct piece_arg *a = arg;
    if (a->job->dialect->accept == NULL)
        return PB_OK;
    return a->job->dialect->accept(&a->job->request, a->plan, piece, a->job->workspace.staging, err);
}

/* Better to say so now than after an hour. What is in staging counts as downloaded. */
static int room_check(const struct job *job, const struct fetch_plan *plan, struct pb_error *err)
{
    uint64_t room, staged = 0;
    int rc = workspace_room(&job->workspace, &room, err);
    if (rc == PB_OK)
        rc = workspace_staged(&job->workspace, &staged, err);
    if (rc < 0)
        return rc;
    /* Pieces of other plans are worth keeping, as a rollback may bring them back; but a server that names new
     * ones each time does not fill the disk with old ones. */
    if (staged > STAGED_PLANS * plan->download) {
        if ((rc = workspace_prune(&job->workspace, plan, err)) < 0 ||
            (rc = workspace_staged(&job->workspace, &staged, err)) < 0)
            return rc;
    }
    uint64_t needed = plan->unpacked + (staged < plan->download ? plan->download - staged : 0);
    if (room < needed)
        return error_set(err, PB_NO_SPACE, "the disk is full: %llu bytes are needed for %s, %llu are free",
                         (unsigned long long)needed, job->title, (unsigned long long)room);
    return PB_OK;
}

static int plan_download(struct job *job, struct fetch_plan *plan, struct pb_error *err)
{
    struct piece_arg arg = {job, plan};
    struct download_report report = {0};
    int rc = install_check(&job->workspace, plan, err);
    if (rc < 0)
        job->final = true; /* the user's folder stands in the way, whoever the source is */
    if (rc == PB_OK)
        rc = room_check(job, plan, err);
    if (rc == PB_OK)
        rc = transport_pieces(job->transport, plan, job->workspace.staging, on_piece, &arg, &report, err);
    if (report.downloaded > 0) /* progress */
        job->rounds = 0;
    job->result->downloaded += report.downloaded;
    job->result->bytes += report.bytes;
    /* The first look into staging tells what an earlier run left; later ones would count our own pieces. */
    if (job->result->pieces == 0)
        job->result->present = report.present;
    job->result->pieces = (unsigned)plan->piece_count;
    return rc;
}

static void result_fill(struct job *job, const struct fetch_plan *plan, bool unchanged)
{
    struct pb_fetch_result *r = job->result;
    const struct fetch_file *f = &plan->files[0];
    snprintf(r->file, sizeof r->file, "%s", f->path);
    snprintf(r->source, sizeof r->source, "%s", plan->source);
    hex_encode(f->md5.bytes, sizeof f->md5.bytes, r->md5);
    r->size = f->size;
    r->crc32 = f->crc32;
    r->unchanged = unchanged;
}

/* Have two plans the same pieces? */
static bool same_pieces(const struct fetch_plan *a, const struct fetch_plan *b)
{
    if (a->piece_count != b->piece_count)
        return false;
    for (size_t i = 0; i < a->piece_count; i++) {
        if (!md5_equal(&a->pieces[i].md5, &b->pieces[i].md5))
            return false;
    }
    return true;
}

static int plan_assemble(struct job *job, struct fetch_plan *plan, struct pb_error *err)
{
    int rc =
        job->dialect->assemble(&job->request, plan, job->workspace.staging, job->progress, job->arg, err);
    if (rc < 0)
        job->rounds = ROUNDS_CHANGING; /* the same pieces would come to the same */
    return rc;
}

/* One plan, carried out. */
static int plan_run(struct job *job, struct fetch_plan *plan, struct pb_error *err)
{
    bool done = fetch_plan_nothing_to_place(plan);
    int rc = plan->file_count == 0 ? error_set(err, PB_INVALID, "the server offers nothing under this name")
                                   : PB_OK;
    if (rc == PB_OK && !done)
        rc = plan_download(job, plan, err);
    if (rc == PB_OK && !done)
        rc = plan_assemble(job, plan, err);
    if (rc < 0)
        return rc;
    /* From here on it is no source's fault: another would end in the same way. */
    job->final = true;
    rc = install_commit(&job->workspace, plan, err);
    if (rc == PB_OK)
        result_fill(job, plan, done);
    return rc;
}

/* Is another try with this plan worth while? After a moment's pause, where it is the plan of the try before.
 */
static int plan_again(struct job *job, const struct fetch_plan *before, const struct fetch_plan *plan,
                      bool *again, struct pb_error *err)
{
    bool same = before->piece_count > 0 && same_pieces(before, plan);
    if (!same)
        job->rounds = 0;
    job->changing |= !same && before->piece_count > 0;
    *again = job->rounds++ < (job->changing ? ROUNDS_CHANGING : TRANSPORT_ATTEMPTS);
    return same && *again ? transport_pause(job->transport, TRANSPORT_RETRY_MS, err) : PB_OK;
}

/*
 * One source. Where a piece is missing or wrong, the server's content may have changed since it was planned
 * (a publish, a rollback), so the plan is made anew each time. A changed plan starts afresh, and so does one
 * that has brought pieces; the same one without any success is tried TRANSPORT_ATTEMPTS times in all.
 */
static int source_fetch(struct job *job, const char *source, struct pb_error *err)
{
    struct fetch_plan before = {0};
    int rc = PB_OK;
    for (int i = 0; i < PLANS_PER_SOURCE; i++) {
        struct fetch_plan plan = {.title = job->title, .source = source};
        struct pb_error planning;
        bool again = false;
        arena_init(&plan.arena, FETCH_PLAN_CEILING);
        int planned = job->dialect->plan(&job->request, &job->net, source, &plan, &planning);
        if (planned == PB_OK)
            planned = plan_again(job, &before, &plan, &again, &planning);
        if (planned < 0 && (i == 0 || planned == PB_CANCELLED)) {
            *err = planning;
            rc = planned;
        }
        again = again && planned == PB_OK;
        if (again)
            rc = plan_run(job, &plan, err);
        arena_free(&before.arena);
        before = plan;
        if (!again || job->final || (rc != PB_DAMAGED && rc != PB_NOT_FOUND))
            break;
    }
    arena_free(&before.arena);
    return rc;
}

/* Adds what a source said to what the others said. */
static void fault_note(struct job *job, const char *source, const struct pb_error *err)
{
    struct pb_error *all = &job->faults;
    size_t used = strlen(all->text);
    if (fault_rank(err->status) > fault_rank(all->status))
        all->status = err->status;
    snprintf(all->text + used, sizeof all->text - used, "%s%s: %s", used > 0 ? "; " : "", source, err->text);
}

/* A server's list of further servers may well have the server itself. Remembers the source. */
static bool tried_before(struct job *job, const char *source)
{
    for (size_t i = 0; i < job->tried_count; i++) {
        if (strcmp(job->tried[i], source) == 0)
            return true;
    }
    if (job->tried_count < FETCH_ROUNDS * FETCH_SOURCES_MAX)
        job->tried[job->tried_count++] = source;
    return false;
}

static int sources_try(struct job *job, struct pb_error *err)
{
    for (unsigned round = 0; round < FETCH_ROUNDS; round++) {
        struct fetch_sources sources;
        /* Where no source could be reached, the server's own list of further ones can't be either. */
        if (round > 0 && job->faults.status == PB_NETWORK && job->request.server_list == NULL)
            break;
        struct pb_error fault = {0};
        int rc = job->dialect->sources(&job->request, &job->net, round, &job->arena, &sources, &fault);
        if (rc < 0 && round == 0) {
            *err = fault;
            return rc;
        }
        if (rc == PB_CANCELLED || rc == PB_NO_MEMORY) {
            *err = fault;
            return rc;
        }
        if (rc < 0 && job->request.server_list != NULL)
            fault_note(job, job->request.server_list, &fault);
        for (size_t i = 0; rc == PB_OK && i < sources.n; i++) {
            if (tried_before(job, sources.list[i]))
                continue;
            int got = source_fetch(job, sources.list[i], &fault);
            if (job->final || fault_rank(got) == 0) {
                *err = fault;
                return got;
            }
            fault_note(job, sources.list[i], &fault);
        }
    }
    if (job->faults.status == PB_OK)
        return error_set(err, PB_NOT_FOUND, "there is no source to ask");
    *err = job->faults;
    return job->faults.status;
}

static int request_make(struct job *job, const struct pb_fetch_options *o, struct pb_error *err)
{
    struct url url;
    int rc = url_parse(o->url, &job->arena, &url, err);
    if (rc < 0)
        return rc;
    const struct dialect *d = dialect_find(url.scheme);
    if (d == NULL || d->fetch == NULL)
        return error_set(err, PB_INVALID, "%s: %s is not a protocol that patchbay fetches by (opensauce is)",
                         o->url, url.scheme);
    job->dialect = d->fetch;
    job->request = (struct fetch_request){.host = url.host,
                                          .port = url.port,
                                          .path = url.path,
                                          .mirrors = o->mirrors,
                                          .mirror_count = o->mirror_count,
                                          .server_list = o->server_list,
                                          .password = o->password};
    rc = job->dialect->title(&job->request, &job->arena, &job->title, err);
    if (rc == PB_OK)
        snprintf(job->result->title, sizeof job->result->title, "%s", job->title);
    return rc;
}

static int job_run(struct job *job, const struct pb_fetch_options *o, struct pb_error *err)
{
    unsigned connections = o->connections == 0 ? CONNECTIONS_DEFAULT : o->connections;
    int rc = request_make(job, o, err);
    if (rc == PB_OK && connections > CONNECTIONS_MAX)
        rc = error_set(err, PB_INVALID, "more than %d connections", CONNECTIONS_MAX);
    if (rc == PB_OK)
        rc = workspace_open(o->folder, true, &job->workspace, err);
    if (rc == PB_OK)
        rc = workspace_stage(&job->workspace, job->title, err);
    if (rc < 0)
        return rc;
    struct transport_options transport = {job->dialect->user_agent, connections, job->progress, job->arg};
    rc = transport_new(&transport, &job->transport, err);
    if (rc < 0)
        return rc;
    job->net = (struct fetch_net){job->transport, transport_get};
    job->request.folder = job->workspace.folder;
    rc = sources_try(job, err);
    if (rc == PB_OK)
        workspace_unstage(&job->workspace);
    return rc < 0 ? error_context(err, "fetch %s", job->title) : PB_OK;
}

int pb_fetch(const struct pb_fetch_options *o, pb_progress_fn *progress, void *arg,
             struct pb_fetch_result *result, struct pb_error *err)
{
    struct sigpipe sigpipe;
    struct job job = {.progress = progress, .arg = arg, .result = result};
    job.workspace = (struct workspace){.folder = -1, .home = -1, .staging = -1, .lock = -1};
    *result = (struct pb_fetch_result){0};
    arena_init(&job.arena, 0);
    sigpipe_block(&sigpipe);
    int rc = job_run(&job, o, err);
    transport_free(job.transport);
    sigpipe_restore(&sigpipe);
    workspace_close(&job.workspace);
    arena_free(&job.arena);
    return rc;
}

struct installed_arg {
    pb_installed_fn *fn;
    void *arg;
};

static int installed_show(void *arg, const struct installed *i)
{
    struct installed_arg *a = arg;
    struct pb_installed record = {i->title, i->file, i->source, i->size, i->md5, i->crc32, i->when};
    return a->fn(a->arg, &record);
}

int pb_installed_list(const char *folder, pb_installed_fn *fn, void *arg, struct pb_error *err)
{
    struct workspace w;
    struct installed_arg a = {fn, arg};
    int rc = workspace_open(folder, false, &w, err);
    if (rc < 0)
        return rc == PB_NOT_FOUND ? error_set(err, rc, "%s: nothing was fetched into this folder", folder)
                                  : rc;
    rc = installed_each(w.home, installed_show, &a, err);
    workspace_close(&w);
    return rc;
}
