/* Answering the patch protocol: newest version, patch.cfg, chunks of files. */
#include "dialect/playonline/playonline.h"
#include "dialect/playonline/release.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>

enum { ADVERTISE_MAX = 64, CHUNK_LIMIT = 1024 * 1024, MEMO_SLOTS = 1024 };

struct config {
    const char *advertise[ADVERTISE_MAX];
    size_t advertise_count;
    uint32_t chunk_limit;
    uint32_t turn; /* atomic: counts ask-newest, to hand out one address after the other */
};

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

static const struct site_title *title_of(const struct dialect_polp *in)
{
    char name[16];
    if (!is_filled(&in->request->application) || !is_filled(&in->request->hardware))
        return NULL;
    struct slice app = polp_id_text(&in->request->application),
                 hardware = polp_id_text(&in->request->hardware);
    int n = snprintf(name, sizeof name, "%.*s@%.*s", (int)app.n, app.p, (int)hardware.n, hardware.p);
    return site_title_find(in->site, PO_DIALECT, (struct slice){name, (size_t)n});
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

static bool status_reply(const struct site_title *title, struct reply_plan *plan)
{
    const struct compiled *c = title->compiled;
    polp_header_put(plan->head, (uint32_t)(POLP_HEADER + c->status->size), POLP_STATUS_REPLY);
    memcpy(plan->head + POLP_HASH_AT, site_entry_extra(c->status), 4);
    plan->head_length = POLP_HEADER;
    plan->status = POLP_STATUS_REPLY;
    plan->begins = true;
    object_plan(c->status, 0, c->status->size, plan);
    return true;
}

/* The hash that was computed when the file was published, or since; else the engine computes it. */
static void chunk_seal(const struct site_title *title, const struct site_entry *e,
                       const struct polp_request *q, struct reply_plan *plan)
{
    struct compiled *c = title->compiled;
    uint8_t hash[4];
    uint64_t end = (uint64_t)q->offset + q->size;
    const uint32_t key[3] = {(uint32_t)(e - title->entries), q->offset, q->size};
    if (q->offset % PO_CHUNK == 0 && (q->size == PO_CHUNK || (q->size < PO_CHUNK && end == e->size)))
        memcpy(hash, site_entry_extra(e) + 4 * (size_t)(q->offset / PO_CHUNK), 4);
    else if (!memo_find(&c->memo, key, hash)) {
        plan->seal =
            (struct reply_seal){.at = POLP_HASH_AT, .from = POLP_HASHED, .done = memo_keep, .arg = &c->memo};
        memcpy(plan->seal.key, key, sizeof key);
        return;
    }
    memcpy(plan->head + POLP_HASH_AT, hash, 4);
}

static bool file_reply(const struct dialect_polp *in, const struct site_title *title, struct reply_plan *plan)
{
    const struct config *config = in->settings;
    const struct polp_request *q = in->request;
    const struct site_entry *e = site_entry_find(title, q->name);
    if (e == NULL || e->kind != PO_FILE || q->size == 0 || q->size > config->chunk_limit ||
        (uint64_t)q->offset + q->size > e->size)
        return false;
    plan->head_length = (uint16_t)polp_file_head(plan->head, q->offset, q->size, q->name);
    plan->status = POLP_FILE;
    object_plan(e, q->offset, q->size, plan);
    plan->completes = reply_plan_ends(plan, e->size);
    chunk_seal(title, e, q, plan);
    return true;
}

static bool newest_reply(const struct dialect_polp *in, const struct site_title *title,
                         struct reply_plan *plan)
{
    const struct config *config = in->settings;
    struct slice version = in->request->version;
    const char *address = in->local;
    if (config->advertise_count > 0) {
        uint32_t turn = __atomic_fetch_add((uint32_t *)&config->turn, 1, __ATOMIC_RELAXED);
        address = config->advertise[turn % config->advertise_count];
    }
    const char *const strings[] = {version.n == 0                               ? "empty"
                                   : version.p[0] >= '2' && version.p[0] <= '9' ? "registered"
                                                                                : "unknown",
                                   address, "0"};
    plan->head_length =
        (uint16_t)polp_newest_reply(plan->head, (uint32_t)title->since, strings, 3, slice_of(title->version));
    plan->status = POLP_NEWEST_REPLY;
    plan->begins = true;
    plan->body = BODY_NONE;
    plan->length = 0;
    return true;
}

static bool playonline_serve(const struct dialect_polp *in, struct reply_plan *plan)
{
    const struct site_title *title = title_of(in);
    if (title == NULL)
        return false;
    plan->title = title;
    switch (in->request->opcode) {
    case POLP_STATUS:
        return status_reply(title, plan);
    case POLP_DOWNLOAD:
        return file_reply(in, title, plan);
    case POLP_NEWEST:
        return newest_reply(in, title, plan);
    default:
        return false;
    }
}

/* ---- settings ---- */

static const struct setting settings[] = {
    {"advertise", "ADDRESS,...",
     "IPv4 addresses that clients are sent to, in turn (default: the one that they reached)", false},
    {"chunk_limit", "BYTES", "the largest chunk that may be asked for at once (default 1048576)", false},
    {NULL, NULL, NULL, false},
};

static int advertise_take(const struct setting_value *v, struct arena *a, struct config *c,
                          struct pb_error *err)
{
    struct slice rest = slice_of(v->value);
    while (rest.n > 0) {
        struct in_addr unused;
        const char *comma = memchr(rest.p, ',', rest.n);
        struct slice one = {rest.p, comma != NULL ? (size_t)(comma - rest.p) : rest.n};
        rest.p += one.n + (comma != NULL);
        rest.n -= one.n + (comma != NULL);
        while (one.n > 0 && *one.p == ' ')
            one.p++, one.n--;
        while (one.n > 0 && one.p[one.n - 1] == ' ')
            one.n--;
        char *text = arena_copy(a, one.p, one.n);
        if (text == NULL)
            return error_memory(err);
        if (inet_pton(AF_INET, text, &unused) != 1)
            return error_set(err, PB_INVALID,
                             "%s: %s is not an IPv4 address, which is all that the protocol can say",
                             v->where, text);
        if (c->advertise_count == ADVERTISE_MAX)
            return error_set(err, PB_INVALID, "%s: more than %d addresses", v->where, ADVERTISE_MAX);
        c->advertise[c->advertise_count++] = text;
    }
    return PB_OK;
}

static int settings_make(const struct setting_value *values, size_t n, struct arena *a, void **out,
                         struct pb_error *err)
{
    struct config *c = arena_zero(a, sizeof *c);
    int rc = c == NULL ? error_memory(err) : PB_OK;
    if (rc == PB_OK)
        c->chunk_limit = CHUNK_LIMIT;
    for (size_t i = 0; rc == PB_OK && i < n; i++) {
        uint64_t limit = 0;
        if (strcmp(values[i].key, "advertise") == 0)
            rc = advertise_take(&values[i], a, c, err);
        else if (!slice_to_u64(slice_of(values[i].value), 1u << 30, &limit) || limit < PO_CHUNK)
            rc = error_set(err, PB_INVALID, "%s: chunk_limit is a number from %d to %d, not %s",
                           values[i].where, PO_CHUNK, 1 << 30, values[i].value);
        else
            c->chunk_limit = (uint32_t)limit;
    }
    *out = c;
    return rc;
}

static const char *const paths[] = {NULL};

const struct dialect playonline_dialect = {
    .name = PO_DIALECT,
    .settings = settings,
    .settings_make = settings_make,
    .paths = paths,
    .live_check = po_live_check,
    .compile = playonline_compile,
    .serve_polp = playonline_serve,
    .fetch = &playonline_fetch,
};
