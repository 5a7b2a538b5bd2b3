/* The patch server's settings. */
#include "dialect/playonline/config.h"

#include <arpa/inet.h>

enum { CHUNK_LIMIT = 2 * 1024 * 1024, CHUNK_LIMIT_MOST = 1 << 30, SLOW_CONSOLE = 280 * 1000 };

const struct setting po_settings[] = {
    {"advertise", "ADDRESS,...",
     "IPv4 addresses that clients are sent to, in turn (default: the one that they reached)", false},
    {"chunk_limit", "BYTES",
     "the most data in one reply; what is asked for beyond it is left out (default 2097152)", false},
    {"pin", "APP@HW VERSION", "hold a title at a version: newer lines are left out of its list", true},
    {"unknown_current", "yes|no",
     "tell clients of titles that are not live that they are current (default no)", false},
    {"hardware_rate", "HW BYTES",
     "bytes a second of each connection with this hardware id (default 280000 for PS2 and P2U; 0: no limit)",
     true},
    {NULL, NULL, NULL, false},
};

static struct slice trimmed(struct slice text)
{
    while (text.n > 0 && *text.p == ' ')
        text.p++, text.n--;
    while (text.n > 0 && text.p[text.n - 1] == ' ')
        text.n--;
    return text;
}

/* "FIRST SECOND". */
static bool pair_read(const char *value, struct slice *first, struct slice *second)
{
    struct slice all = trimmed(slice_of(value));
    const char *space = memchr(all.p, ' ', all.n);
    if (space == NULL)
        return false;
    size_t n = (size_t)(space - all.p);
    *first = (struct slice){all.p, n};
    *second = trimmed((struct slice){space, all.n - n});
    return memchr(second->p, ' ', second->n) == NULL;
}

static int advertise_take(const struct setting_value *v, struct arena *a, struct po_server_config *c,
                          struct pb_error *err)
{
    struct slice rest = slice_of(v->value);
    while (rest.n > 0) {
        struct in_addr unused;
        const char *comma = memchr(rest.p, ',', rest.n);
        struct slice one = {rest.p, comma != NULL ? (size_t)(comma - rest.p) : rest.n};
        rest.p += one.n + (comma != NULL);
        rest.n -= one.n + (comma != NULL);
        one = trimmed(one);
        char *text = arena_copy(a, one.p, one.n);
        if (text == NULL)
            return error_memory(err);
        if (inet_pton(AF_INET, text, &unused) != 1)
            return error_set(err, PB_INVALID,
                             "%s: %s is not an IPv4 address, which is all that the protocol can say",
                             v->where, text);
        if (c->advertise_count == PO_ADVERTISE_MAX)
            return error_set(err, PB_INVALID, "%s: more than %d addresses", v->where, PO_ADVERTISE_MAX);
        c->advertise[c->advertise_count++] = text;
    }
    return PB_OK;
}

static int pin_take(const struct setting_value *v, struct arena *a, struct po_server_config *c,
                    struct pb_error *err)
{
    struct slice title, version;
    struct polp_id app, hardware;
    if (!pair_read(v->value, &title, &version) || !po_title_parse(title, &app, &hardware) ||
        !po_version_ok(version))
        return error_set(err, PB_INVALID, "%s: a pin is written such as 1000@W2U 20061212_3, not %s",
                         v->where, v->value);
    if (c->pin_count == PO_PINS_MAX)
        return error_set(err, PB_INVALID, "%s: more than %d pins", v->where, PO_PINS_MAX);
    size_t i = c->pin_count++;
    c->pins[i].title = arena_copy(a, title.p, title.n);
    c->pins[i].version = arena_copy(a, version.p, version.n);
    return c->pins[i].title == NULL || c->pins[i].version == NULL ? error_memory(err) : PB_OK;
}

/* Replaces an earlier one of the same hardware, such as a default. */
static int rate_take(const struct setting_value *v, struct arena *a, struct po_server_config *c,
                     struct pb_error *err)
{
    struct slice name, amount;
    struct polp_id hardware;
    uint64_t rate = 0;
    (void)a;
    if (!pair_read(v->value, &name, &amount) || !polp_id_parse(name, &hardware) ||
        !slice_to_bytes(amount, UINT32_MAX, &rate))
        return error_set(err, PB_INVALID, "%s: a hardware's rate is written such as PS2 280k, not %s",
                         v->where, v->value);
    size_t i = 0;
    while (i < c->rate_count && memcmp(&c->rates[i].hardware, &hardware, sizeof hardware) != 0)
        i++;
    if (i == PO_RATES_MAX)
        return error_set(err, PB_INVALID, "%s: more than %d hardware rates", v->where, PO_RATES_MAX);
    c->rate_count += i == c->rate_count;
    c->rates[i].hardware = hardware;
    c->rates[i].rate = rate;
    return PB_OK;
}

static int limit_take(const struct setting_value *v, struct arena *a, struct po_server_config *c,
                      struct pb_error *err)
{
    uint64_t limit = 0;
    (void)a;
    if (!slice_to_bytes(slice_of(v->value), CHUNK_LIMIT_MOST, &limit) || limit < PO_CHUNK)
        return error_set(err, PB_INVALID, "%s: chunk_limit is a number from %d to %d, not %s", v->where,
                         PO_CHUNK, CHUNK_LIMIT_MOST, v->value);
    c->chunk_limit = (uint32_t)limit;
    return PB_OK;
}

static int current_take(const struct setting_value *v, struct arena *a, struct po_server_config *c,
                        struct pb_error *err)
{
    (void)a;
    c->unknown_current = strcmp(v->value, "yes") == 0;
    return c->unknown_current || strcmp(v->value, "no") == 0
               ? PB_OK
               : error_set(err, PB_INVALID, "%s: unknown_current is yes or no, not %s", v->where, v->value);
}

int po_settings_make(const struct setting_value *values, size_t n, struct arena *a, void **out,
                     struct pb_error *err)
{
    static const struct {
        const char *key;
        int (*take)(const struct setting_value *v, struct arena *a, struct po_server_config *c,
                    struct pb_error *err);
    } takes[] = {
        {"advertise", advertise_take},     {"chunk_limit", limit_take},  {"pin", pin_take},
        {"unknown_current", current_take}, {"hardware_rate", rate_take},
    };
    static const char *const slow_consoles[] = {"PS2", "P2U"};
    struct po_server_config *c = arena_zero(a, sizeof *c);
    if (c == NULL)
        return error_memory(err);
    c->chunk_limit = CHUNK_LIMIT;
    for (; c->rate_count < sizeof slow_consoles / sizeof slow_consoles[0]; c->rate_count++) {
        polp_id_parse(slice_of(slow_consoles[c->rate_count]), &c->rates[c->rate_count].hardware);
        c->rates[c->rate_count].rate = SLOW_CONSOLE;
    }
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < n; i++) {
        size_t k = 0;
        while (strcmp(takes[k].key, values[i].key) != 0)
            k++;
        rc = takes[k].take(&values[i], a, c, err);
    }
    *out = c;
    return rc;
}

/* ---- pins ---- */

static const struct site_entry *list_of(const struct site_title *t)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->entries[i].kind == PO_STATUS)
            return &t->entries[i];
    }
    return NULL;
}

static int pin_make(struct po_pinned *pin, int objects, struct arena *keep, struct pb_error *err)
{
    struct po_config config;
    const struct site_entry *e = list_of(pin->title);
    _cleanup_arena_ struct arena a;
    _cleanup_buffer_ struct buffer bytes;
    arena_init(&a, 0);
    buffer_init(&bytes, PO_CONFIG_MAX);
    if (e == NULL)
        return error_set(err, PB_DAMAGED, "the release has no " PO_CONFIG);
    int rc = po_config_read(objects, &e->object, e->size, &a, &config, err);
    if (rc < 0)
        return rc;
    po_config_cut(&config, pin->version);
    rc = po_config_pack(&config, &bytes, err);
    if (rc == PB_OK)
        rc = po_status_hash((struct slice){bytes.p, bytes.n}, pin->hash, err);
    if (rc < 0)
        return rc;
    const char *oldest = po_config_oldest(&config);
    pin->oldest = oldest != NULL ? arena_text(keep, oldest) : NULL;
    pin->list = arena_copy(keep, bytes.p, bytes.n);
    pin->size = bytes.n;
    return pin->list == NULL || (oldest != NULL && pin->oldest == NULL) ? error_memory(err) : PB_OK;
}

int po_pins_make(struct site *site, const void *settings, int objects, void **out, struct pb_error *err)
{
    const struct po_server_config *c = settings;
    struct po_pins *pins = arena_zero(&site->arena, sizeof *pins);
    if (pins == NULL)
        return error_memory(err);
    *out = pins;
    for (size_t i = 0; c != NULL && i < c->pin_count; i++) {
        struct po_pinned *pin = &pins->list[pins->n];
        pin->title = site_title_find(site, PO_DIALECT, slice_of(c->pins[i].title));
        pin->version = arena_text(&site->arena, c->pins[i].version);
        if (pin->version == NULL)
            return error_memory(err);
        if (pin->title == NULL)
            continue;
        pins->n++;
        int rc = pin_make(pin, objects, &site->arena, err);
        if (rc == PB_NO_MEMORY)
            return rc;
        if (rc < 0) /* this title's trouble; the others are served */
            pin->list = NULL;
    }
    return PB_OK;
}

const struct po_pinned *po_pin_find(const struct po_pins *pins, const struct site_title *title)
{
    for (size_t i = 0; i < pins->n; i++) {
        if (pins->list[i].title == title)
            return &pins->list[i];
    }
    return NULL;
}
