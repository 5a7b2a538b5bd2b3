/* Counters as text. Tables say which there are. */
#include "serve/report/report.h"

#include "base/clock.h"
#include "serve/report/machine.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

/* Of each dialect and each title. */
static const struct {
    const char *name; /* the JSON key; for a metric with what stands before and behind it */
    const char *suffix, *type, *help;
    size_t offset;
} of_counts[] = {
    {"requests", "_total", "counter", "requests answered", offsetof(struct counts, requests)},
    {"sent_bytes", "_total", "counter", "bytes sent, heads included", offsetof(struct counts, bytes)},
    {"errors", "_total", "counter", "requests refused with an error", offsetof(struct counts, errors)},
    {"downloads_completed", "_total", "counter", "maps, levels and files sent to their ends",
     offsetof(struct counts, completed)},
    {"replies_broken_off", "_total", "counter", "replies that clients or limits cut short",
     offsetof(struct counts, broken_off)},
    {"active_transfers", "", "gauge", "replies under way that did not leave in one go",
     offsetof(struct counts, active)},
};

/* Of each loop, added up. */
static const struct {
    const char *name, *labels, *type, *help; /* help NULL: the metric of the line before */
    size_t offset;
} of_loops[] = {
    {"connections", "", "gauge", "connections open", offsetof(struct loop_counts, connections)},
    {"connections_waiting", "", "gauge", "connections that a rate holds back",
     offsetof(struct loop_counts, waiting)},
    {"connections_accepted_total", "", "counter", "connections accepted",
     offsetof(struct loop_counts, accepted)},
    {"connections_refused_total", "{reason=\"total\"}", "counter", "connections closed at once",
     offsetof(struct loop_counts, refused_total)},
    {"connections_refused_total", "{reason=\"address\"}", "counter", NULL,
     offsetof(struct loop_counts, refused_address)},
    {"delays_total", "", "counter", "times that a request or reply waited for a rate",
     offsetof(struct loop_counts, delayed)},
    {"timeouts_total", "", "counter", "connections closed for being idle or slow",
     offsetof(struct loop_counts, timeouts)},
};

enum { OF_COUNTS = sizeof of_counts / sizeof of_counts[0], OF_LOOPS = sizeof of_loops / sizeof of_loops[0] };

static uint64_t field(const void *counts, size_t offset)
{
    return count_read((const uint64_t *)((const char *)counts + offset));
}

static uint64_t loops_sum(const struct shared *s, size_t offset)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->loop_count; i++)
        sum += field(s->loops[i], offset);
    return sum;
}

static const char *dialect_name(const struct snapshot *snapshot, size_t i)
{
    const struct dialect *const *all = snapshot->settings->dialects;
    size_t n = 0;
    while (all[n] != NULL)
        n++;
    return i < n ? all[i]->name : i == COUNTS_DIALECTS - 1 ? "none" : NULL;
}

static const struct meter *meters_first(const struct shared *s)
{
    return __atomic_load_n(&s->admission.meters.first, __ATOMIC_ACQUIRE);
}

static const struct meter *meter_next(const struct meter *m)
{
    return __atomic_load_n(&m->next, __ATOMIC_ACQUIRE);
}

/* What there is to say of the server itself; both forms have it. */
struct facts {
    const char *name, *type, *help;
    uint64_t value;
};
enum { FACTS = 11 };

static void facts_of(const struct snapshot *snapshot, const struct shared *s, struct facts out[FACTS])
{
    uint64_t entries = 0;
    for (size_t i = 0; i < snapshot->site->n; i++)
        entries += snapshot->site->titles[i]->n;
    const struct facts facts[FACTS] = {
        {"start_time_seconds", "gauge", "Unix time of the start", (uint64_t)s->started},
        {"titles", "gauge", "titles live", snapshot->site->n},
        {"entries", "gauge", "entries live", entries},
        {"bans", "gauge", "bans in force", snapshot->bans->n},
        {"today_bytes", "gauge", "bytes sent since midnight UTC, by all servers of the depot",
         count_read(&s->admission.day.today)},
        {"objects_verified_total", "counter", "objects whose bytes were checked since the start",
         count_read(&s->objects_verified)},
        {"objects_damaged", "gauge", "objects that are damaged or missing, and not served",
         count_read(&s->objects_damaged)},
        {"tls_handshakes_total", "counter", "TLS handshakes done", count_read(&s->tls.handshakes)},
        {"tls_handshakes_resumed_total", "counter", "TLS handshakes that went on with an earlier session",
         count_read(&s->tls.resumed)},
        {"tls_handshakes_failed_total", "counter", "TLS handshakes begun and not done",
         count_read(&s->tls.failed)},
        {"cap_state", "gauge", "of the daily caps: 0 none, 1 soft, 2 hard",
         __atomic_load_n(&s->admission.day.state, __ATOMIC_RELAXED)},
    };
    memcpy(out, facts, sizeof facts);
}

/* ---- Prometheus ---- */

static void metric_head(struct buffer *out, const char *name, const char *suffix, const char *type,
                        const char *help)
{
    buffer_format(out, "# HELP patchbay_%s%s %s\n# TYPE patchbay_%s%s %s\n", name, suffix, help, name, suffix,
                  type);
}

static void value_line(struct buffer *out, const char *name, const char *suffix, const char *label,
                       const char *text, uint64_t value)
{
    buffer_format(out, "patchbay_%s%s", name, suffix);
    if (label != NULL) {
        buffer_format(out, "{%s=\"", label);
        label_escape(out, text);
        buffer_text(out, "\"}");
    }
    buffer_format(out, " %llu\n", (unsigned long long)value);
}

static void metrics_titles(const struct shared *shared, struct buffer *out)
{
    char name[64];
    for (size_t k = 0; k < OF_COUNTS; k++) {
        snprintf(name, sizeof name, "title_%s", of_counts[k].name);
        metric_head(out, name, of_counts[k].suffix, of_counts[k].type, of_counts[k].help);
        for (const struct meter *m = meters_first(shared); m != NULL; m = meter_next(m))
            value_line(out, name, of_counts[k].suffix, "title", m->title,
                       field(&m->counts, of_counts[k].offset));
    }
    metric_head(out, "title_cap_state", "", "gauge", "of the title's daily caps: 0 none, 1 soft, 2 hard");
    for (const struct meter *m = meters_first(shared); m != NULL; m = meter_next(m))
        value_line(out, "title_cap_state", "", "title", m->title,
                   __atomic_load_n(&m->day.state, __ATOMIC_RELAXED));
}

void report_metrics(const struct snapshot *snapshot, const struct shared *shared, struct buffer *out)
{
    struct facts facts[FACTS];
    facts_of(snapshot, shared, facts);
    for (size_t i = 0; i < FACTS; i++) {
        metric_head(out, facts[i].name, "", facts[i].type, facts[i].help);
        value_line(out, facts[i].name, "", NULL, NULL, facts[i].value);
    }
    for (size_t i = 0; i < OF_LOOPS; i++) {
        if (of_loops[i].help != NULL)
            metric_head(out, of_loops[i].name, "", of_loops[i].type, of_loops[i].help);
        buffer_format(out, "patchbay_%s%s %llu\n", of_loops[i].name, of_loops[i].labels,
                      (unsigned long long)loops_sum(shared, of_loops[i].offset));
    }
    for (size_t k = 0; k < OF_COUNTS; k++) {
        metric_head(out, of_counts[k].name, of_counts[k].suffix, of_counts[k].type, of_counts[k].help);
        for (size_t i = 0; i < COUNTS_DIALECTS; i++) {
            struct counts sum = shared_counts(shared, i);
            if (dialect_name(snapshot, i) != NULL)
                value_line(out, of_counts[k].name, of_counts[k].suffix, "dialect", dialect_name(snapshot, i),
                           field(&sum, of_counts[k].offset));
        }
    }
    metrics_titles(shared, out);
    machine_metrics(shared, out);
}

/* ---- JSON ---- */

static json_t *counts_json(const struct counts *c)
{
    json_t *o = json_object();
    for (size_t k = 0; k < OF_COUNTS; k++)
        json_object_set_new(o, of_counts[k].name, json_integer((json_int_t)field(c, of_counts[k].offset)));
    return o;
}

static const char *cap_name(const uint8_t *state)
{
    static const char *const names[] = {"none", "soft", "hard"};
    return names[__atomic_load_n(state, __ATOMIC_RELAXED)];
}

static json_t *titles_json(const struct shared *s)
{
    json_t *list = json_array();
    for (const struct meter *m = meters_first(s); m != NULL; m = meter_next(m)) {
        json_t *o = counts_json(&m->counts);
        json_object_set_new(o, "title", json_string(m->title));
        json_object_set_new(o, "cap", json_string(cap_name(&m->day.state)));
        json_object_set_new(o, "today_bytes", json_integer((json_int_t)count_read(&m->day.today)));
        machine_title_json(m, o);
        json_array_append_new(list, o);
    }
    return list;
}

/* Not in the metrics: each address would be a label of its own. */
static json_t *busiest_json(const struct shared *s)
{
    enum { BUSIEST_MAX = 10 };
    struct peer_use busiest[BUSIEST_MAX];
    size_t n = peers_busiest(s->admission.peers, busiest, BUSIEST_MAX);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct peer_use *use = &busiest[i];
        const struct range range = {use->address, address_is_v4(&use->address) ? 128 : 64};
        char text[ADDRESS_TEXT];
        json_t *o = json_object();
        range_text(&range, text);
        json_object_set_new(o, "address", json_string(text));
        json_object_set_new(o, "connections", json_integer(use->connections));
        json_object_set_new(o, "sent_bytes", json_integer((json_int_t)use->sent));
        json_object_set_new(o, "requests", json_integer((json_int_t)use->asked));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *loops_json(const struct shared *s)
{
    json_t *o = json_object();
    for (size_t i = 0; i < OF_LOOPS; i++) {
        uint64_t value = loops_sum(s, of_loops[i].offset);
        json_int_t before = json_integer_value(json_object_get(o, of_loops[i].name)); /* with another label */
        json_object_set_new(o, of_loops[i].name, json_integer(before + (json_int_t)value));
    }
    return o;
}

void report_status(const struct snapshot *snapshot, const struct shared *shared, struct buffer *out)
{
    struct facts facts[FACTS];
    json_t *o = loops_json(shared), *dialects = json_object();
    facts_of(snapshot, shared, facts);
    for (size_t i = 0; i < FACTS; i++)
        json_object_set_new(o, facts[i].name, json_integer((json_int_t)facts[i].value));
    const char *unready = shared_unready(shared);
    json_object_set_new(o, "state", json_string(unready != NULL ? unready : "serving"));

    json_object_set_new(o, "version", json_string(PB_VERSION_TEXT));
    json_object_set_new(o, "now", json_integer((json_int_t)clock_unix()));
    json_object_set_new(o, "cap_state", json_string(cap_name(&shared->admission.day.state)));
    for (size_t i = 0; i < COUNTS_DIALECTS; i++) {
        struct counts sum = shared_counts(shared, i);
        if (dialect_name(snapshot, i) != NULL)
            json_object_set_new(dialects, dialect_name(snapshot, i), counts_json(&sum));
    }
    json_object_set_new(o, "dialects", dialects);
    json_object_set_new(o, "by_title", titles_json(shared));
    json_object_set_new(o, "depot", machine_depot_json(shared));
    json_object_set_new(o, "busiest", busiest_json(shared));
    char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    buffer_text(out, text != NULL ? text : "");
    out->failed |= text == NULL;
    free(text);
    json_decref(o);
}
