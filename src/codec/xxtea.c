/* Corrected block TEA (Wheeler and Needham, 1998) with 64 words a block, so 6 + 52/64 = 6 rounds. */
#include "codec/xxtea.h"

enum { WORDS = XXTEA_BLOCK / 4, ROUNDS = 6 + 52 / WORDS };
#define DELTA 0x9e3779b9u

static uint32_t mix(uint32_t y, uint32_t z, uint32_t sum, uint32_t key_word)
{
    return (((z >> 5) ^ (y << 2)) + ((y >> 3) ^ (z << 4))) ^ ((sum ^ y) + (key_word ^ z));
}

static void words_load(uint32_t *v, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = get_le32(p + 4 * i);
}

static void words_store(uint8_t *p, const uint32_t *v)
{
    for (size_t i = 0; i < WORDS; i++)
        put_le32(p + 4 * i, v[i]);
}

static void block_encrypt(uint8_t *block, const uint32_t k[4])
{
    uint32_t v[WORDS], sum = 0;
    words_load(v, block, WORDS);
    uint32_t z = v[WORDS - 1];
    for (int round = 0; round < ROUNDS; round++) {
        sum += DELTA;
        uint32_t e = (sum >> 2) & 3;
        for (uint32_t p = 0; p < WORDS; p++) {
            uint32_t y = v[(p + 1) % WORDS];
            z = v[p] += mix(y, z, sum, k[(p & 3) ^ e]);
        }
    }
    words_store(block, v);
}

static void block_decrypt(uint8_t *block, const uint32_t k[4])
{
    uint32_t v[WORDS], sum = ROUNDS * DELTA;
    words_load(v, block, WORDS);
    uint32_t y = v[0];
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t e = (sum >> 2) & 3;
        for (uint32_t p = WORDS; p-- > 0;) {
            uint32_t z = v[(p + WORDS - 1) % WORDS];
            y = v[p] -= mix(y, z, sum, k[(p & 3) ^ e]);
        }
        sum -= DELTA;
    }
    words_store(block, v);
}

void xxtea_encrypt(uint8_t *p, size_t n, const uint8_t key[XXTEA_KEY])
{
    uint32_t k[4];
    words_load(k, key, 4);
    for (size_t at = 0; at + XXTEA_BLOCK <= n; at += XXTEA_BLOCK)
        block_encrypt(p + at, k);
    if (n % XXTEA_BLOCK != 0)
        block_encrypt(p + n - XXTEA_BLOCK, k);
    explicit_bzero(k, sizeof k);
}

void xxtea_decrypt(uint8_t *p, size_t n, const uint8_t key[XXTEA_KEY])
{
    uint32_t k[4];
    words_load(k, key, 4);
    if (n % XXTEA_BLOCK != 0)
        block_decrypt(p + n - XXTEA_BLOCK, k);
    for (size_t at = 0; at + XXTEA_BLOCK <= n; at += XXTEA_BLOCK)
        block_decrypt(p + at, k);
    explicit_bzero(k, sizeof k);
}
