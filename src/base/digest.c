/* Digests through OpenSSL's EVP interface and libdeflate's CRC-32. */
#define OPENSSL_SUPPRESS_DEPRECATED /* md5_bytes: a context of EVP's costs more than the hash of a packet */
#include "base/digest.h"

#include <errno.h>
#include <libdeflate.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/md5.h>
#include <sys/random.h>
#include <unistd.h>

static int context_start(void **context, const EVP_MD *kind)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (c == NULL || EVP_DigestInit_ex(c, kind, NULL) != 1) {
        EVP_MD_CTX_free(c);
        return -1;
    }
    *context = c;
    return 0;
}

int digest_start(struct digest *d, unsigned kinds, struct pb_error *err)
{
    *d = (struct digest){.crc_wanted = (kinds & DIGEST_CRC32) != 0};
    if ((kinds & DIGEST_MD5) && context_start(&d->md5, EVP_md5()) != 0)
        return error_set(err, PB_FAILED, "MD5 is not available in this OpenSSL");
    if ((kinds & DIGEST_SHA256) && context_start(&d->sha256, EVP_sha256()) != 0) {
        digest_free(d);
        return error_set(err, PB_FAILED, "SHA-256 is not available in this OpenSSL");
    }
    return PB_OK;
}

void digest_add(struct digest *d, const void *p, size_t n)
{
    if (n == 0) /* p may be NULL then, which libdeflate takes for "begin again" */
        return;
    if (d->md5 != NULL)
        EVP_DigestUpdate(d->md5, p, n);
    if (d->sha256 != NULL)
        EVP_DigestUpdate(d->sha256, p, n);
    if (d->crc_wanted)
        d->crc32 = libdeflate_crc32(d->crc32, p, n);
    d->size += n;
}

void digest_finish(struct digest *d, struct digest_result *result)
{
    *result = (struct digest_result){.crc32 = d->crc32, .size = d->size};
    if (d->md5 != NULL)
        EVP_DigestFinal_ex(d->md5, result->md5.bytes, NULL);
    if (d->sha256 != NULL)
        EVP_DigestFinal_ex(d->sha256, result->sha256.bytes, NULL);
    digest_free(d);
}

void digest_free(struct digest *d)
{
    EVP_MD_CTX_free(d->md5);
    EVP_MD_CTX_free(d->sha256);
    *d = (struct digest){0};
}

int digest_bytes(unsigned kinds, const void *p, size_t n, struct digest_result *result, struct pb_error *err)
{
    struct digest d;
    int rc = digest_start(&d, kinds, err);
    if (rc < 0)
        return rc;
    digest_add(&d, p, n);
    digest_finish(&d, result);
    return PB_OK;
}

bool md5_bytes(const void *p, size_t n, struct md5 *out)
{
    MD5_CTX c;
    return MD5_Init(&c) == 1 && MD5_Update(&c, p, n) == 1 && MD5_Final(out->bytes, &c) == 1;
}

int digest_file(unsigned kinds, int fd, struct digest_result *result, struct pb_error *err)
{
    enum { STEP = 256 * 1024 };
    _cleanup_free_ char *step = malloc(STEP);
    if (step == NULL)
        return error_memory(err);
    _cleanup_digest_ struct digest d;
    int rc = digest_start(&d, kinds, err);
    if (rc < 0)
        return rc;
    for (;;) {
        ssize_t n = pread(fd, step, STEP, (off_t)d.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, errno, "read");
        if (n == 0)
            break;
        digest_add(&d, step, (size_t)n);
    }
    digest_finish(&d, result);
    return PB_OK;
}

int hmac_sha256(struct slice key, struct slice message, struct sha256 *out, struct pb_error *err)
{
    unsigned length = sizeof out->bytes;
    if (HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)message.p, message.n, out->bytes,
             &length) == NULL)
        return error_set(err, PB_FAILED, "HMAC-SHA256 is not available in this OpenSSL");
    return PB_OK;
}

bool bytes_equal_constant_time(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

int bytes_random(void *p, size_t n, struct pb_error *err)
{
    if (getrandom(p, n, 0) != (ssize_t)n)
        return error_errno(err, errno, "random bytes");
    return PB_OK;
}
