/* Which names from outside may become file names. */
#include "test.h"

#include "base/path.h"

static void good_names(void **state)
{
    static const char *const good[] = {"a",    "immure.map",  "blood.7z.001", "Two words.map", "\xc3\xa4.map",
                                       "a..b", "console.esx", "com",          "com10",         "COM\xc2\xb4",
                                       "lpt",  "a.con",       "nulls",        "conin",         "auxiliary"};
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
                                      "\xe0\x80\xaf",
                                      "CON",
                                      "con.esx",
                                      "Nul .tar.gz",
                                      "aux",
                                      "prn.map",
                                      "com1",
                                      "COM0.x",
                                      "lpt9.esx",
                                      "LPT\xc2\xb9",
                                      "conin$",
                                      "CONOUT$.txt"};
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

static void relative_paths(void **state)
{
    static const struct {
        const char *path;
        bool below, safe, portable;
    } cases[] = {
        {"a/b.esx", true, true, true},
        {"a", true, true, true},
        {"a\\b", true, false, false},
        {"what...esx", true, false, false},
        {"a\nb", true, false, false},
        {"\xff", true, true, false},
        {"a:b", true, true, false},
        {".hidden/x", true, true, false},
        {"a/aux.d/b", true, true, false},
        {"", false, false, false},
        {"/a", false, false, false},
        {"a//b", false, false, false},
        {"a/", false, false, false},
        {"./a", false, false, false},
        {"a/../b", false, false, false},
        {"..", false, false, false},
        {".patchbay/lock", false, false, false},
        {"a/.PATCHBAY", false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice path = slice_of(cases[i].path);
        assert_int_equal(path_relative_below(path, NULL), cases[i].below);
        assert_int_equal(path_relative_safe(path, NULL), cases[i].safe);
        assert_int_equal(path_relative_portable(path, NULL), cases[i].portable);
    }
    assert_true(path_compare_nocase("A/b", "a/B") == 0);
    assert_true(path_compare_nocase("a/b", "a-b") < 0); /* what lies in "a" comes right behind "a" */
    assert_true(path_compare_nocase("a", "a/b") < 0);
    assert_slice(path_folder(slice_of("a/b/c")), "a/b");
    assert_slice(path_folder(slice_of("c")), "");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(relative_paths),
    cmocka_unit_test(good_names),
    cmocka_unit_test(bad_names),
    cmocka_unit_test(bases),
};
TEST_MAIN(tests)
