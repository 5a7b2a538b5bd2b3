/* Names of the process's metrics are those that Prometheus' own libraries have, so that dashboards know them.
 */
#include "serve/report/machine.h"

#include <stddef.h>

/* Of the depot: the metric, with its label, and the JSON key. */
static const struct {
    const char *name, *labels, *key, *help; /* help NULL: the metric of the line before */
    size_t offset;
} of_depot[] = {
    {"depot_object_bytes", "{needed=\"live\"}", "live_bytes",
     "bytes of the depot's objects, by what needs them", offsetof(struct depot_costs, live_bytes)},
    {"depot_object_bytes", "{needed=\"old\"}", "old_bytes", NULL, offsetof(struct depot_costs, old_bytes)},
    {"depot_object_bytes", "{needed=\"not\"}", "unused_bytes", NULL,
     offsetof(struct depot_costs, unused_bytes)},
    {"depot_objects", "", "objects", "objects in the depot", offsetof(struct depot_costs, objects)},
    {"depot_old_releases", "", "old_releases", "releases that are not live",
     offsetof(struct depot_costs, old_releases)},
    {"depot_free_bytes", "", "free_bytes", "space left on the depot's file system",
     offsetof(struct depot_costs, free_bytes)},
    {"depot_size_bytes", "", "disk_bytes", "size of the depot's file system",
     offsetof(struct depot_costs, disk_bytes)},
};

static const struct {
    const char *name, *key, *help;
    size_t offset;
} of_titles[] = {
    {"title_own_bytes", "own_bytes", "bytes of objects that no other title needs",
     offsetof(struct title_costs, own)},
    {"title_shared_bytes", "shared_bytes", "bytes of objects that other titles need, too",
     offsetof(struct title_costs, shared)},
    {"title_old_bytes", "old_bytes", "bytes of objects that only old releases of the title need",
     offsetof(struct title_costs, old)},
};

enum { OF_DEPOT = sizeof of_depot / sizeof of_depot[0], OF_TITLES = sizeof of_titles / sizeof of_titles[0] };

static uint64_t cost(const void *costs, size_t offset)
{
    return count_read((const uint64_t *)((const char *)costs + offset));
}

static const struct meter *meter_after(const struct shared *s, const struct meter *m)
{
    return __atomic_load_n(m != NULL ? &m->next : &s->admission.meters.first, __ATOMIC_ACQUIRE);
}

/* ---- Prometheus ---- */

void label_escape(struct buffer *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            buffer_text(out, "\\");
        buffer_append(out, *c == '\n' ? " " : c, 1);
    }
}

static void head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(struct buffer *out, const char *name, const char *help, uint64_t value)
{
    head(out, name, "gauge", help);
    buffer_format(out, "%s %llu\n", name, (unsigned long long)value);
}

static void process_metrics(const struct process *p, struct buffer *out)
{
    struct process_facts f;
    process_look(p, &f);
    head(out, "process_cpu_seconds_total", "counter", "user and system time of the process");
    buffer_format(out, "process_cpu_seconds_total %.3f\n", f.cpu_seconds);
    if (p->started > 0) {
        head(out, "process_start_time_seconds", "gauge", "Unix time at which the process was started");
        buffer_format(out, "process_start_time_seconds %.2f\n", p->started);
    }
    if (f.memory_known) {
        gauge(out, "process_resident_memory_bytes", "memory of the process that is in RAM", f.resident_bytes);
        gauge(out, "process_virtual_memory_bytes", "address space of the process", f.virtual_bytes);
    }
    if (f.descriptors_known)
        gauge(out, "process_open_fds", "open descriptors", f.descriptors);
    gauge(out, "process_max_fds", "how many descriptors the process may have", f.descriptors_max);
}

static void title_metrics(const struct shared *shared, struct buffer *out)
{
    for (size_t k = 0; k < OF_TITLES; k++) {
        buffer_format(out, "# HELP patchbay_%s %s\n# TYPE patchbay_%s gauge\n", of_titles[k].name,
                      of_titles[k].help, of_titles[k].name);
        for (const struct meter *m = NULL; (m = meter_after(shared, m)) != NULL;) {
            buffer_format(out, "patchbay_%s{title=\"", of_titles[k].name);
            label_escape(out, m->title);
            buffer_format(out, "\"} %llu\n", (unsigned long long)cost(&m->depot, of_titles[k].offset));
        }
    }
}

void machine_metrics(const struct shared *shared, struct buffer *out)
{
    buffer_text(out, "# HELP patchbay_build_info which patchbay this is; always 1\n"
                     "# TYPE patchbay_build_info gauge\n"
                     "patchbay_build_info{version=\"" PB_VERSION_TEXT "\"} 1\n");
    for (size_t i = 0; i < OF_DEPOT; i++) {
        if (of_depot[i].help != NULL)
            buffer_format(out, "# HELP patchbay_%s %s\n# TYPE patchbay_%s gauge\n", of_depot[i].name,
                          of_depot[i].help, of_depot[i].name);
        buffer_format(out, "patchbay_%s%s %llu\n", of_depot[i].name, of_depot[i].labels,
                      (unsigned long long)cost(&shared->costs, of_depot[i].offset));
    }
    title_metrics(shared, out);
    process_metrics(&shared->process, out);
}

/* ---- JSON ---- */

json_t *machine_depot_json(const struct shared *shared)
{
    json_t *o = json_object();
    for (size_t i = 0; i < OF_DEPOT; i++)
        json_object_set_new(o, of_depot[i].key,
                            json_integer((json_int_t)cost(&shared->costs, of_depot[i].offset)));
    json_object_set_new(o, "bytes", json_integer((json_int_t)count_read(&shared->costs.bytes)));
    return o;
}

void machine_title_json(const struct meter *m, json_t *title)
{
    for (size_t k = 0; k < OF_TITLES; k++)
        json_object_set_new(title, of_titles[k].key,
                            json_integer((json_int_t)cost(&m->depot, of_titles[k].offset)));
}
