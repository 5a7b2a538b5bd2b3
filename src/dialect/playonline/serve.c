/* Answering the patch protocol: newest version, patch.cfg, chunks of files. */
#include "dialect/playonline/config.h"
#include "dialect/playonline/playonline.h"
#include "dialect/playonline/release.h"

#include <pthread.h>
#include <stdio.h>

enum { MEMO_SLOTS = 1024 };

/* Hashes of chunks other than the standard ones, as they were computed: each key has one slot, and the last
 * one keeps it. */
struct memo {
    pthread_mutex_t mutex;
    struct {
        uint32_t key[3];
        uint8_t hash[4];
        bool used;
    } slots[MEMO_SLOTS];
};

struct compiled {
    const struct site_entry *status;
    const char *oldest; /* the lowest version in patch.cfg; NULL: it has none */
    struct memo memo;
};

/* ---- what was computed before ---- */

static size_t memo_slot(const uint32_t key[3])
{
    return (key[0] * 2654435761u ^ (key[1] >> 12) * 40503u ^ key[2]) % MEMO_SLOTS;
}

static bool memo_find(struct memo *m, const uint32_t key[3], uint8_t hash[4])
{
    size_t at = memo_slot(key);
    pthread_mutex_lock(&m->mutex);
    bool found = m->slots[at].used && memcmp(m->slots[at].key, key, sizeof m->slots[at].key) == 0;
    if (found)
        memcpy(hash, m->slots[at].hash, 4);
    pthread_mutex_unlock(&m->mutex);
    return found;
}

/* A reply_seal's done. */
static void memo_keep(void *arg, const uint32_t key[3], const uint8_t hash[4])
{
    struct memo *m = arg;
    size_t at = memo_slot(key);
    pthread_mutex_lock(&m->mutex);
    memcpy(m->slots[at].key, key, sizeof m->slots[at].key);
    memcpy(m->slots[at].hash, hash, 4);
    m->slots[at].used = true;
    pthread_mutex_unlock(&m->mutex);
}

/* ---- compiling ---- */

static int playonline_compile(struct site_title *title, const struct md5 *md5, struct pb_error *err)
{
    struct po_attributes a, *kept = arena_zero(&title->arena, sizeof *kept);
    struct compiled *c = arena_zero(&title->arena, sizeof *c);
    (void)md5;
    if (c == NULL || kept == NULL)
        return error_memory(err);
    int rc = po_attributes_parse(title->attributes, &title->arena, &a, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < title->n; i++) {
        const struct site_entry *e = &title->entries[i];
        size_t hashes = e->kind == PO_STATUS ? 1 : po_chunks(e->size);
        if (e->extra_length != 4 * hashes)
            return error_set(err, PB_DAMAGED, "%s: its hashes are not those of its size", e->name);
        if (e->size > PO_STORED_MAX)
            return error_set(err, PB_DAMAGED, "%s: is too large for the protocol", e->name);
        if (e->kind == PO_STATUS)
            c->status = e;
    }
    if (c->status == NULL)
        return error_set(err, PB_DAMAGED, "the release has no " PO_CONFIG);
    pthread_mutex_init(&c->memo.mutex, NULL);
    *kept = a;
    c->oldest = a.oldest;
    title->aliases = kept->aliases;
    title->alias_count = kept->alias_count;
    title->compiled = c;
    return PB_OK;
}

/* ---- answering ---- */

/* Behind an id's end there are only zeros. */
static bool is_filled(const struct polp_id *id)
{
    for (size_t i = polp_id_text(id).n; i < sizeof id->text; i++) {
        if (id->text[i] != '\0')
            return false;
    }
    return true;
}

/* An id that ends with '+' is that of an independent updater for the same hardware. */
static struct slice hardware_of(const struct polp_request *q, bool *plus)
{
    struct slice hardware = polp_id_text(&q->hardware);
    *plus = hardware.n > 1 && hardware.p[hardware.n - 1] == '+';
    return (struct slice){hardware.p, hardware.n - *plus};
}

/* For a download it may be withdrawn: a client may be half-way. */
static const struct site_title *title_of(const struct dialect_polp *in)
{
    char name[16];
    bool plus;
    if (!is_filled(&in->request->application) || !is_filled(&in->request->hardware))
        return NULL;
    struct slice app = polp_id_text(&in->request->application), hardware = hardware_of(in->request, &plus);
    int n = snprintf(name, sizeof name, "%.*s@%.*s", (int)app.n, app.p, (int)hardware.n, hardware.p);
    struct slice title = {name, (size_t)n};
    return in->request->opcode == POLP_DOWNLOAD ? site_title_known(in->site, PO_DIALECT, title)
                                                : site_title_find(in->site, PO_DIALECT, title);
}

/* Slow consoles lose connections when a reply comes at once. */
static uint64_t pace_of(const struct dialect_polp *in)
{
    const struct po_server_config *config = in->settings;
    for (size_t i = 0; i < config->rate_count; i++) {
        if (memcmp(&config->rates[i].hardware, &in->request->hardware, sizeof in->request->hardware) == 0)
            return config->rates[i].rate;
    }
    return 0;
}

/* A head in memory; the plan's body is a range of an object. */
static void object_plan(const struct site_entry *e, uint64_t offset, uint64_t length, struct reply_plan *plan)
{
    plan->body = BODY_OBJECT;
    plan->object = &e->object;
    plan->object_size = e->size;
    plan->offset = offset;
    plan->length = length;
}

static bool status_reply(const struct dialect_polp *in, const struct site_title *title,
                         struct reply_plan *plan)
{
    const struct compiled *c = title->compiled;
    const struct po_pinned *pin = po_pin_find(in->site_data, title);
    uint64_t size = pin != NULL ? pin->size : c->status->size;
    if (pin != NULL && pin->list == NULL)
        return false;
    polp_header_put(plan->head, (uint32_t)(POLP_HEADER + size), POLP_STATUS_REPLY);
    memcpy(plan->head + POLP_HASH_AT, pin != NULL ? pin->hash : site_entry_extra(c->status), 4);
    plan->head_length = POLP_HEADER;
    plan->status = POLP_STATUS_REPLY;
    plan->starts_download = true;
    plan->pace = pace_of(in);
    object_plan(c->status, 0, size, plan);
    if (pin != NULL) {
        plan->body = BODY_MEMORY;
        plan->memory = pin->list;
    }
    return true;
}

/* Of an entry among all that the title has: the live ones, then the older ones. */
static size_t entry_position(const struct site_title *t, const struct site_entry *e)
{
    bool live = t->n > 0 && e >= t->entries && e < t->entries + t->n;
    return live ? (size_t)(e - t->entries) : t->n + (size_t)(e - t->older.entries);
}

/* The hash that was computed when the file was published, or since; else the engine computes it. */
static void chunk_seal(const struct site_title *title, const struct site_entry *e,
                       const struct polp_request *q, struct reply_plan *plan)
{
    struct compiled *c = title->compiled; /* NULL: it is withdrawn, and nothing is remembered */
    uint8_t hash[4];
    uint64_t end = (uint64_t)q->offset + q->size;
    size_t position = entry_position(title, e);
    const uint32_t key[3] = {(uint32_t)position, q->offset, q->size};
    if (q->offset % PO_CHUNK == 0 &&
        (q->size == PO_CHUNK ? end <= e->size : q->size < PO_CHUNK && end == e->size))
        memcpy(hash, site_entry_extra(e) + 4 * (size_t)(q->offset / PO_CHUNK), 4);
    else if (c == NULL || !memo_find(&c->memo, key, hash)) {
        plan->seal = (struct reply_seal){.at = POLP_HASH_AT, .from = POLP_HASHED};
        if (c != NULL) {
            plan->seal.done = memo_keep;
            plan->seal.arg = &c->memo;
        }
        memcpy(plan->seal.key, key, sizeof key);
        return;
    }
    memcpy(plan->head + POLP_HASH_AT, hash, 4);
}

/* Of the live release, else of an older one. */
static const struct site_entry *file_find(const struct site_title *title, struct slice name)
{
    const struct site_entry *e = title->compiled != NULL ? site_entry_find(title, name) : NULL;
    if (e != NULL)
        return e;
    e = site_older_find(title, name);
    /* What compiling looks at for live ones. */
    bool sound = e != NULL && e->size <= PO_STORED_MAX && e->extra_length == 4 * po_chunks(e->size);
    return sound ? e : NULL;
}

/* What is asked for beyond the limit, or beyond the file's end, is left out. */
static bool file_reply(const struct dialect_polp *in, const struct site_title *title, struct reply_plan *plan)
{
    const struct po_server_config *config = in->settings;
    const struct polp_request *q = in->request;
    const struct site_entry *e = file_find(title, q->name);
    if (e == NULL || e->kind != PO_FILE || q->size == 0 || q->offset >= e->size)
        return false;
    uint64_t length = q->size < config->chunk_limit ? q->size : config->chunk_limit;
    if (length > e->size - q->offset)
        length = e->size - q->offset;
    plan->head_length = (uint16_t)polp_file_head(plan->head, q->offset, q->size, (uint32_t)length, q->name);
    plan->status = POLP_FILE;
    object_plan(e, q->offset, length, plan);
    plan->ends_download = reply_plan_ends(plan, e->size);
    plan->pace = pace_of(in);
    chunk_seal(title, e, q, plan);
    return true;
}

static const char *address_of(const struct dialect_polp *in)
{
    const struct po_server_config *config = in->settings;
    if (config->advertise_count == 0)
        return in->local;
    uint32_t turn = __atomic_fetch_add((uint32_t *)&config->turn, 1, __ATOMIC_RELAXED);
    return config->advertise[turn % config->advertise_count];
}

static void newest_plan(const struct dialect_polp *in, int64_t since, const char *oldest,
                        struct slice version, struct reply_plan *plan)
{
    const char *const strings[] = {po_status_of(in->request->version, oldest), address_of(in), "0"};
    plan->head_length = (uint16_t)polp_newest_reply(plan->head, (uint32_t)since, strings, 3, version);
    plan->status = POLP_NEWEST_REPLY;
    plan->starts_download = true;
    plan->body = BODY_NONE;
    plan->length = 0;
}

static bool newest_reply(const struct dialect_polp *in, const struct site_title *title,
                         struct reply_plan *plan)
{
    const struct compiled *c = title->compiled;
    const struct po_pinned *pin = po_pin_find(in->site_data, title);
    if (pin != NULL && pin->list == NULL)
        return false;
    newest_plan(in, title->since, pin != NULL ? pin->oldest : c->oldest,
                slice_of(pin != NULL ? pin->version : title->version), plan);
    return true;
}

/* A client of a title that is not live: where the operator wants so, what it has is the newest. */
static bool unknown_reply(const struct dialect_polp *in, struct reply_plan *plan)
{
    const struct po_server_config *config = in->settings;
    if (!config->unknown_current || in->request->opcode != POLP_NEWEST)
        return false;
    newest_plan(in, 0, NULL, in->request->version, plan);
    return true;
}

static bool playonline_serve(const struct dialect_polp *in, struct reply_plan *plan)
{
    const struct site_title *title = title_of(in);
    if (title == NULL)
        return unknown_reply(in, plan);
    plan->title = title;
    switch (in->request->opcode) {
    case POLP_STATUS:
        return status_reply(in, title, plan);
    case POLP_DOWNLOAD:
        return file_reply(in, title, plan);
    case POLP_NEWEST:
        return newest_reply(in, title, plan);
    default:
        return false;
    }
}

static struct site_lasting playonline_lasting(const char *attributes)
{
    (void)attributes;
    return (struct site_lasting){.kinds = 1u << PO_FILE};
}

/* Files alone: the list comes another way, and may be that of another version there. */
static bool playonline_mirror_url(const struct site_title *title, const struct site_entry *entry,
                                  const char *base, unsigned n, struct buffer *url)
{
    static const char scheme[] = "polp://";
    const char *host = base + sizeof scheme - 1;
    if (n > 0 || entry->kind != PO_FILE || strncmp(base, scheme, sizeof scheme - 1) != 0)
        return false;
    const char *port = strrchr(host, ':');
    bool has_port = port != NULL && strchr(port, ']') == NULL;
    buffer_text(url, base);
    if (!has_port)
        buffer_format(url, ":%d", PO_DEFAULT_PORT);
    buffer_format(url, "/%s/%s", title->name, entry->name);
    return true;
}

static bool playonline_about(const struct site_title *title, const void *settings,
                             struct dialect_about *about)
{
    (void)settings;
    if (about == NULL)
        return true;
    buffer_text(&about->fetch, title->name);
    for (size_t i = 0; i < title->n; i++)
        about->size += title->entries[i].size;
    return true;
}

static const char *const paths[] = {NULL};

const struct dialect playonline_dialect = {
    .name = PO_DIALECT,
    .settings = po_settings,
    .settings_make = po_settings_make,
    .paths = paths,
    .live_check = po_live_check,
    .lasting = playonline_lasting,
    .mend = po_mend,
    .compile = playonline_compile,
    .compile_site = po_pins_make,
    .game = "PlayOnline",
    .about = playonline_about,
    .serve_polp = playonline_serve,
    .mirror_url = playonline_mirror_url,
    .fetch = &playonline_fetch,
};
