/* Durations, sizes and near words, as a program reads them: values, bounds, and the texts of errors. */
#include "test.h"

#include "patchbay/words.h"

static void durations(void **state)
{
    struct pb_error err = {0};
    uint64_t n = 7;
    (void)state;
    assert_int_equal(pb_duration_read("5m", 1, 86400, &n, &err), PB_OK);
    assert_int_equal(n, 300);
    assert_int_equal(pb_duration_read("0", 1, 86400, &n, &err), PB_INVALID);
    assert_string_equal(err.text, "is a duration from 1s to 1d, such as 30s, 5m, 1h or 7d, not 0");
    assert_int_equal(err.status, PB_INVALID);
    assert_int_equal(pb_duration_read("2d", 0, 5400, &n, &err), PB_INVALID);
    assert_string_equal(err.text, "is a duration from 0s to 90m, such as 30s, 5m, 1h or 7d, not 2d");
    assert_int_equal(n, 300); /* as it was */
}

static void sizes(void **state)
{
    struct pb_error err = {0};
    uint64_t n = 7;
    (void)state;
    assert_int_equal(pb_bytes_read("10M", 0, 1 << 30, &n, &err), PB_OK);
    assert_int_equal(n, 10 << 20);
    assert_int_equal(pb_bytes_read("10m", 0, 1 << 30, &n, &err), PB_OK);
    assert_int_equal(n, 10 << 20);
    assert_int_equal(pb_bytes_read("1000", 1024, 1 << 30, &n, &err), PB_INVALID);
    assert_string_equal(err.text, "is a number of bytes from 1k to 1G, such as 500k, 10M or 2G, not 1000");
    assert_int_equal(pb_bytes_read("1.5M", 0, 1 << 30, &n, &err), PB_INVALID);
    assert_int_equal(n, 10 << 20);
}

static void near_words(void **state)
{
    static const char *const words[] = {"list", "ban", "bans", "unban", "status"};
    const char *near[PB_NEAR_MAX];
    (void)state;
    assert_int_equal(pb_words_near("bant", words, 5, near), 2);
    assert_ptr_equal(near[0], words[1]);
    assert_ptr_equal(near[1], words[2]);
    assert_int_equal(pb_words_near("stauts", words, 5, near), 1);
    assert_ptr_equal(near[0], words[4]);
    assert_int_equal(pb_words_near("frobnicate", words, 5, near), 0);
    assert_int_equal(pb_words_near("list", words, 0, near), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(durations),
    cmocka_unit_test(sizes),
    cmocka_unit_test(near_words),
};
TEST_MAIN(tests)
