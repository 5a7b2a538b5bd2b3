/* Downloading: wants, slots and sources. */
#include "fetch/download.h"

#include "base/clock.h"
#include "base/file.h"
#include "fetch/part.h"
#include "fetch/sources.h"
#include "fetch/staged.h"

#include <stdio.h>
#include <unistd.h>

enum {
    TURN_MS = 100,
    MANY = 64, /* pieces, of unknown and so mostly small sizes, are worth more connections */
    CONNECTIONS_MANY = 8,
    CONNECTIONS_FEW = 4,
    CONNECTIONS_MAX = 64,
    SMALL = 64 * 1024,  /* bytes of a piece that is worth having in flight with many others */
    LARGE_DEPTH = 2,    /* others on a connection: so that it does not wait for the next request */
    FALLBACKS_MAX = 31, /* of a piece */
    LOOK_AHEAD = 8,     /* pieces that are looked at for one whose source is not busy */
};

enum want_state { WANT_WAITING, WANT_RUNNING, WANT_DONE };

/* What becomes of a piece of the plan. Small, as there may be hundreds of thousands. */
struct want {
    uint64_t missing;    /* bit i: its source i has not got it */
    uint32_t not_before; /* when to try again; ms since the download began */
    uint8_t attempts;    /* since it last got on */
    uint8_t lies;        /* wrong bytes from sources that prove theirs */
    uint8_t at;          /* the only one of its sources that is to be asked next, from 1; 0: any */
    uint8_t state : 2;   /* enum want_state */
    uint8_t alone : 1;
    uint8_t fallback : 5; /* so many down the chain of the piece's */
};

/* A piece under way. */
struct slot {
    struct errand errand; /* the first member: events name a slot by it */
    struct downloading *all;
    struct want *want; /* NULL: the slot is free */
    struct fetch_piece piece;
    struct arena scratch; /* of its strings */
    struct source *source;
    unsigned url; /* which of the piece's */
    struct part part;
    bool whole;       /* all has arrived, and is what was promised: only the dialect can find it wrong */
    bool endless;     /* its size is not known, and more has arrived than makes sense */
    uint64_t counted; /* its bytes in bytes_running */
};

struct downloading {
    const struct download *d;
    const struct fetch_plan *plan;
    struct download_report *report;
    struct want *wants;
    struct slot *slots;
    unsigned slot_count, connections;
    uint64_t began;        /* monotonic ms */
    struct writer *writer; /* NULL: pieces are written at once */
    bool anything;         /* staging has something from before */
    struct sources sources;
    size_t done, next;      /* `next`: the first that may be waiting */
    uint64_t bytes_done;    /* of pieces that are whole */
    uint64_t bytes_running; /* of pieces under way */
    uint64_t hold;          /* nothing is asked for before: the only server wants to be left alone; ms */
    int status;             /* what ends everything; its text: */
    struct pb_error *err;
};

/* ---- a piece and its sources ---- */

static uint32_t now_ms(const struct downloading *all)
{
    return (uint32_t)(clock_monotonic_ms() - all->began);
}

static int slot_piece(struct slot *slot, const struct want *w, struct pb_error *err)
{
    size_t index = (size_t)(w - slot->all->wants);
    arena_clear(&slot->scratch);
    int rc = fetch_piece_get(slot->all->plan, index, &slot->scratch, &slot->piece, err);
    for (unsigned i = 0; rc == PB_OK && i < w->fallback; i++)
        slot->piece = *slot->piece.fallback;
    slot->piece.index = index;
    return rc;
}

static unsigned url_count(const struct fetch_piece *p)
{
    return 1 + (unsigned)(p->mirror_count < SOURCES_MAX ? p->mirror_count : SOURCES_MAX - 1);
}

static const char *url_of(const struct fetch_piece *p, unsigned i)
{
    return i == 0 ? p->url : p->mirrors[i - 1];
}

/* The best source that is left for the slot's piece. *out is NULL when none is. Returns how many are left. */
static int source_choose(struct slot *slot, const struct want *w, unsigned *url, struct source **out)
{
    int left = 0;
    struct downloading *all = slot->all;
    *out = NULL;
    for (unsigned i = 0; i < url_count(&slot->piece); i++) {
        struct source *s;
        int rc = source_of(&all->sources, url_of(&slot->piece, i), &s, all->err);
        if (rc < 0)
            return rc;
        if (s->dropped || w->missing >> i & 1 || (w->at != 0 && w->at != i + 1))
            continue;
        left++;
        if (*out == NULL || source_is_better(s, *out)) {
            *out = s;
            *url = i;
        }
    }
    return left;
}

/* Has the source enough to do? */
static bool source_is_busy(const struct downloading *all, const struct source *s, const struct fetch_piece *p)
{
    bool small = p->size <= SMALL || p->size == FETCH_SIZE_UNKNOWN;
    unsigned depth = s->kind->depth > 0 ? s->kind->depth : 1;
    unsigned most = small || depth < LARGE_DEPTH ? depth : LARGE_DEPTH;
    return s->running >= all->connections * most;
}

/* Is there a source for the piece besides this one? */
static bool others_left(struct downloading *all, const struct slot *slot)
{
    for (unsigned i = 0; i < url_count(&slot->piece); i++) {
        struct source *s;
        if (i != slot->url && !(slot->want->missing >> i & 1) &&
            source_of(&all->sources, url_of(&slot->piece, i), &s, all->err) == PB_OK && !s->dropped &&
            s != slot->source)
            return true;
    }
    return false;
}

static void source_blame(struct downloading *all, struct slot *slot, const struct pb_error *why)
{
    char *blamed = all->report->blamed;
    size_t used = strlen(blamed);
    slot->source->dropped = true;
    snprintf(blamed + used, BLAME_MAX - used, "%s%s: %s", used > 0 ? "; " : "", slot->source->name,
             why->text);
}

/* ---- whole pieces ---- */

/* Shows a whole piece to the dialect. One whose bytes only the dialect can judge is removed when they are
 * wrong. */
static int piece_accept(struct downloading *all, const struct fetch_piece *p, uint64_t size,
                        struct pb_error *err)
{
    const struct download *d = all->d;
    struct fetch_piece whole = *p;
    whole.size = size;
    int rc = d->accept != NULL ? d->accept(d->accept_arg, &whole, err) : PB_OK;
    if (rc == PB_DAMAGED && !p->verified)
        unlinkat(d->staging, p->staged, 0);
    return rc;
}

static int piece_keep(struct downloading *all, struct slot *slot, unsigned *counter, struct pb_error *err)
{
    const struct fetch_piece *p = &slot->piece;
    uint64_t size = slot->part.size;
    int rc = part_keep(&slot->part, p, p->verified ? all->writer : NULL, err);
    if (rc == PB_OK)
        rc = piece_accept(all, p, size, err);
    if (rc < 0)
        return rc;
    slot->want->state = WANT_DONE;
    all->done++;
    all->bytes_done += size;
    ++*counter;
    return PB_OK;
}

/* ---- slots ---- */

static void slot_uncount(struct slot *slot)
{
    slot->all->bytes_running -= slot->counted;
    slot->counted = 0;
}

static void slot_count(struct slot *slot, uint64_t n)
{
    slot->all->bytes_running += n;
    slot->counted += n;
}

/* Frees the slot. A piece that is not done waits, for `wait_ms` at least. */
static void slot_leave(struct slot *slot, uint64_t wait_ms)
{
    struct want *w = slot->want;
    size_t index = (size_t)(w - slot->all->wants);
    slot_uncount(slot);
    part_close(&slot->part, &slot->piece);
    slot->want = NULL;
    if (w->state == WANT_DONE)
        return;
    slot->all->anything = true; /* perhaps a part of it */
    w->state = WANT_WAITING;
    w->not_before = wait_ms > 0 ? now_ms(slot->all) + (uint32_t)wait_ms : 0;
    if (index < slot->all->next)
        slot->all->next = index;
}

static void slot_failed(struct slot *slot, int rc, struct pb_error *err);

/* Asks the source for what is not in NAME.part yet. */
static int slot_ask(struct slot *slot, struct pb_error *err)
{
    struct downloading *all = slot->all;
    const struct fetch_piece *p = &slot->piece;
    int rc = part_open(&slot->part, all->d->staging, p, all->anything, slot->source->kind->step, err);
    if (rc < 0)
        return rc;
    if (slot->want->attempts++ == 0 && part_is_whole(&slot->part, p)) {
        unsigned *counter = p->size == 0 ? &all->report->downloaded : &all->report->present;
        rc = piece_keep(all, slot, counter, err);
        if (rc == PB_OK)
            slot_leave(slot, 0);
        return rc;
    }
    if (slot->part.size == piece_most(p) && (rc = part_restart(&slot->part, p, err)) < 0)
        return rc;
    slot_count(slot, slot->part.size);
    slot->errand = (struct errand){
        .url = url_of(p, slot->url), .from = slot->part.size, .to = p->size, .alone = slot->want->alone};
    rc = slot->source->kind->start(slot->source->carrier, &slot->errand, err);
    slot->source->running += rc == PB_OK;
    return rc;
}

/* Begins with a piece. False: its source has enough to do, and the slot stays free. */
static bool slot_take(struct downloading *all, struct slot *slot, struct want *w)
{
    struct pb_error err;
    int rc = slot_piece(slot, w, all->err);
    int left = rc == PB_OK ? source_choose(slot, w, &slot->url, &slot->source) : rc;
    if (left == 0 && w->at != 0) { /* dropped meanwhile, for another piece */
        w->at = 0;
        left = source_choose(slot, w, &slot->url, &slot->source);
    }
    if (left <= 0) { /* what failed last said so, unless the plan is at fault */
        all->status =
            left < 0 ? left : error_set(all->err, PB_NOT_FOUND, "%s: no source is left", slot->piece.name);
        return true;
    }
    if (source_is_busy(all, slot->source, &slot->piece))
        return false;
    slot->want = w;
    slot->whole = slot->endless = false;
    w->state = WANT_RUNNING;
    rc = slot_ask(slot, &err);
    if (rc < 0)
        slot_failed(slot, rc, &err);
    return true;
}

/* ---- what becomes of an errand ---- */

static int on_bytes(struct errand *e, uint64_t at, const char *bytes, size_t n, struct pb_error *err)
{
    struct slot *slot = (struct slot *)e;
    const struct fetch_piece *p = &slot->piece;
    int rc = PB_OK;
    if (at != slot->part.size) { /* the server does not continue */
        slot_uncount(slot);
        rc = at == 0 ? part_restart(&slot->part, p, err)
                     : error_set(err, PB_DAMAGED, "the server sends another part than was asked for");
    }
    if (rc == PB_OK)
        rc = part_add(&slot->part, p, bytes, n, err);
    slot->endless = rc == PB_DAMAGED && p->size == FETCH_SIZE_UNKNOWN;
    if (rc < 0)
        return rc;
    slot_count(slot, n);
    if (slot->source->kind->proven)
        slot->want->attempts = 1;
    return PB_OK;
}

/* The piece's fallback is wanted in its place. False: there is none, or it would not help. */
static bool want_fallback(struct slot *slot, int rc)
{
    bool useless = rc == PB_NOT_FOUND || (rc == PB_DAMAGED && !slot->piece.verified);
    if (!useless || slot->endless || slot->piece.fallback == NULL || slot->want->fallback == FALLBACKS_MAX)
        return false;
    *slot->want =
        (struct want){.fallback = (slot->want->fallback + 1) & FALLBACKS_MAX, .state = slot->want->state};
    return true;
}

/* The network has failed. */
static bool slot_again_later(struct slot *slot, bool others, uint64_t *wait_ms)
{
    unsigned most = net_attempts(slot->all->d->net) * url_count(&slot->piece);
    uint32_t asked = slot->errand.wait_ms;
    slot->source->faults++;
    *wait_ms = others ? 0 : asked > NET_RETRY_MS ? asked : NET_RETRY_MS;
    if (!others && asked > 0 && asked != NET_NEVER)
        slot->all->hold = clock_monotonic_ms() + asked;
    return (others || asked != NET_NEVER) && slot->want->attempts < (most < UINT8_MAX ? most : UINT8_MAX);
}

/* Wrong bytes: may the same source bring the right ones? */
static bool source_again(struct slot *slot, uint64_t *wait_ms)
{
    struct want *w = slot->want;
    bool proven = slot->source->kind->proven && !slot->whole;
    if (slot->endless) /* it would bring as many again */
        return false;
    /* Perhaps the answers to several requests were mixed up on the way. */
    if (slot->source->kind->depth > 1 && !w->alone && !slot->whole) {
        w->alone = true;
        w->at = (uint8_t)(slot->url + 1); /* so that it shows whether the source is to blame */
        return true;
    }
    if (proven && ++w->lies < NET_ATTEMPTS) {
        *wait_ms = NET_RETRY_MS;
        return true;
    }
    /* What a continued download began with may have been another release's: from the start, then. */
    return !proven && slot->errand.from > 0 && w->attempts < NET_ATTEMPTS;
}

/* May the piece be tried again? Then *wait_ms says when. */
static bool slot_again(struct slot *slot, int rc, uint64_t *wait_ms, const struct pb_error *err)
{
    struct want *w = slot->want;
    bool others = others_left(slot->all, slot);
    *wait_ms = 0;
    w->at = 0;
    if (rc == PB_NETWORK)
        return slot_again_later(slot, others, wait_ms);
    if (rc == PB_DAMAGED && source_again(slot, wait_ms))
        return true;
    if (rc == PB_NOT_FOUND)
        w->missing |= 1ull << slot->url;
    else if (rc == PB_DAMAGED && others)
        source_blame(slot->all, slot, err);
    return others && (rc == PB_NOT_FOUND || rc == PB_DAMAGED);
}

/* Ends everything. */
static void give_up(const struct slot *slot, int rc, const struct pb_error *err)
{
    struct downloading *all = slot->all;
    if (all->status < 0)
        return;
    *all->err = *err;
    all->report->endless = slot->endless;
    if (rc == PB_NETWORK)
        error_context(all->err, "%d attempts", slot->want->attempts);
    if (rc != PB_DENIED && rc != PB_CANCELLED) /* which are true of all pieces */
        error_context(all->err, "%s", slot->piece.name);
    all->status = rc;
}

static void slot_failed(struct slot *slot, int rc, struct pb_error *err)
{
    uint64_t wait_ms = 0;
    bool again = slot_again(slot, rc, &wait_ms, err) || want_fallback(slot, rc);
    if (!again)
        give_up(slot, rc, err);
    slot_leave(slot, wait_ms);
}

/* The errand's bytes are all there: is the piece right? A part that can't be right is emptied. */
static int slot_check(struct slot *slot, int rc, struct pb_error *err)
{
    const struct fetch_piece *p = &slot->piece;
    struct pb_error fault = {0};
    if (rc == PB_OK)
        rc = part_check(&slot->part, p, err);
    else if (rc == PB_NOT_FOUND && slot->errand.from > 0) /* a range that the server finds impossible */
        rc = part_restart(&slot->part, p, &fault) < 0
                 ? fault.status
                 : error_set(err, PB_NETWORK, "the server refuses to continue a download");
    else if (rc == PB_DAMAGED && !slot->source->kind->proven)
        rc = part_restart(&slot->part, p, &fault) < 0 ? fault.status : rc;
    if (fault.status < 0)
        *err = fault;
    return rc;
}

static void on_end(struct errand *e, int rc, const struct pb_error *why)
{
    struct slot *slot = (struct slot *)e;
    struct downloading *all = slot->all;
    struct pb_error err = *why;
    slot->source->running--;
    all->report->bytes += e->received;
    rc = slot_check(slot, rc, &err);
    slot->whole = rc == PB_OK;
    if (rc == PB_OK)
        rc = piece_keep(all, slot, &all->report->downloaded, &err);
    if (rc < 0) {
        slot_failed(slot, rc, &err);
        return;
    }
    slot->source->faults = 0;
    slot_leave(slot, 0);
}

static const struct carrier_events events = {on_bytes, on_end};

/* ---- all of them ---- */

static int progress_report(struct downloading *all)
{
    struct pb_progress p = {"downloading", all->bytes_done + all->bytes_running, all->plan->download, NULL};
    if (all->plan->download == 0) /* sizes are not known */
        p = (struct pb_progress){"downloading", all->done, all->plan->piece_count, "files"};
    return net_progress(all->d->net, &p, all->err);
}

static bool want_is_due(const struct want *w, uint32_t now)
{
    return w->state == WANT_WAITING && w->not_before <= now;
}

static struct slot *slot_free(struct downloading *all)
{
    for (unsigned i = 0; i < all->slot_count; i++) {
        if (all->slots[i].want == NULL)
            return &all->slots[i];
    }
    return NULL;
}

/* Gives free slots to pieces that may be tried now. */
static void slots_fill(struct downloading *all)
{
    uint32_t now = now_ms(all);
    unsigned busy = 0;
    bool skipped = false;
    struct slot *slot = clock_monotonic_ms() < all->hold ? NULL : slot_free(all);
    for (size_t at = all->next; slot != NULL && busy < LOOK_AHEAD && at < all->plan->piece_count; at++) {
        struct want *w = &all->wants[at];
        if (want_is_due(w, now)) {
            busy += !slot_take(all, slot, w);
            slot = slot_free(all);
        }
        if (all->status < 0)
            return;
        skipped |= w->state == WANT_WAITING;
        if (!skipped)
            all->next = at + 1;
    }
}

static int wants_run(struct downloading *all)
{
    int rc = PB_OK;
    while (rc == PB_OK && all->done < all->plan->piece_count) {
        slots_fill(all);
        rc = all->status < 0 ? all->status : progress_report(all);
        if (rc == PB_OK)
            rc = net_throttle(all->d->net, all->err);
        if (rc == PB_OK && all->done < all->plan->piece_count)
            rc = sources_turn(&all->sources, TURN_MS, all->err);
        if (rc == PB_OK)
            rc = all->status;
    }
    return rc == PB_OK ? progress_report(all) : rc;
}

/* Is the piece in staging already? */
static int want_find(struct downloading *all, size_t i, struct fetch_piece *p)
{
    uint64_t size;
    int rc = piece_present(all->d->staging, p, &size, all->err);
    if (rc <= 0)
        return rc;
    p->index = i;
    rc = piece_accept(all, p, size, all->err);
    if (rc == PB_DAMAGED && !p->verified)
        return PB_OK;
    if (rc < 0)
        return rc;
    all->wants[i].state = WANT_DONE;
    all->done++;
    all->bytes_done += p->size != FETCH_SIZE_UNKNOWN ? p->size : 0;
    all->report->present++;
    return PB_OK;
}

static int anything_note(void *arg, int folder, const char *name, struct pb_error *err)
{
    (void)folder, (void)name, (void)err;
    *(bool *)arg = true;
    return PB_OK;
}

/* Finds what staging has already. */
static int wants_find(struct downloading *all)
{
    struct fetch_piece p;
    _cleanup_arena_ struct arena scratch;
    arena_init(&scratch, 0);
    int rc = folder_each(all->d->staging, ".", anything_note, &all->anything, all->err);
    for (size_t i = 0; rc == PB_OK && all->anything && i < all->plan->piece_count; i++) {
        arena_clear(&scratch);
        rc = fetch_piece_get(all->plan, i, &scratch, &p, all->err);
        if (rc == PB_OK)
            rc = want_find(all, i, &p);
    }
    return rc;
}

/* Stops what is under way. Where a source sent wrong bytes for one piece, half of another is suspect, too. */
static void slots_stop(struct downloading *all, int rc)
{
    bool suspect = rc == PB_DAMAGED || rc == PB_NOT_FOUND;
    struct pb_error ignored;
    for (unsigned i = 0; i < all->slot_count; i++) {
        struct slot *slot = &all->slots[i];
        if (slot->want == NULL)
            continue;
        slot->source->kind->cancel(slot->source->carrier, &slot->errand);
        all->report->bytes += slot->errand.received;
        if (suspect && !slot->source->kind->proven)
            suspect = part_restart(&slot->part, &slot->piece, &ignored) == PB_OK; /* else its digest tells */
        part_close(&slot->part, &slot->piece);
    }
}

static unsigned connections_for(const struct download *d, const struct fetch_plan *plan)
{
    unsigned wanted = net_connections(d->net);
    if (wanted == 0)
        wanted = plan->piece_count > MANY && plan->download == 0 ? CONNECTIONS_MANY : CONNECTIONS_FEW;
    return wanted < CONNECTIONS_MAX ? wanted : CONNECTIONS_MAX;
}

static unsigned depth_most(const struct carrier_kind *const *kinds)
{
    unsigned most = 1;
    for (size_t i = 0; kinds[i] != NULL; i++)
        most = kinds[i]->depth > most ? kinds[i]->depth : most;
    return most;
}

static int downloading_start(struct downloading *all, struct pb_error *err)
{
    all->wants = calloc(all->plan->piece_count + 1, sizeof *all->wants);
    all->slots = calloc(all->slot_count, sizeof *all->slots);
    if (all->wants == NULL || all->slots == NULL)
        return error_memory(err);
    for (unsigned i = 0; i < all->slot_count; i++) {
        all->slots[i] = (struct slot){.all = all, .part = PART_NONE};
        arena_init(&all->slots[i].scratch, 0);
    }
    return PB_OK;
}

static void downloading_end(struct downloading *all)
{
    for (unsigned i = 0; all->slots != NULL && i < all->slot_count; i++) {
        part_free(&all->slots[i].part);
        arena_free(&all->slots[i].scratch);
    }
    free(all->slots);
    free(all->wants);
}

int download_pieces(const struct download *d, const struct fetch_plan *plan, struct download_report *report,
                    struct pb_error *err)
{
    const struct carrier_kind *const *kinds = d->carriers != NULL ? d->carriers : all_carriers;
    unsigned connections = connections_for(d, plan);
    struct downloading all = {.d = d,
                              .plan = plan,
                              .report = report,
                              .connections = connections,
                              .slot_count = connections * depth_most(kinds),
                              .began = clock_monotonic_ms(),
                              .err = err};
    all.sources = (struct sources){.net = d->net, .kinds = kinds, .events = &events, .most = connections};
    int rc = downloading_start(&all, err);
    if (rc == PB_OK)
        rc = wants_find(&all);
    if (rc == PB_OK && plan->unread)
        rc = writer_open(d->staging, &all.writer, err);
    if (rc == PB_OK)
        rc = wants_run(&all);
    if (all.slots != NULL)
        slots_stop(&all, rc);
    struct pb_error unwritten;
    int written = writer_close(all.writer, &unwritten);
    if (rc == PB_OK && written < 0) {
        *err = unwritten;
        rc = written;
    }
    sources_close(&all.sources);
    downloading_end(&all);
    return rc;
}
