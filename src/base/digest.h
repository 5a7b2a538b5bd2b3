/* Digests: MD5 and SHA-256 (OpenSSL) and CRC-32 (libdeflate), computed in one pass over the data. */
#ifndef PB_BASE_DIGEST_H
#define PB_BASE_DIGEST_H

#include "base/bytes.h"

struct md5 {
    uint8_t bytes[16];
};
struct sha256 {
    uint8_t bytes[32];
};
enum { MD5_HEX = 32, SHA256_HEX = 64 };

enum digest_kinds {
    DIGEST_MD5 = 1,
    DIGEST_SHA256 = 2,
    DIGEST_CRC32 = 4,
};

struct digest_result {
    struct md5 md5;
    struct sha256 sha256;
    uint32_t crc32;
    uint64_t size;
};

/* A digest under way, of one or more kinds. */
struct digest {
    void *md5;
    void *sha256;
    bool crc_wanted;
    uint32_t crc32;
    uint64_t size;
};

PB_MUST_USE int digest_start(struct digest *d, unsigned kinds, struct pb_error *err);
void digest_add(struct digest *d, const void *p, size_t n);
void digest_finish(struct digest *d, struct digest_result *result); /* frees *d, too */
void digest_free(struct digest *d);                                 /* may be called twice */

PB_MUST_USE int digest_bytes(unsigned kinds, const void *p, size_t n, struct digest_result *result,
                             struct pb_error *err);
/* The MD5 of a few bytes, without an allocation. False when OpenSSL does not provide MD5. */
bool md5_bytes(const void *p, size_t n, struct md5 *out);
/* The digest of a whole file. The file's position does not change. */
PB_MUST_USE int digest_file(unsigned kinds, int fd, struct digest_result *result, struct pb_error *err);

/* HMAC-SHA256 of `message` under `key`. */
PB_MUST_USE int hmac_sha256(struct slice key, struct slice message, struct sha256 *out, struct pb_error *err);

static inline bool md5_equal(const struct md5 *a, const struct md5 *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Compares in constant time: for secrets. */
bool bytes_equal_constant_time(const void *a, const void *b, size_t n);
PB_MUST_USE int bytes_random(void *p, size_t n, struct pb_error *err);

#define _cleanup_digest_ __attribute__((cleanup(digest_free)))

#endif
