/* One title: sources, plans and tries. */
#include "api/fetch_job.h"

#include "base/beneath.h"
#include "base/file.h"
#include "base/path.h"
#include "install/install.h"

#include <fcntl.h>
#include <stdio.h>

enum {
    STAGED_PLANS = 3, /* staging holds the bytes of so many plans before it is cleared of others */
    STAGED_UNKNOWN = 256 * 1024 * 1024, /* or so many, where a plan can't tell */
    ROUNDS_CHANGING = 12,               /* tries of one plan at a server whose content was seen to change */
    PLANS_PER_SOURCE = 64, /* a server whose content changes while we fetch is asked again, not for ever */
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
    struct fetch_job *job;
    const struct fetch_plan *plan;
};

static int on_piece(void *arg, const struct fetch_piece *piece, struct pb_error *err)
{
    struct piece_arg *a = arg;
    if (a->job->dialect->accept == NULL)
        return PB_OK;
    return a->job->dialect->accept(&a->job->request, a->plan, piece, err);
}

/* Better to say so now than after an hour. What is in staging counts as downloaded. */
static int room_check(const struct fetch_job *job, const struct fetch_plan *plan, struct pb_error *err)
{
    uint64_t room, staged = 0;
    int rc = workspace_room(job->workspace, &room, err);
    if (rc == PB_OK)
        rc = workspace_staged(job->workspace, &staged, err);
    if (rc < 0)
        return rc;
    /* Pieces of other plans are worth keeping, as a rollback may bring them back; but a server that names new
     * ones each time does not fill the disk with old ones. */
    uint64_t most = plan->download > 0 ? STAGED_PLANS * plan->download : STAGED_UNKNOWN;
    if (staged > most) {
        if ((rc = workspace_prune(job->workspace, plan, err)) < 0 ||
            (rc = workspace_staged(job->workspace, &staged, err)) < 0)
            return rc;
    }
    uint64_t needed = plan->unpacked + (staged < plan->download ? plan->download - staged : 0);
    if (room < needed)
        return error_set(err, PB_NO_SPACE, "the disk is full: %llu bytes are needed for %s, %llu are free",
                         (unsigned long long)needed, job->title, (unsigned long long)room);
    return PB_OK;
}

/* Words of a server's are cut to fit, and have nothing in them that drives a terminal. */
static void text_set(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text != NULL ? text : "");
    text_clean(out);
}

static void notice_tell(const struct fetch_job *job, const char *words, const char *text)
{
    char line[PB_ERROR_TEXT_MAX + 64];
    snprintf(line, sizeof line, "%s%s", words, text);
    text_clean(line);
    if (job->options->notice != NULL)
        job->options->notice(job->options->arg, job->result->title, line);
}

static int plan_download(struct fetch_job *job, struct fetch_plan *plan, struct pb_error *err)
{
    struct piece_arg arg = {job, plan};
    struct download download = {
        .net = job->net, .staging = job->workspace->staging, .accept = on_piece, .accept_arg = &arg};
    struct download_report report = {0};
    int rc = install_check(job->workspace, plan, err);
    if (rc < 0)
        job->final = true; /* the user's folder stands in the way, whoever the source is */
    if (rc == PB_OK)
        rc = room_check(job, plan, err);
    if (rc == PB_OK)
        rc = download_pieces(&download, plan, &report, err);
    if (report.blamed[0] != '\0')
        notice_tell(job, "no longer asked, for its wrong bytes: ", report.blamed);
    if (report.downloaded > 0 && rc != PB_DAMAGED) /* progress; wrong bytes are none */
        job->rounds = 0;
    job->endless = report.endless;
    job->result->downloaded += report.downloaded;
    job->result->bytes += report.bytes;
    /* The first look into staging tells what an earlier run left; later ones would count our own pieces. */
    if (job->result->pieces == 0)
        job->result->present = report.present;
    job->result->pieces = (unsigned)plan->piece_count;
    return rc;
}

static const char *const action_names[FETCH_ACTIONS] = {
    [FETCH_KEEP] = "keep",   [FETCH_PLACE] = "place",   [FETCH_MOVE] = "move",     [FETCH_LINK] = "link",
    [FETCH_ATTIC] = "attic", [FETCH_REMOVE] = "remove", [FETCH_FOLDER] = "folder", [FETCH_PRUNE] = "prune",
};

/* A player's own file may be called anything. */
static void change_show(const struct pb_fetch_options *o, const char *action, const char *path,
                        const char *from, uint64_t bytes)
{
    char shown[PATH_RELATIVE_MAX + 1], shown_from[PATH_RELATIVE_MAX + 1];
    text_set(shown, sizeof shown, path);
    text_set(shown_from, sizeof shown_from, from);
    struct pb_fetch_change change = {action, shown, from != NULL ? shown_from : NULL, bytes};
    o->change(o->arg, &change);
}

static void changes_show(const struct fetch_job *job, const struct fetch_plan *plan)
{
    const struct pb_fetch_options *o = job->options;
    if (o->change == NULL)
        return;
    for (size_t i = 0; o->dry_run && i < plan->piece_count; i++) {
        struct fetch_piece p;
        struct pb_error ignored;
        _cleanup_arena_ struct arena scratch;
        arena_init(&scratch, 0);
        if (fetch_piece_get(plan, i, &scratch, &p, &ignored) == PB_OK)
            change_show(o, "download", p.name, NULL, p.size != FETCH_SIZE_UNKNOWN ? p.size : 0);
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct fetch_step *s = &plan->steps[i];
        if (!s->generated)
            change_show(o, action_names[s->action], s->path,
                        s->action == FETCH_LINK   ? s->target
                        : s->action == FETCH_MOVE ? s->from
                                                  : NULL,
                        s->size > 0 ? s->size : s->seen.size);
    }
}

/* Tells what is going to be done. */
static void plan_show(const struct fetch_job *job, const struct fetch_plan *plan, bool done)
{
    struct pb_fetch_result r;
    if (job->options->plan == NULL)
        return;
    text_set(r.source, sizeof r.source, plan->source);
    text_set(r.version, sizeof r.version, plan->version);
    struct pb_fetch_plan shown = {.title = job->result->title,
                                  .version = r.version,
                                  .source = r.source,
                                  .unchanged = done,
                                  .pieces = (unsigned)plan->piece_count,
                                  .bytes = plan->download,
                                  .kept = (unsigned)fetch_plan_count(plan, FETCH_KEEP),
                                  .placed = (unsigned)fetch_plan_count(plan, FETCH_PLACE),
                                  .moved = (unsigned)fetch_plan_count(plan, FETCH_MOVE),
                                  .linked = (unsigned)fetch_plan_count(plan, FETCH_LINK),
                                  .removed = (unsigned)fetch_plan_count(plan, FETCH_REMOVE),
                                  .attic = (unsigned)fetch_plan_count(plan, FETCH_ATTIC)};
    job->options->plan(job->options->arg, &shown);
}

static void result_fill(struct fetch_job *job, const struct fetch_plan *plan, bool unchanged)
{
    struct pb_fetch_result *r = job->result;
    text_set(r->source, sizeof r->source, plan->source);
    text_set(r->version, sizeof r->version, plan->version);
    text_set(r->note, sizeof r->note, plan->note);
    text_set(r->advice, sizeof r->advice, plan->advice);
    r->unchanged = unchanged;
    r->titles = 1;
    r->pieces = (unsigned)plan->piece_count;
    r->kept = (unsigned)(plan->kept + fetch_plan_count(plan, FETCH_KEEP));
    r->placed = (unsigned)fetch_plan_count(plan, FETCH_PLACE);
    r->moved = (unsigned)fetch_plan_count(plan, FETCH_MOVE);
    r->linked = (unsigned)fetch_plan_count(plan, FETCH_LINK);
    r->removed = (unsigned)fetch_plan_count(plan, FETCH_REMOVE);
    r->attic = (unsigned)fetch_plan_count(plan, FETCH_ATTIC);
    changes_show(job, plan);
    if (!plan->one_file)
        return;
    const struct fetch_step *f = &plan->steps[0];
    text_set(r->file, sizeof r->file, f->path);
    hex_encode(f->md5.bytes, sizeof f->md5.bytes, r->md5);
    r->file_bytes = f->size;
    r->crc32 = f->crc32;
}

/* Have two plans the same pieces? */
static bool same_pieces(const struct fetch_plan *a, const struct fetch_plan *b)
{
    struct fetch_piece x, y;
    struct pb_error ignored;
    _cleanup_arena_ struct arena scratch;
    arena_init(&scratch, 0);
    bool same = a->piece_count == b->piece_count;
    for (size_t i = 0; same && i < a->piece_count; i++) {
        arena_clear(&scratch);
        same = fetch_piece_get(a, i, &scratch, &x, &ignored) == PB_OK &&
               fetch_piece_get(b, i, &scratch, &y, &ignored) == PB_OK && strcmp(x.staged, y.staged) == 0;
    }
    return same;
}

/* The pieces are the files: sets their sizes. */
static int pieces_are_files(const struct fetch_job *job, struct fetch_plan *plan, struct pb_error *err)
{
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < plan->step_count; i++) {
        struct fetch_step *s = &plan->steps[i];
        char hex[MD5_HEX + 1];
        _cleanup_fd_ int fd = -1;
        if (s->action == FETCH_PLACE)
            rc =
                beneath_own(job->workspace->staging, fetch_step_staged(s, hex), O_RDONLY, &fd, &s->size, err);
    }
    return rc;
}

static int plan_assemble(struct fetch_job *job, struct fetch_plan *plan, struct pb_error *err)
{
    const struct dialect_fetch *d = job->dialect;
    int rc = d->assemble != NULL ? d->assemble(&job->request, plan, job->progress, job->arg, err)
                                 : pieces_are_files(job, plan, err);
    if (rc < 0)
        job->rounds = ROUNDS_CHANGING; /* the same pieces would come to the same */
    return rc;
}

/* A dry run: looks whether the plan could be carried out, and tells it. */
static int plan_tell(struct fetch_job *job, struct fetch_plan *plan, bool done, struct pb_error *err)
{
    job->final = true;
    int rc = install_check(job->workspace, plan, err);
    if (rc == PB_OK)
        result_fill(job, plan, done);
    return rc;
}

/* A stage in which nothing is counted has begun. */
static int stage_tell(struct fetch_job *job, const char *stage, struct pb_error *err)
{
    struct pb_progress p = {stage, 0, 0, NULL};
    return net_progress(job->net, &p, err);
}

/* One plan, carried out. */
static int plan_run(struct fetch_job *job, struct fetch_plan *plan, struct pb_error *err)
{
    bool done = fetch_plan_nothing_to_do(plan);
    plan_show(job, plan, done);
    if (job->options->dry_run)
        return plan_tell(job, plan, done, err);
    int rc = done ? PB_OK : plan_download(job, plan, err);
    if (rc == PB_OK && !done)
        rc = plan_assemble(job, plan, err);
    if (rc == PB_OK && !done)
        rc = stage_tell(job, "installing", err);
    if (rc < 0)
        return rc;
    /* From here on it is no source's fault: another would end in the same way. */
    job->final = true;
    if (!plan->up_to_date)
        rc = file_records_load(job->request.files, err);
    if (rc == PB_OK && !plan->up_to_date)
        rc = install_commit(job->workspace, plan, err);
    if (rc == PB_OK)
        result_fill(job, plan, done);
    return rc;
}

/* Is another try with this plan worth while? After a moment's pause, where it is the plan of the try before.
 */
static int plan_again(struct fetch_job *job, const struct fetch_plan *before, const struct fetch_plan *plan,
                      bool *again, struct pb_error *err)
{
    bool same = before->piece_count > 0 && same_pieces(before, plan);
    if (!same)
        job->rounds = 0;
    job->changing |= !same && before->piece_count > 0;
    *again = job->rounds++ < (job->changing ? ROUNDS_CHANGING : NET_ATTEMPTS);
    return same && *again ? net_pause(job->net, NET_RETRY_MS, err) : PB_OK;
}

/*
 * One source. Where a piece is missing or wrong, the server's content may have changed since it was planned
 * (a publish, a rollback), so the plan is made anew each time. A changed plan starts afresh, and so does one
 * that has brought pieces; the same one without any success is tried NET_ATTEMPTS times in all. A body
 * without an end is final: it would take as long again.
 */
static int source_fetch(struct fetch_job *job, const char *source, struct pb_error *err)
{
    struct fetch_plan before = {0};
    int rc = PB_OK;
    for (int i = 0; i < PLANS_PER_SOURCE; i++) {
        struct fetch_plan plan = {.title = job->title, .source = source, .before = job->request.files};
        struct pb_error planning;
        bool again = false;
        arena_init(&plan.arena, FETCH_PLAN_CEILING);
        int planned = stage_tell(job, "checking", &planning);
        if (planned == PB_OK)
            planned = job->dialect->plan(&job->request, &job->documents, source, &plan, &planning);
        if (planned == PB_OK)
            planned = plan_again(job, &before, &plan, &again, &planning);
        if (planned < 0 && (i == 0 || planned == PB_CANCELLED)) {
            *err = planning;
            rc = planned;
        }
        again = again && planned == PB_OK;
        if (again)
            rc = plan_run(job, &plan, err);
        if (job->dialect->plan_end != NULL)
            job->dialect->plan_end(&plan);
        arena_free(&before.arena);
        before = plan;
        if (!again || job->final || job->endless || (rc != PB_DAMAGED && rc != PB_NOT_FOUND))
            break;
    }
    arena_free(&before.arena);
    return rc;
}

/* Adds what a source said to what the others said. NULL: the text says of which source it is. */
static void fault_note(struct fetch_job *job, const char *source, const struct pb_error *err)
{
    struct pb_error *all = &job->faults;
    size_t used = strlen(all->text);
    if (fault_rank(err->status) > fault_rank(all->status))
        all->status = err->status;
    snprintf(all->text + used, sizeof all->text - used, "%s%s%s%s", used > 0 ? "; " : "",
             source != NULL ? source : "", source != NULL ? ": " : "", err->text);
}

/* A server's list of further servers may well have the server itself. Remembers the source. */
static bool tried_before(struct fetch_job *job, const char *source)
{
    for (size_t i = 0; i < job->tried_count; i++) {
        if (strcmp(job->tried[i], source) == 0)
            return true;
    }
    if (job->tried_count < FETCH_ROUNDS * FETCH_SOURCES_MAX)
        job->tried[job->tried_count++] = source;
    return false;
}

/* For a dialect that names no sources. Paths are put behind them, so they end without a slash. */
static int sources_default(const struct fetch_request *q, struct arena *a, struct fetch_sources *out,
                           struct pb_error *err)
{
    *out = (struct fetch_sources){arena_zero(a, FETCH_SOURCES_MAX * sizeof *out->list), 1};
    if (out->list == NULL)
        return error_memory(err);
    out->list[0] = q->base;
    for (size_t i = 0; i < q->mirror_count && out->n < FETCH_SOURCES_MAX; i++) {
        size_t n = strlen(q->mirrors[i]);
        while (n > 0 && q->mirrors[i][n - 1] == '/')
            n--;
        if ((out->list[out->n++] = arena_copy(a, q->mirrors[i], n)) == NULL)
            return error_memory(err);
    }
    return PB_OK;
}

static int sources_ask(struct fetch_job *job, unsigned round, struct fetch_sources *out, struct pb_error *err)
{
    if (job->dialect->sources != NULL)
        return job->dialect->sources(&job->request, &job->documents, round, &job->arena, out, err);
    *out = (struct fetch_sources){0};
    return round == 0 ? sources_default(&job->request, &job->arena, out, err) : PB_OK;
}

static int sources_try(struct fetch_job *job, struct pb_error *err)
{
    for (unsigned round = 0; round < FETCH_ROUNDS; round++) {
        struct fetch_sources sources;
        job->request.unreached = job->faults.status == PB_NETWORK;
        struct pb_error fault = {0};
        int rc = sources_ask(job, round, &sources, &fault);
        if (rc < 0 && round == 0) {
            *err = fault;
            return rc;
        }
        if (rc == PB_CANCELLED || rc == PB_NO_MEMORY) {
            *err = fault;
            return rc;
        }
        if (rc < 0)
            fault_note(job, NULL, &fault);
        for (size_t i = 0; rc == PB_OK && i < sources.n; i++) {
            if (tried_before(job, sources.list[i]))
                continue;
            /* Those that were named may help each other; master servers each take what comes to them. */
            job->request.sources = sources.list + i;
            job->request.source_count = round == 0 ? sources.n - i : 1;
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

int fetch_job_run(struct fetch_job *job, struct pb_error *err)
{
    arena_init(&job->arena, 0);
    int rc = sources_try(job, err);
    if (rc == PB_OK && job->faults.status < 0)
        notice_tell(job, "", job->faults.text);
    arena_free(&job->arena);
    return rc;
}
