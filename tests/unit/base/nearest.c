/* Distances of words, and what is suggested. */
#include "test.h"

#include "base/nearest.h"

static void distances(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned distance;
    } cases[] = {
        {"serve", "serve", 0}, {"serve", "SERVE", 0}, {"srve", "serve", 1}, {"servee", "serve", 1},
        {"sevre", "serve", 1}, {"zerve", "serve", 1}, {"sevr", "serve", 2}, {"", "abc", 3},
        {"abc", "", 3},        {"abcd", "badc", 2},   {"ca", "abc", 3},
    };
    char longest[NEAREST_WORD + 1];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(word_distance(slice_of(cases[i].a), slice_of(cases[i].b), 5), cases[i].distance);
    assert_int_equal(word_distance(slice_of("abc"), slice_of("xyz"), 2), 3);
    memset(longest, 'a', sizeof longest);
    assert_int_equal(word_distance((struct slice){longest, NEAREST_WORD}, slice_of("a"), 200), 201);
    assert_int_equal(word_distance((struct slice){longest, NEAREST_WORD - 1}, slice_of("a"), 200), 126);
}

static const char *suggested(const char *word, const char *const *words, size_t n)
{
    static char text[NEAREST_TEXT];
    struct nearest near;
    nearest_init(&near, slice_of(word));
    for (size_t i = 0; i < n; i++)
        nearest_offer(&near, slice_of(words[i]), slice_of(words[i]));
    return nearest_text(&near, text);
}

static void suggestions(void **state)
{
    static const char *const words[] = {"list", "ban", "bans", "unban", "status", "fsck", "gc"};
    static const struct {
        const char *word, *text;
    } cases[] = {
        {"lsit", "; did you mean list?"},
        {"statsu", "; did you mean status?"},
        {"bant", "; did you mean ban or bans?"}, /* never more than two */
        {"frobnicate", ""},
        {"x", ""}, /* too short to tell */
        {"gd", ""},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(suggested(cases[i].word, words, sizeof words / sizeof words[0]), cases[i].text);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(distances), cmocka_unit_test(suggestions)};
TEST_MAIN(tests)
