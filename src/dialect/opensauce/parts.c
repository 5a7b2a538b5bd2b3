/* Cutting an archive into parts, and encrypting them. */
#include "dialect/opensauce/parts.h"

#include "codec/xxtea.h"

#include <stdio.h>

int part_cutter_start(struct part_cutter *c, struct pb_error *err)
{
    return digest_start(&c->digest, DIGEST_SHA256, err);
}

void part_cutter_end(struct part_cutter *c)
{
    digest_free(&c->digest);
}

/* Encrypts (in place) and stores the first n held bytes as the next part. */
static int part_cut(struct part_cutter *c, size_t n, struct pb_error *err)
{
    struct digest_result plain = {0};
    _cleanup_object_writer_ struct object_writer w = {.fd = -1};
    c->parts = arena_grow(&c->publication->arena, c->parts, c->count, &c->room, sizeof *c->parts);
    int rc = c->parts == NULL ? error_memory(err) : PB_OK;
    if (rc == PB_OK && c->key != NULL) {
        rc = digest_bytes(DIGEST_MD5, c->held, n, &plain, err);
        xxtea_encrypt(c->held, n, c->key);
    }
    if (rc < 0)
        return rc;
    struct part_cut *part = &c->parts[c->count];
    part->plain = plain.md5;
    digest_add(&c->digest, c->held, n);
    rc = object_writer_open(c->publication->depot, &w, err);
    if (rc == PB_OK)
        rc = object_writer_add(&w, c->held, n, err);
    if (rc == PB_OK)
        rc = object_writer_finish(&w, &part->object, err);
    if (rc < 0)
        return error_context(err, "part %zu", c->count + 1);
    c->n -= n;
    memmove(c->held, c->held + n, c->n);
    c->count++;
    c->total += n;
    return PB_OK;
}

/* All bytes are known now, and with them the parts' names. */
static int parts_add(struct part_cutter *c, struct pb_error *err)
{
    enum { MARK = 8 /* digits */ };
    char name[OS_NAME_MAX + 48], hex[SHA256_HEX + 1];
    struct digest_result all;
    digest_finish(&c->digest, &all);
    hex_encode(all.sha256.bytes, sizeof all.sha256.bytes, hex);
    int rc = PB_OK;
    for (size_t i = 0; rc == PB_OK && i < c->count; i++) {
        const struct part_cut *part = &c->parts[i];
        struct slice extra = {(const char *)part->plain.bytes, c->key != NULL ? sizeof part->plain.bytes : 0};
        snprintf(name, sizeof name, "%s-%.*s.%s.%03zu", c->stem, MARK, hex, c->ending, i + 1);
        rc = publication_add(c->publication, slice_of(name), OS_PART, &part->object, extra, err);
    }
    return rc;
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
    if (rc == PB_OK && c->n > 0)
        rc = part_cut(c, c->n, err);
    return rc == PB_OK ? parts_add(c, err) : rc;
}
