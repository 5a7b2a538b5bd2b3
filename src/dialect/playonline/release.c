/* Attributes, hashes of replies, patch.cfg as an entry, names: what publishing and importing share. */
#include "dialect/playonline/release.h"

#include "base/file.h"
#include "codec/slc.h"
#include "depot/stored.h"

#include <jansson.h>

/* ---- attributes ---- */

char *po_attributes_emit(const struct po_attributes *a)
{
    json_t *list = json_array(), *o = json_pack("{s:o, s:s?}", "aliases", list, "oldest", a->oldest);
    int bad = o == NULL;
    for (size_t i = 0; i < a->alias_count; i++)
        bad |= json_array_append_new(list, json_string(a->aliases[i]));
    char *text = bad ? NULL : json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(o);
    return text;
}

int po_attributes_parse(const char *json, struct arena *arena, struct po_attributes *out,
                        struct pb_error *err)
{
    size_t i;
    json_t *alias, *o = json_loads(json, 0, NULL);
    struct polp_id app, hardware;
    bool good = json_is_object(o);
    *out = (struct po_attributes){0};
    json_array_foreach(json_object_get(o, "aliases"), i, alias)
    {
        const char *text = json_string_value(alias);
        good = good && text != NULL && out->alias_count < PO_ALIASES_MAX &&
               po_title_parse(slice_of(text), &app, &hardware);
        if (!good)
            break;
        out->aliases[out->alias_count] = arena_text(arena, text);
        good = out->aliases[out->alias_count++] != NULL;
    }
    const json_t *oldest = json_object_get(o, "oldest");
    out->unmended = oldest == NULL;
    if (good && json_is_string(oldest)) {
        out->oldest = arena_text(arena, json_string_value(oldest));
        good = out->oldest != NULL;
    }
    json_decref(o);
    return good ? PB_OK : error_set(err, PB_DAMAGED, "the release's attributes are damaged");
}

/* ---- hashes of replies ---- */

void po_hasher_start(struct po_hasher *h, struct slice name)
{
    *h = (struct po_hasher){.name = name};
}

void po_hasher_free(struct po_hasher *h)
{
    free(h->chunk);
    free(h->hashes);
    *h = (struct po_hasher){0};
}

/* The chunk's head says how long it is: so it is hashed when it is whole. */
static int chunk_end(struct po_hasher *h, struct pb_error *err)
{
    char head[POLP_FILE_HEAD + POLP_NAME_MAX];
    struct digest_result r;
    struct digest d;
    size_t n = polp_file_head(head, (uint32_t)(h->count * PO_CHUNK), h->n, h->n, h->name);
    if (h->count == h->room) {
        size_t room = h->room == 0 ? 8 : 2 * h->room;
        uint8_t *more = realloc(h->hashes, 4 * room);
        if (more == NULL)
            return error_memory(err);
        h->hashes = more;
        h->room = room;
    }
    int rc = digest_start(&d, DIGEST_MD5, err);
    if (rc < 0)
        return rc;
    digest_add(&d, head + POLP_HASHED, n - POLP_HASHED);
    digest_add(&d, h->chunk, h->n);
    digest_finish(&d, &r);
    memcpy(h->hashes + 4 * h->count++, r.md5.bytes, 4);
    h->n = 0;
    return PB_OK;
}

int po_hasher_add(struct po_hasher *h, const void *p, size_t n, struct pb_error *err)
{
    int rc = PB_OK;
    if (h->chunk == NULL && (h->chunk = malloc(PO_CHUNK)) == NULL)
        return error_memory(err);
    for (const char *at = p; rc == PB_OK && n > 0;) {
        size_t step = n < PO_CHUNK - h->n ? n : PO_CHUNK - h->n;
        memcpy(h->chunk + h->n, at, step);
        h->n += (uint32_t)step;
        at += step;
        n -= step;
        rc = h->n == PO_CHUNK ? chunk_end(h, err) : PB_OK;
    }
    return rc;
}

int po_hasher_finish(struct po_hasher *h, uint8_t **hashes, struct pb_error *err)
{
    int rc = h->n > 0 ? chunk_end(h, err) : PB_OK;
    if (rc < 0)
        return rc;
    *hashes = h->hashes;
    h->hashes = NULL;
    po_hasher_free(h);
    return PB_OK;
}

int po_hashes_make(const struct depot *d, const struct object *o, struct slice name, uint8_t **hashes,
                   struct pb_error *err)
{
    char step[PO_CHUNK];
    struct po_hasher h;
    _cleanup_fd_ int fd = -1;
    po_hasher_start(&h, name);
    int rc = object_open(d->objects, &o->name, o->size, &fd, err);
    for (uint64_t at = 0; rc == PB_OK && at < o->size; at += sizeof step) {
        size_t n = o->size - at < sizeof step ? (size_t)(o->size - at) : sizeof step;
        rc = file_read_at(fd, step, n, at, err);
        if (rc == PB_OK)
            rc = po_hasher_add(&h, step, n, err);
    }
    if (rc == PB_OK)
        rc = po_hasher_finish(&h, hashes, err);
    po_hasher_free(&h);
    return rc;
}

/* ---- patch.cfg ---- */

int po_status_hash(struct slice bytes, uint8_t hash[4], struct pb_error *err)
{
    char head[POLP_HEADER];
    struct digest_result r;
    _cleanup_digest_ struct digest d = {0};
    if (bytes.n > PO_CONFIG_MAX)
        return error_set(err, PB_INVALID, PO_CONFIG " has more than %d bytes", PO_CONFIG_MAX);
    polp_header_put(head, (uint32_t)(sizeof head + bytes.n), POLP_STATUS_REPLY);
    int rc = digest_start(&d, DIGEST_MD5, err);
    if (rc < 0)
        return rc;
    digest_add(&d, head + POLP_HASHED, sizeof head - POLP_HASHED);
    digest_add(&d, bytes.p, bytes.n);
    digest_finish(&d, &r);
    memcpy(hash, r.md5.bytes, 4);
    return PB_OK;
}

int po_status_add(struct publication *p, struct slice bytes, struct pb_error *err)
{
    struct object object;
    uint8_t hash[4];
    int rc = po_status_hash(bytes, hash, err);
    if (rc == PB_OK)
        rc = object_store(p->depot, bytes.p, bytes.n, &object, err);
    struct slice extra = {(const char *)hash, sizeof hash};
    return rc < 0 ? rc : publication_add(p, slice_of(PO_CONFIG), PO_STATUS, &object, extra, err);
}

int po_config_pack(const struct po_config *c, struct buffer *out, struct pb_error *err)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, PO_CONFIG_MAX);
    po_config_emit(c, &text);
    if (text.failed)
        return text.starved ? error_memory(err)
                            : error_set(err, PB_INVALID, PO_CONFIG " has more than %d bytes", PO_CONFIG_MAX);
    return slc_list_pack((struct slice){text.p, text.n}, out, err);
}

int po_config_read(int objects, const struct sha256 *name, uint64_t size, struct arena *a,
                   struct po_config *out, struct pb_error *err)
{
    _cleanup_fd_ int fd = -1;
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, PO_CONFIG_MAX);
    int rc = object_open(objects, name, size, &fd, err);
    if (rc == PB_OK)
        rc = slc_unpack_file(fd, &text, err);
    return rc < 0 ? rc : po_config_parse((struct slice){text.p, text.n}, a, out, err);
}

/* ---- names ---- */

struct names_check {
    const char *title;
    const struct po_attributes *attributes;
};

static bool has_name(const char *title, const struct po_attributes *a, const char *name)
{
    bool has = strcmp(title, name) == 0;
    for (size_t i = 0; i < a->alias_count && !has; i++)
        has = strcmp(a->aliases[i], name) == 0;
    return has;
}

static int title_compare(void *arg, const char *other, const char *version, const char *attributes,
                         struct pb_error *err)
{
    const struct names_check *c = arg;
    struct po_attributes a;
    _cleanup_arena_ struct arena arena;
    arena_init(&arena, 0);
    (void)version;
    if (strcmp(other, c->title) == 0 || po_attributes_parse(attributes, &arena, &a, err) < 0)
        return PB_OK;
    if (has_name(other, &a, c->title))
        return error_set(err, PB_INVALID, "%s: the live title %s has this name", c->title, other);
    for (size_t i = 0; i < c->attributes->alias_count; i++) {
        if (has_name(other, &a, c->attributes->aliases[i]))
            return error_set(err, PB_INVALID, "%s: the live title %s has this name",
                             c->attributes->aliases[i], other);
    }
    return PB_OK;
}

int po_names_make(struct depot *d, const char *app, const char *hardware, const char *const *aliases,
                  size_t n, struct arena *a, const char **title, struct po_attributes *out,
                  struct pb_error *err)
{
    struct polp_id id;
    *out = (struct po_attributes){0};
    if (!polp_id_parse(slice_of(app), &id))
        return error_set(err, PB_INVALID, "application %s: must be one to four letters or digits", app);
    if (n > PO_ALIASES_MAX)
        return error_set(err, PB_INVALID, "more than %d aliases", PO_ALIASES_MAX);
    for (size_t i = 0; i <= n; i++) {
        const char *one = i == 0 ? hardware : aliases[i - 1];
        const char *name = arena_format(a, "%s@%s", app, one);
        if (!polp_id_parse(slice_of(one), &id))
            return error_set(err, PB_INVALID, "hardware %s: must be one to four letters or digits", one);
        if (name == NULL)
            return error_memory(err);
        if (i == 0)
            *title = name;
        else if (has_name(*title, out, name))
            return error_set(err, PB_INVALID, "the alias %s is there twice", one);
        else
            out->aliases[out->alias_count++] = name;
    }
    struct names_check c = {*title, out};
    return stored_live_each(d, PO_DIALECT, title_compare, &c, err);
}

int po_live_check(struct depot *d, const struct dialect *const *all, const char *name, const char *attributes,
                  struct pb_error *err)
{
    struct po_attributes a;
    _cleanup_arena_ struct arena arena;
    struct names_check c = {name, &a};
    arena_init(&arena, 0);
    (void)all;
    int rc = po_attributes_parse(attributes, &arena, &a, err);
    return rc < 0 ? rc : stored_live_each(d, PO_DIALECT, title_compare, &c, err);
}
