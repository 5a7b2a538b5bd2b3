/* From a configuration to limits: rates, caps, connections, bans. */
#include "api/config.h"
#include "api/dialects.h"

#include <stdio.h>

enum { COOLDOWN_MAX = 30 * 86400 }; /* seconds; as milliseconds it fits 32 bits */

static int bytes_take(const struct config_value *v, struct slice text, uint64_t most, uint64_t *out,
                      struct pb_error *err)
{
    char largest[32];
    snprintf(largest, sizeof largest, "%lluG", (unsigned long long)(most >> 30));
    if (!slice_to_bytes(text, most, out))
        return error_set(err, PB_INVALID, "%s: %s is bytes, such as 500k, 10M or 2G, at most %s, not %.*s",
                         v->where, v->key, largest, (int)text.n, text.p);
    return PB_OK;
}

int config_bytes(const struct pb_config *c, const char *key, uint64_t most, uint64_t *out,
                 struct pb_error *err)
{
    const struct config_value *v;
    if (config_values(c, "server", key, &v, 1) == 0)
        return PB_OK;
    return config_wrong(c, bytes_take(v, slice_of(v->value), most, out, err), err);
}

int config_pair(const struct config_value *v, uint64_t most, struct slice *what, uint64_t *out,
                struct pb_error *err)
{
    const char *space = strrchr(v->value, ' ');
    *what = (struct slice){v->value, space != NULL ? (size_t)(space - v->value) : 0};
    while (what->n > 0 && what->p[what->n - 1] == ' ')
        what->n--;
    return bytes_take(v, slice_of(space != NULL ? space + 1 : v->value), most, out, err);
}

/* The narrower range first, so that the first that fits is the one that is meant. */
static int address_rate_add(struct limits *l, struct arena *a, const struct address_rate *r,
                            struct pb_error *err)
{
    struct address_rate *list =
        arena_grow(a, l->address_rates, l->address_rate_count, &l->address_rate_room, sizeof *list);
    if (list == NULL)
        return error_memory(err);
    l->address_rates = list;
    size_t at = l->address_rate_count++;
    for (; at > 0 && list[at - 1].range.bits < r->range.bits; at--)
        list[at] = list[at - 1];
    list[at] = *r;
    return PB_OK;
}

/* The rate of a range, or (`text` is empty) of everybody. */
static int address_rate_take(const struct config_value *v, struct slice what, uint64_t rate,
                             struct serve_settings *s, struct pb_error *err)
{
    static const char *const everybody[] = {"0.0.0.0/0", "::/0"};
    char text[ADDRESS_TEXT];
    int rc = PB_OK;
    snprintf(text, sizeof text, "%.*s", (int)what.n, what.p);
    for (size_t k = 0; rc == PB_OK && k < (what.n > 0 ? 1 : 2); k++) {
        struct address_rate r = {.rate = rate};
        rc = range_parse(what.n > 0 ? text : everybody[k], &r.range, err);
        if (rc < 0)
            return error_context(err, "%s", v->where);
        if (r.range.bits > 64 && !address_is_v4(&r.range.first))
            return error_set(err, PB_INVALID,
                             "%s: the rate of an IPv6 address is its /64's, so %s is too narrow", v->where,
                             text);
        rc = address_rate_add(&s->limits, &s->arena, &r, err);
    }
    return rc;
}

static int address_rates_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    const struct config_value *values[CONFIG_VALUES_MAX];
    size_t n = config_values(c, "server", "address_rate", values, CONFIG_VALUES_MAX);
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < n; i++) {
        struct slice what;
        uint64_t rate = 0;
        rc = config_pair(values[i], RATE_MAX, &what, &rate, err);
        if (rc == PB_OK)
            rc = address_rate_take(values[i], what, rate, s, err);
        rc = config_wrong(c, rc, err);
    }
    return rc;
}

/* The titles of dialects that there are; whether one is live, nobody knows beforehand. */
static bool title_possible(struct slice text)
{
    for (size_t i = 0; all_dialects[i] != NULL; i++) {
        size_t n = strlen(all_dialects[i]->name);
        if (text.n > n + 1 && memcmp(text.p, all_dialects[i]->name, n) == 0 && text.p[n] == '/')
            return true;
    }
    return false;
}

static int title_value_take(const struct config_value *v, uint64_t most, struct arena *a,
                            struct title_values *out, struct pb_error *err)
{
    struct slice what;
    struct title_value value = {0};
    int rc = config_pair(v, most, &what, &value.value, err);
    if (rc < 0)
        return rc;
    if (what.n > 0 && !title_possible(what))
        return error_set(err, PB_INVALID, "%s: %.*s is not a title such as opensauce/immure", v->where,
                         (int)what.n, what.p);
    value.title = what.n > 0 ? arena_copy(a, what.p, what.n) : NULL;
    struct title_value *list = arena_grow(a, out->list, out->n, &out->room, sizeof *list);
    if (list == NULL || (what.n > 0 && value.title == NULL))
        return error_memory(err);
    out->list = list;
    list[out->n++] = value;
    return PB_OK;
}

static int title_values_make(const struct pb_config *c, const char *key, uint64_t most, struct arena *a,
                             struct title_values *out, struct pb_error *err)
{
    const struct config_value *values[CONFIG_VALUES_MAX];
    size_t n = config_values(c, "server", key, values, CONFIG_VALUES_MAX);
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < n; i++)
        rc = config_wrong(c, title_value_take(values[i], most, a, out, err), err);
    return rc;
}

static int rates_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    struct limits *l = &s->limits;
    int rc = config_bytes(c, "rate", RATE_MAX, &l->rate, err);
    if (rc == PB_OK)
        rc = config_bytes(c, "least_rate", RATE_MAX, &l->least_rate, err);
    if (rc == PB_OK)
        rc = config_number(c, "address_requests", 0, 1000000, 0, &l->address_requests, err);
    if (rc == PB_OK)
        rc = address_rates_make(c, s, err);
    if (rc == PB_OK)
        rc = title_values_make(c, "title_rate", RATE_MAX, &s->arena, &l->title_rates, err);
    l->rates = l->rate != 0 || l->address_rate_count > 0 || l->title_rates.n > 0;
    return rc;
}

/* A soft cap above the hard one would never be reached. `what`: the title; empty for the server or each
 * title. */
static int caps_compare_one(const struct config_value *v, struct slice what, uint64_t soft, uint64_t hard,
                            struct pb_error *err)
{
    if (soft == 0 || hard == 0 || soft <= hard)
        return PB_OK;
    return error_set(err, PB_INVALID, "%s: the soft cap%s%.*s is above the hard cap", v->where,
                     what.n > 0 ? " of " : "", (int)what.n, what.p);
}

static bool title_named(const struct title_values *v, const char *title)
{
    for (size_t i = 0; i < v->n; i++) {
        if (v->list[i].title == NULL ? title[0] == '\0' : strcmp(v->list[i].title, title) == 0)
            return true;
    }
    return false;
}

/* For every title that a cap of this key names, but not those of `before`, which were compared already: its
 * own caps count, else those of each title. */
static int caps_compare_titles(const struct pb_config *c, const char *key, const struct title_values *before,
                               const struct limits *l, struct pb_error *err)
{
    enum { TITLE_ROOM = 600 };
    const struct config_value *values[CONFIG_VALUES_MAX];
    size_t n = config_values(c, "server", key, values, CONFIG_VALUES_MAX);
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < n; i++) {
        struct slice what;
        char title[TITLE_ROOM];
        uint64_t value;
        if (config_pair(values[i], CAP_MAX, &what, &value, NULL) < 0 || what.n >= sizeof title)
            continue; /* told before */
        snprintf(title, sizeof title, "%.*s", (int)what.n, what.p);
        if (before != NULL && title_named(before, title))
            continue;
        rc = caps_compare_one(values[i], what, title_value_of(&l->soft_caps, title),
                              title_value_of(&l->hard_caps, title), err);
        rc = config_wrong(c, rc, err);
    }
    return rc;
}

static int caps_compare(const struct pb_config *c, const struct limits *l, struct pb_error *err)
{
    const struct config_value *v;
    int rc = PB_OK;
    if (config_values(c, "server", "soft_cap", &v, 1) > 0)
        rc = config_wrong(c, caps_compare_one(v, slice_of(""), l->caps.soft, l->caps.hard, err), err);
    if (rc == PB_OK)
        rc = caps_compare_titles(c, "title_soft_cap", NULL, l, err);
    return rc == PB_OK ? caps_compare_titles(c, "title_hard_cap", &l->soft_caps, l, err) : rc;
}

static int caps_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    struct limits *l = &s->limits;
    int rc = config_bytes(c, "soft_cap", CAP_MAX, &l->caps.soft, err);
    if (rc == PB_OK)
        rc = config_bytes(c, "hard_cap", CAP_MAX, &l->caps.hard, err);
    if (rc == PB_OK)
        rc = title_values_make(c, "title_soft_cap", CAP_MAX, &s->arena, &l->soft_caps, err);
    if (rc == PB_OK)
        rc = title_values_make(c, "title_hard_cap", CAP_MAX, &s->arena, &l->hard_caps, err);
    return rc == PB_OK ? caps_compare(c, l, err) : rc;
}

static int connections_make(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    struct peer_limits *p = &s->limits.peer;
    int rc = config_number(c, "max_connections", 1, 1000000, 50000, &p->total, err);
    if (rc == PB_OK)
        rc = config_number(c, "address_connections", 0, 1000000, 500, &p->connections, err);
    if (rc == PB_OK)
        rc = config_number(c, "ban_connections", 0, 1000000, 0, &p->ban_connections, err);
    if (rc == PB_OK)
        rc = config_seconds(c, "ban_window", CONFIG_SECONDS_MAX, 60, &p->ban_window_ms, err);
    if (rc == PB_OK)
        rc = config_seconds(c, "ban_cooldown", COOLDOWN_MAX, 600, &p->ban_cooldown_ms, err);
    return rc;
}

int config_limits(const struct pb_config *c, struct serve_settings *s, struct pb_error *err)
{
    int rc = rates_make(c, s, err);
    if (rc == PB_OK)
        rc = caps_make(c, s, err);
    return rc < 0 ? rc : connections_make(c, s, err);
}
