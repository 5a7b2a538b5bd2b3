/* Cutting an archive into parts, and encrypting them. */
#include "dialect/opensauce/parts.h"

#include "codec/xxtea.h"

#include <stdio.h>

/* Encrypts (in place) and stores the first n held bytes as the next part. */
static int part_cut(struct part_cutter *c, size_t n, struct pb_error *err)
{
    char name[OS_NAME_MAX + 32];
    struct digest_result plain = {0};
    struct object object;
    struct slice extra = {0};
    _cleanup_object_writer_ struct object_writer w = {.fd = -1};
    int rc = PB_OK;
    if (c->key != NULL) {
        rc = digest_bytes(DIGEST_MD5, c->held, n, &plain, err);
        xxtea_encrypt(c->held, n, c->key);
        extra = (struct slice){(const char *)plain.md5.bytes, sizeof plain.md5.bytes};
    }
    snprintf(name, sizeof name, "%s.%s.%03u", c->stem, c->ending, c->count + 1);
    if (rc == PB_OK)
        rc = object_writer_open(c->publication->depot, &w, err);
    if (rc == PB_OK)
        rc = object_writer_add(&w, c->held, n, err);
    if (rc == PB_OK)
        rc = object_writer_finish(&w, &object, err);
    if (rc == PB_OK)
        rc = publication_add(c->publication, slice_of(name), OS_PART, &object, extra, err);
    if (rc < 0)
        return error_context(err, "part %u", c->count + 1);
    c->n -= n;
    memmove(c->held, c->held + n, c->n);
    c->count++;
    c->total += n;
    return PB_OK;
}

/* A full part is cut only once 256 more bytes are known to follow, so that the last can have its 256. */
int part_cutter_add(void *cutter, const void *p, size_t n, struct pb_error *err)
{
    struct part_cutter *c = cutter;
    for (const uint8_t *from = p; n > 0;) {
        size_t step = sizeof c->held - c->n;
        if (step > n)
            step = n;
        memcpy(c->held + c->n, from, step);
        c->n += step;
        from += step;
        n -= step;
        if (c->n == sizeof c->held) {
            int rc = part_cut(c, OS_PART_SIZE, err);
            if (rc < 0)
                return rc;
        }
    }
    return PB_OK;
}

int part_cutter_finish(struct part_cutter *c, struct pb_error *err)
{
    int rc = PB_OK;
    if (c->key != NULL && c->total + c->n < XXTEA_BLOCK)
        return error_set(
            err, PB_INVALID,
            "the archive has %zu bytes; one below 256 bytes cannot be encrypted: publish without a password",
            c->n);
    if (c->n > OS_PART_SIZE) {
        size_t first = c->key != NULL ? c->n - XXTEA_BLOCK : OS_PART_SIZE;
        rc = part_cut(c, first < OS_PART_SIZE ? first : OS_PART_SIZE, err);
    }
    return rc == PB_OK && c->n > 0 ? part_cut(c, c->n, err) : rc;
}
