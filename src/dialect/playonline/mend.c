/* Mending lists that earlier versions of patchbay wrote with CRC-32 for checksum_b. */
#include "base/file.h"
#include "codec/slc.h"
#include "depot/lock.h"
#include "depot/stored.h"
#include "dialect/playonline/release.h"

#include <stdio.h>

/* One release under way. */
struct mending {
    struct depot *depot;
    struct arena arena;
    struct stored_release release;
    struct po_config config;
    size_t mended; /* lines */
};

static int bytes_digest(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct digest *d = arg;
    if (n > PO_STORED_MAX - d->size)
        return error_set(err, PB_DAMAGED, "it is too large for the protocol");
    digest_add(d, p, n);
    return PB_OK;
}

/* The digests of the file that a stored one unpacks to. False: they can't be had. */
static bool file_digest(const struct mending *m, const struct object *o, struct digest_result *out)
{
    _cleanup_fd_ int fd = -1;
    _cleanup_digest_ struct digest d = {0};
    if (object_open(m->depot->objects, &o->name, o->size, &fd, NULL) < 0 ||
        digest_start(&d, DIGEST_MD5 | DIGEST_CRC32, NULL) < 0 || slc_unpack(fd, bytes_digest, &d, NULL) < 0)
        return false;
    digest_finish(&d, out);
    return true;
}

static void line_mend(struct mending *m, struct po_line *l)
{
    const struct publication_entry *e = l->raw == NULL ? stored_entry_find(&m->release, l->direct) : NULL;
    struct digest_result r;
    if (e == NULL || e->kind != PO_FILE || !file_digest(m, &e->object, &r))
        return;
    int32_t right = po_sum_b(&r.md5);
    if (l->sum_b == right || l->sum_b != (int32_t)r.crc32)
        return; /* right, or a foreign server's word */
    l->sum_b = right;
    m->mended++;
}

static int list_mend(struct mending *m, struct pb_error *err)
{
    const struct publication_entry *e = stored_entry_find(&m->release, PO_CONFIG);
    if (e == NULL)
        return error_set(err, PB_DAMAGED, "the release has no " PO_CONFIG);
    int rc = po_config_read(m->depot->objects, &e->object.name, e->object.size, &m->arena, &m->config, err);
    for (size_t i = 0; rc == PB_OK && i < m->config.n; i++) {
        for (size_t k = 0; k < m->config.files[i].n; k++)
            line_mend(m, &m->config.files[i].lines[k]);
    }
    return rc;
}

static int release_mend(struct mending *m, int64_t id, struct po_attributes *a, struct pb_error *err)
{
    struct object object = {0};
    uint8_t hash[4] = {0};
    _cleanup_buffer_ struct buffer bytes;
    buffer_init(&bytes, PO_CONFIG_MAX);
    int rc = stored_release_load(m->depot, id, &m->arena, &m->release, err);
    if (rc != 1)
        return rc;
    rc = list_mend(m, err);
    if (rc < 0)
        return rc;
    a->oldest = po_config_oldest(&m->config);
    _cleanup_free_ char *attributes = po_attributes_emit(a);
    if (attributes == NULL)
        return error_memory(err);
    if (m->mended > 0) {
        rc = po_config_pack(&m->config, &bytes, err);
        if (rc == PB_OK)
            rc = po_status_hash((struct slice){bytes.p, bytes.n}, hash, err);
        if (rc == PB_OK)
            rc = object_store(m->depot, bytes.p, bytes.n, &object, err);
    }
    return rc < 0 ? rc
                  : release_amend(m->depot, id, attributes, m->mended > 0 ? PO_CONFIG : NULL, &object,
                                  (struct slice){(const char *)hash, sizeof hash}, err);
}

static void row_tell(const struct stored_row *row, size_t mended, const struct pb_error *fault,
                     dialect_tell_fn *tell, void *arg)
{
    char text[PB_ERROR_TEXT_MAX + 400];
    if (tell == NULL || (fault == NULL && mended == 0))
        return;
    if (fault != NULL)
        snprintf(text, sizeof text, PO_DIALECT "/%s %s: its " PO_CONFIG " can't be mended: %s", row->title,
                 row->version, fault->text);
    else
        snprintf(text, sizeof text,
                 PO_DIALECT "/%s %s: the second checksum of %zu lines was CRC-32 and is an MD5's now",
                 row->title, row->version, mended);
    tell(arg, text);
}

/* A release that can't be mended stays as it is, and keeps no other from being mended. */
static int row_mend(struct depot *d, const struct stored_row *row, dialect_tell_fn *tell, void *arg,
                    struct pb_error *err)
{
    struct mending m = {.depot = d};
    struct po_attributes a;
    struct pb_error fault;
    arena_init(&m.arena, 0);
    int rc = po_attributes_parse(row->attributes, &m.arena, &a, &fault);
    if (rc == PB_OK && a.unmended) {
        rc = release_mend(&m, row->id, &a, &fault);
        row_tell(row, m.mended, rc < 0 ? &fault : NULL, tell, arg);
    }
    arena_free(&m.arena);
    if (rc == PB_NO_MEMORY || rc == PB_NO_SPACE) {
        *err = fault;
        return rc;
    }
    return PB_OK;
}

int po_mend(struct depot *d, dialect_tell_fn *tell, void *arg, struct pb_error *err)
{
    struct stored_row *rows = NULL;
    size_t n = 0;
    _cleanup_arena_ struct arena arena;
    arena_init(&arena, 0);
    if (d->read_only) /* it is served as it is */
        return PB_OK;
    int rc = depot_lock(d, err);
    if (rc < 0)
        return error_context(err, "mend " PO_CONFIG);
    rc = stored_each(d, PO_DIALECT, &arena, &rows, &n, err);
    for (size_t i = 0; rc == PB_OK && i < n; i++)
        rc = row_mend(d, &rows[i], tell, arg, err);
    depot_unlock(d);
    return rc < 0 ? error_context(err, "mend " PO_CONFIG) : PB_OK;
}
