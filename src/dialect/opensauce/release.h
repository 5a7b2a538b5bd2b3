/* What a release of a map is made of: attributes (JSON), entries, and the password's proof. Shared by
 * publishing, importing and serving. docs/formats/depot.md, "OpenSauce". */
#ifndef PB_OPENSAUCE_RELEASE_H
#define PB_OPENSAUCE_RELEASE_H

#include "depot/publication.h"
#include "dialect/opensauce/format.h"

#define OS_DIALECT "opensauce"

enum os_entry_kind {
    OS_PART = 1, /* extra: 16 bytes of MD5 before encryption, or nothing */
    OS_RAW = 2,  /* the map as it is */
};

struct os_attributes {
    struct os_definition map; /* without parts: these are entries */
    int level;                /* it was packed at; -1: unknown */
    bool encrypted;
    bool proof_known; /* false: an encrypted map imported without its password */
    struct sha256 proof;
    const char *redirect_root; /* may be NULL */
};

/* Canonical JSON text, or NULL when memory is out; free() it. */
char *os_attributes_emit(const struct os_attributes *a);
PB_MUST_USE int os_attributes_parse(const char *json, struct arena *arena, struct os_attributes *out,
                                    struct pb_error *err);

/* A keyed digest of the password that tells whether another is the same: HMAC-SHA256 under the map's MD5. */
PB_MUST_USE int os_password_proof(const char *password, size_t n, const struct md5 *map, struct sha256 *proof,
                                  struct pb_error *err);

/* The XXTEA key: the MD5 of the password. */
PB_MUST_USE int os_password_key(const char *password, struct md5 *key, struct pb_error *err);

#endif
