/* XXTEA against values that an implementation in another language computed (tests/interop/opensauce_client.py
 * has its like), and the rule for what remains behind the last whole block. */
#include "test.h"

#include "base/digest.h"
#include "codec/xxtea.h"

static const uint8_t key[XXTEA_KEY] = {0x5e, 0xbe, 0x22, 0x94, 0xec, 0xd0, 0xe0, 0xf0,
                                       0x8e, 0xab, 0x76, 0x90, 0xd2, 0xa6, 0xee, 0x69}; /* MD5 of "secret" */

static void assert_md5(const uint8_t *p, size_t n, const char *wanted)
{
    struct digest_result r;
    char hex[MD5_HEX + 1];
    assert_int_equal(digest_bytes(DIGEST_MD5, p, n, &r, NULL), 0);
    hex_encode(r.md5.bytes, sizeof r.md5.bytes, hex);
    assert_string_equal(hex, wanted);
}

static void known_values(void **state)
{
    uint8_t one[256], more[300];
    (void)state;
    for (size_t i = 0; i < sizeof one; i++)
        one[i] = (uint8_t)i;
    xxtea_encrypt(one, sizeof one, key);
    assert_md5(one, sizeof one, "ce2409ce9e00c5131c565c228ef0ccd2");
    for (size_t i = 0; i < sizeof more; i++)
        more[i] = (uint8_t)(i * 7);
    xxtea_encrypt(more, sizeof more, key);
    assert_md5(more, sizeof more, "df89efaeab2a15722d29d3ae90085a3b");
}

static void every_length_comes_back(void **state)
{
    enum { MOST = 1100 };
    uint8_t plain[MOST], work[MOST];
    (void)state;
    for (size_t i = 0; i < MOST; i++)
        plain[i] = (uint8_t)(i * 31 + i / 256);
    for (size_t n = XXTEA_BLOCK; n <= MOST; n++) {
        memcpy(work, plain, n);
        xxtea_encrypt(work, n, key);
        assert_memory_not_equal(work, plain, n);
        xxtea_decrypt(work, n, key);
        assert_memory_equal(work, plain, n);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(known_values),
    cmocka_unit_test(every_length_comes_back),
};
TEST_MAIN(tests)
