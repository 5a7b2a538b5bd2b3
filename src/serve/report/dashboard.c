/* Making events. */
#include "serve/report/dashboard.h"

#include "base/clock.h"
#include "patchbay/version.h"
#include "serve/live/history.h"
#include "serve/live/notes.h"

#include <jansson.h>

enum { TITLES_SHOWN = 40, RELEASES_SHOWN = 20 };

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

/* Names and notes may be anything; what is no UTF-8 is shown with '?' for each byte that is not ASCII. */
static json_t *text_json(const char *text)
{
    json_t *o = json_string(text);
    if (o != NULL)
        return o;
    _cleanup_free_ char *plain = strdup(text);
    for (char *c = plain; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    return json_string(plain != NULL ? plain : "");
}

static const char *dialect_of(const struct snapshot *snapshot, size_t i)
{
    const struct dialect *const *all = snapshot->settings->dialects;
    size_t n = 0;
    while (all[n] != NULL)
        n++;
    return i < n ? all[i]->name : i == COUNTS_DIALECTS - 1 ? "none" : NULL;
}

static json_t *caps_json(const struct day_use *day, uint64_t soft, uint64_t hard)
{
    static const char *const states[] = {"none", "soft", "hard"};
    return json_pack("{s:I, s:I, s:I, s:s}", "today", (json_int_t)count_read(&day->today), "soft",
                     (json_int_t)soft, "hard", (json_int_t)hard, "cap",
                     states[__atomic_load_n(&day->state, __ATOMIC_RELAXED)]);
}

/* ---- the history ---- */

struct column {
    json_t *list;
    json_int_t zeros; /* at its end, that are not in the list yet */
};

/* Most of an hour is often nothing: n zeros are written as -n. */
static void column_add(struct column *c, uint64_t value)
{
    if (value == 0) {
        c->zeros++;
        return;
    }
    if (c->zeros > 0)
        json_array_append_new(c->list, json_integer(-c->zeros));
    c->zeros = 0;
    json_array_append_new(c->list, number(value));
}

static json_t *column_end(struct column *c)
{
    if (c->zeros > 0)
        json_array_append_new(c->list, json_integer(-c->zeros));
    return c->list;
}

/* The oldest point comes first. */
static json_t *series_json(const struct history *h, const struct history_series *s)
{
    struct column requests = {json_array(), 0}, bytes = {json_array(), 0}, opened = {json_array(), 0};
    for (size_t i = 0; i < HISTORY_POINTS; i++) {
        const struct history_point *p = &s->points[(h->number + i) % HISTORY_POINTS];
        column_add(&requests, p->requests);
        column_add(&bytes, p->bytes);
        column_add(&opened, p->opened);
    }
    return json_pack("[o, o, o]", column_end(&requests), column_end(&bytes), column_end(&opened));
}

static json_t *point_json(const struct history *h, const struct history_series *s)
{
    const struct history_point *p = &s->points[(h->number - 1) % HISTORY_POINTS];
    return json_pack("[I, I, I]", (json_int_t)p->requests, (json_int_t)p->bytes, (json_int_t)p->opened);
}

typedef json_t *series_fn(const struct history *h, const struct history_series *s);

/* Of each series what `make` makes of it. The total is "", a dialect its name, a title has a slash in its
 * name. */
static json_t *all_series(const struct snapshot *snapshot, const struct history *h, series_fn *make)
{
    json_t *o = json_object();
    json_object_set_new(o, "", make(h, &h->series[HISTORY_TOTAL]));
    for (size_t i = 0; i < COUNTS_DIALECTS; i++) {
        const char *name = dialect_of(snapshot, i);
        if (name != NULL)
            json_object_set_new(o, name, make(h, &h->series[HISTORY_DIALECT + i]));
    }
    for (size_t i = HISTORY_TITLE; i < HISTORY_SERIES; i++) {
        const struct history_series *s = &h->series[i];
        if (s->title != NULL && s->requests + s->bytes > 0)
            json_object_set_new(o, s->title, make(h, s));
    }
    return o;
}

/* All of it to a page that knows nothing or has missed a point; else the newest point, if there is one. */
static void hour_json(json_t *o, const struct snapshot *snapshot, const struct history *h,
                      struct dashboard_told *told)
{
    bool all = !told->begun || h->number > told->points + 1;
    if (told->begun && h->number == told->points)
        return;
    json_object_set_new(o, all ? "history" : "point",
                        json_pack("{s:i, s:i, s:I, s:o}", "step", HISTORY_STEP, "points", HISTORY_POINTS,
                                  "at", (json_int_t)h->at, "series",
                                  all_series(snapshot, h, all ? series_json : point_json)));
    told->points = h->number;
}

static json_t *busiest_json(const struct history *h)
{
    json_t *list = json_array();
    for (size_t i = 0; i < h->busiest_n; i++) {
        const struct peer_use *use = &h->busiest[i];
        const struct range range = {use->address, address_is_v4(&use->address) ? 128 : 64};
        char text[ADDRESS_TEXT];
        range_text(&range, text);
        json_array_append_new(list, json_pack("{s:s, s:i, s:I, s:I}", "address", text, "connections",
                                              (int)use->connections, "bytes", (json_int_t)use->sent,
                                              "requests", (json_int_t)use->asked));
    }
    return list;
}

/* ---- the present ---- */

static json_t *server_json(const struct snapshot *snapshot, const struct shared *s)
{
    const char *unready = shared_unready(s);
    uint64_t connections = 0, waiting = 0, accepted = 0, requests = 0, errors = 0, active = 0;
    for (size_t i = 0; i < s->loop_count; i++) {
        connections += count_read(&s->loops[i]->connections);
        waiting += count_read(&s->loops[i]->waiting);
        accepted += count_read(&s->loops[i]->accepted);
    }
    for (size_t i = 0; i < COUNTS_DIALECTS; i++) {
        struct counts sum = shared_counts(s, i);
        requests += sum.requests;
        errors += sum.errors;
        active += sum.active;
    }
    const struct day_caps *caps = &snapshot->settings->limits.caps;
    return json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "version",
                     PB_VERSION_TEXT, "started", (json_int_t)s->started, "state",
                     unready != NULL ? unready : "serving", "titles", (json_int_t)snapshot->site->n, "bans",
                     (json_int_t)snapshot->bans->n, "connections", (json_int_t)connections, "waiting",
                     (json_int_t)waiting, "opened", (json_int_t)accepted, "requests", (json_int_t)requests,
                     "errors", (json_int_t)errors, "active", (json_int_t)active, "bytes",
                     (json_int_t)shared_bytes(s), "verified", (json_int_t)count_read(&s->objects_verified),
                     "damaged", (json_int_t)count_read(&s->objects_damaged), "caps",
                     caps_json(&s->admission.day, caps->soft, caps->hard));
}

static json_t *dialects_json(const struct snapshot *snapshot, const struct shared *s)
{
    json_t *list = json_array();
    for (size_t i = 0; i < COUNTS_DIALECTS; i++) {
        struct counts sum = shared_counts(s, i);
        if (dialect_of(snapshot, i) != NULL)
            json_array_append_new(
                list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", dialect_of(snapshot, i), "requests",
                                (json_int_t)sum.requests, "bytes", (json_int_t)sum.bytes, "errors",
                                (json_int_t)sum.errors, "active", (json_int_t)sum.active));
    }
    return list;
}

static bool meter_before(const struct meter *a, const struct meter *b)
{
    uint64_t today_a = count_read(&a->day.today), today_b = count_read(&b->day.today);
    return today_a != today_b ? today_a > today_b
                              : count_read(&a->counts.requests) > count_read(&b->counts.requests);
}

/* Those with the most bytes today. */
static size_t titles_first(const struct shared *s, const struct meter *out[TITLES_SHOWN])
{
    size_t n = 0;
    const struct meter *m = __atomic_load_n(&s->admission.meters.first, __ATOMIC_ACQUIRE);
    for (; m != NULL; m = __atomic_load_n(&m->next, __ATOMIC_ACQUIRE)) {
        size_t at = n;
        while (at > 0 && meter_before(m, out[at - 1]))
            at--;
        if (at == TITLES_SHOWN)
            continue;
        n += n < TITLES_SHOWN;
        memmove(&out[at + 1], &out[at], (n - 1 - at) * sizeof *out);
        out[at] = m;
    }
    return n;
}

static json_t *titles_json(const struct snapshot *snapshot, const struct shared *s)
{
    const struct limits *l = &snapshot->settings->limits;
    const struct meter *titles[TITLES_SHOWN];
    size_t n = titles_first(s, titles);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct counts *c = &titles[i]->counts;
        json_array_append_new(
            list, json_pack("{s:o, s:I, s:I, s:I, s:I, s:o}", "name", text_json(titles[i]->title), "requests",
                            (json_int_t)count_read(&c->requests), "bytes", (json_int_t)count_read(&c->bytes),
                            "errors", (json_int_t)count_read(&c->errors), "completed",
                            (json_int_t)count_read(&c->completed), "caps",
                            caps_json(&titles[i]->day, title_value_of(&l->soft_caps, titles[i]->title),
                                      title_value_of(&l->hard_caps, titles[i]->title))));
    }
    return list;
}

/* ---- what seldom changes ---- */

static json_t *bans_json(const struct bans *b)
{
    json_t *list = json_array();
    for (size_t i = 0; i < b->shown_n; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:I, s:I}", "range", b->shown[i].range, "reason",
                                        text_json(b->shown[i].reason), "added", (json_int_t)b->shown[i].added,
                                        "expires", (json_int_t)b->shown[i].expires));
    return list;
}

/* The newest first. */
static json_t *releases_json(const struct site *site)
{
    const struct site_title *newest[RELEASES_SHOWN];
    size_t n = 0;
    for (size_t i = 0; i < site->n; i++) {
        const struct site_title *t = site->titles[i];
        size_t at = n;
        while (at > 0 && newest[at - 1]->since < t->since)
            at--;
        if (at == RELEASES_SHOWN)
            continue;
        n += n < RELEASES_SHOWN;
        memmove(&newest[at + 1], &newest[at], (n - 1 - at) * sizeof *newest);
        newest[at] = t;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:o, s:I, s:I}", "dialect", newest[i]->dialect, "name",
                            text_json(newest[i]->name), "version", text_json(newest[i]->version), "since",
                            (json_int_t)newest[i]->since, "entries", (json_int_t)newest[i]->n));
    return list;
}

/* Those that the page has not seen. */
static json_t *notes_json(struct notes *n, struct dashboard_told *told)
{
    json_t *list = json_array();
    pthread_mutex_lock(&n->mutex);
    for (size_t kind = 0; kind < NOTE_KINDS; kind++) {
        for (size_t i = 1; i <= NOTES_MAX; i++) { /* the oldest first */
            const struct note *note = &n->list[kind][(n->last[kind] + i) % NOTES_MAX];
            if (note->number > told->notes)
                json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:s, s:o}", "number",
                                                      (json_int_t)note->number, "at", (json_int_t)note->at,
                                                      "times", (json_int_t)note->times, "kind",
                                                      note->kind == NOTE_REPORT ? "report" : "reply", "text",
                                                      text_json(note->text)));
        }
    }
    told->notes = n->number;
    pthread_mutex_unlock(&n->mutex);
    return list;
}

/* ---- the event ---- */

void dashboard_event(const struct snapshot *snapshot, const struct shared *shared,
                     struct dashboard_told *told, struct buffer *out)
{
    struct history *h = shared->history;
    json_t *o = json_object();
    json_object_set_new(o, "now", json_integer((json_int_t)(clock_unix_ns() / 1000000)));
    json_object_set_new(o, "server", server_json(snapshot, shared));
    json_object_set_new(o, "publish", json_boolean(shared->uploads != NULL && snapshot->settings->publish));
    json_object_set_new(o, "dialects", dialects_json(snapshot, shared));
    json_object_set_new(o, "titles", titles_json(snapshot, shared));
    pthread_mutex_lock(&h->mutex);
    h->asked = true;
    hour_json(o, snapshot, h, told);
    json_object_set_new(o, "busiest", busiest_json(h));
    pthread_mutex_unlock(&h->mutex);
    if (!told->begun || told->snapshot != snapshot->number) {
        json_object_set_new(o, "bans", bans_json(snapshot->bans));
        json_object_set_new(o, "releases", releases_json(snapshot->site));
    }
    json_object_set_new(o, "notes", notes_json(shared->notes, told));
    told->snapshot = snapshot->number;
    told->begun = true;
    char *text = json_dumps(o, JSON_COMPACT);
    buffer_text(out, "data: ");
    buffer_text(out, text != NULL ? text : "");
    buffer_text(out, "\n\n");
    out->failed |= text == NULL;
    free(text);
    json_decref(o);
}
