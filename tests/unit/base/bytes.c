/* Slices, numbers, the buffer's ceiling, hex. */
#include "test.h"

static void numbers(void **state)
{
    uint64_t v = 7;
    (void)state;
    assert_true(slice_to_u64(slice_of("0"), UINT64_MAX, &v));
    assert_int_equal(v, 0);
    assert_true(slice_to_u64(slice_of("18446744073709551615"), UINT64_MAX, &v));
    assert_true(v == UINT64_MAX);
    assert_false(slice_to_u64(slice_of("18446744073709551616"), UINT64_MAX, &v));
    assert_true(slice_to_u64(slice_of("4294967295"), UINT32_MAX, &v));
    assert_false(slice_to_u64(slice_of("4294967296"), UINT32_MAX, &v));
    assert_false(slice_to_u64(slice_of("9"), 8, &v));
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x1", "1.", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(slice_to_u64(slice_of(bad[i]), UINT64_MAX, &v));
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        uint64_t seconds;
    } good[] = {{"0", 0},     {"90", 90},     {"30s", 30},     {"5m", 300},
                {"1h", 3600}, {"7d", 604800}, {"2w", 1209600}, {"0d", 0}};
    static const char *const bad[] = {"",     "s",   "-1",   "+1s", "1.5h",
                                      "1 h",  " 1h", "1h ",  "1H",  "1hm",
                                      "1h5m", "1y",  "0x1s", "31d", "18446744073709551615w"};
    uint64_t v;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(slice_to_seconds(slice_of(good[i].text), 30 * 86400, &v));
        assert_int_equal(v, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(slice_to_seconds(slice_of(bad[i]), 30 * 86400, &v));
    assert_true(slice_to_seconds(slice_of("30d"), 30 * 86400, &v));
    assert_false(
        slice_to_seconds(slice_of("30500568904944w"), UINT64_MAX, &v)); /* 64 bits, and one week more */
    assert_true(slice_to_seconds(slice_of("30500568904943w"), UINT64_MAX, &v));
}

static void buffer_has_a_ceiling(void **state)
{
    struct buffer b;
    (void)state;
    buffer_init(&b, 10);
    assert_true(buffer_text(&b, "12345"));
    assert_true(buffer_format(&b, "%d", 67890));
    assert_false(buffer_text(&b, "x"));
    assert_true(b.failed);
    assert_int_equal(b.n, 10);
    assert_string_equal(b.p, "1234567890");
    assert_false(buffer_append(&b, "", 0)); /* once failed, always */
    buffer_free(&b);
}

static void hex(void **state)
{
    char text[9];
    uint8_t bytes[4];
    (void)state;
    hex_encode("\x00\xff\x1a\x2b", 4, text);
    assert_string_equal(text, "00ff1a2b");
    assert_true(hex_decode(slice_of("00FF1a2B"), bytes, 4));
    assert_memory_equal(bytes, "\x00\xff\x1a\x2b", 4);
    assert_false(hex_decode(slice_of("00ff1a2"), bytes, 4));
    assert_false(hex_decode(slice_of("00ff1a2g"), bytes, 4));
    assert_false(hex_decode(slice_of("00ff1a2b00"), bytes, 4));
}

static void percent_escapes(void **state)
{
    char out[8];
    (void)state;
    assert_int_equal(percent_decode(slice_of("a%20b"), out, sizeof out), 3);
    assert_memory_equal(out, "a b", 3);
    assert_int_equal(percent_decode(slice_of("%2"), out, sizeof out), -1);
    assert_int_equal(percent_decode(slice_of("a%00b"), out, sizeof out), -1);
    assert_int_equal(percent_decode((struct slice){"a\0b", 3}, out, sizeof out), -1);
}

static void case_is_ascii_only(void **state)
{
    (void)state;
    assert_true(slice_equal_nocase(slice_of("Blood.MAP"), slice_of("bLOOD.map")));
    assert_false(slice_equal_nocase(slice_of("\xc3\x84"), slice_of("\xc3\xa4")));
    assert_true(slice_ends_nocase(slice_of("a.MAP"), slice_of(".map")));
    assert_false(slice_ends_nocase(slice_of("ap"), slice_of(".map")));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(numbers), cmocka_unit_test(durations),       cmocka_unit_test(buffer_has_a_ceiling),
    cmocka_unit_test(hex),     cmocka_unit_test(percent_escapes), cmocka_unit_test(case_is_ascii_only),
};
TEST_MAIN(tests)
