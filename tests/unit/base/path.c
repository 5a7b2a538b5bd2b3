/* Which names from outside may become file names. */
#include "test.h"

#include "base/path.h"

static void good_names(void **state)
{
    static const char *const good[] = {"a",   "immure.map", "blood.7z.001", "Two words.map", "\xc3\xa4.map",
                                       "a..b"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(path_name_ok(slice_of(good[i]), NULL));
}

static void bad_names(void **state)
{
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      "a/b",
                                      "/a",
                                      "a\\b",
                                      ".hidden",
                                      "a.",
                                      " a",
                                      "a ",
                                      "a\nb",
                                      "a\x7f",
                                      "a:b",
                                      "con\x01",
                                      "a\"b",
                                      "a|b",
                                      "\xff\xfe",
                                      "\xc0\xaf",
                                      "\xed\xa0\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xe0\x80\xaf"};
    char long_name[300];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *why = NULL;
        assert_false(path_name_ok(slice_of(bad[i]), &why));
        assert_non_null(why);
    }
    memset(long_name, 'a', sizeof long_name);
    assert_true(path_name_ok((struct slice){long_name, 255}, NULL));
    assert_false(path_name_ok((struct slice){long_name, 256}, NULL));
    assert_false(path_name_ok((struct slice){"a\0b", 3}, NULL));
}

static void bases(void **state)
{
    (void)state;
    assert_slice(path_base(slice_of("/a/b.map")), "b.map");
    assert_slice(path_base(slice_of("b.map")), "b.map");
    assert_slice(path_base(slice_of("a/")), "");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(good_names),
    cmocka_unit_test(bad_names),
    cmocka_unit_test(bases),
};
TEST_MAIN(tests)
