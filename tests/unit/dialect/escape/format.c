/* Escape's lists: the protocol's own examples, what is refused, and that what we emit is what we parse. */
#include "test.h"

#include "dialect/escape/format.h"

#include <stdio.h>

#define M1 "b682e05047ce68e4df74b77f20b4ac50"
#define M2 "f5184d3685b64de881fce439d9116c2a"

static void the_upgrade_of_the_description(void **state)
{
    static const char text[] = "4\n200301010\n200309010\n200309240\r\nLinux 24 Sept 2003\n"
                               "tiles.png u b682e05047ce68e4df74b77f20b4ac50\n"
                               "font.png  u 4133af6aca83d189e9c67144310d36bf   and more\r\n"
                               "readme ? ->escape.txt\n"
                               "escape.exe uz F5184d3685b64de881fce439d9116c2a\n"
                               "anything after the n files is ignored\n";
    struct arena a;
    struct es_upgrade u;
    struct pb_error err;
    (void)state;
    arena_init(&a, 0);
    assert_int_equal(es_upgrade_parse(slice_of(text), &a, &u, &err), 0);
    assert_int_equal(u.n, 4);
    assert_int_equal(u.oldest, 200301010);
    assert_int_equal(u.recommended, 200309010);
    assert_int_equal(u.version, 200309240);
    assert_string_equal(u.note, "Linux 24 Sept 2003");
    assert_string_equal(u.files[1].path, "font.png");
    assert_true(u.files[1].plain && !u.files[1].gzip);
    assert_int_equal(u.files[2].kind, ES_LINK);
    assert_string_equal(u.files[2].target, "escape.txt");
    assert_true(u.files[3].plain && u.files[3].gzip);
    assert_int_equal(u.files[3].md5.bytes[0], 0xf5);
    arena_free(&a);
}

static void a_last_line_without_its_end_counts(void **state)
{
    struct arena a;
    struct es_upgrade u;
    struct pb_error err;
    (void)state;
    arena_init(&a, 0);
    assert_int_equal(es_upgrade_parse(slice_of("1\n1\n1\n2\n\nold.dll ? *"), &a, &u, &err), 0);
    assert_int_equal(u.files[0].kind, ES_DELETE);
    assert_string_equal(u.note, "");
    arena_free(&a);
}

static void the_collections_of_the_description(void **state)
{
    struct arena a;
    struct es_collections c;
    struct pb_error err;
    struct buffer out;
    static const char text[] = "2\nofficial 200309240 Official\neula 200309240 Escape User Level Archive\n";
    (void)state;
    arena_init(&a, 0);
    buffer_init(&out, 1000);
    assert_int_equal(es_collections_parse(slice_of(text), &a, &c, &err), 0);
    assert_int_equal(c.n, 2);
    assert_string_equal(c.list[1].title, "Escape User Level Archive");
    es_collections_emit(&c, &out);
    assert_string_equal(out.p, text);
    assert_int_equal(es_collections_parse(slice_of("1\n../x 1 X\n"), &a, &c, &err), PB_INVALID);
    assert_int_equal(es_collections_parse(slice_of("1\nattic 1 X\n"), &a, &c, &err), PB_INVALID);
    assert_int_equal(es_collections_parse(slice_of("2\na 1 X\nA 1 Y\n"), &a, &c, &err), PB_INVALID);
    assert_int_equal(es_collections_parse(slice_of("1000000000\n"), &a, &c, &err), PB_INVALID);
    buffer_free(&out);
    arena_free(&a);
}

static void the_levels_of_the_description(void **state)
{
    static const char text[] =
        "Official\n200404150\n5\n2\n24 Sept 2003\neasy Easy\nhard Hard\ntricky Tricky\n"
        "misc Miscellaneous Levels\nmisc/old Old Stuff\n"
        "easy/andro.esx 2e8925f2ab62166a3664a1857d4e2de3\n"
        "hard/other.esx eee3a57219acd8ecc408f322289d66d1 1 2 3 4 5 6 7 8 -9\n";
    struct arena a;
    struct es_levels l;
    struct pb_error err;
    struct buffer out;
    (void)state;
    arena_init(&a, 0);
    buffer_init(&out, 1000);
    assert_int_equal(es_levels_parse(slice_of(text), &a, &l, &err), 0);
    assert_int_equal(l.folder_count, 5);
    assert_string_equal(l.folders[3].description, "Miscellaneous Levels");
    assert_null(l.levels[0].ratings);
    assert_int_equal(l.levels[1].ratings[8], -9);
    es_levels_emit(&l, &out);
    assert_string_equal(out.p, text);
    buffer_free(&out);
    arena_free(&a);
}

static void ratings_may_be_few_or_too_many(void **state)
{
    int64_t r[ES_RATINGS];
    bool wraps = false;
    (void)state;
    assert_int_equal(es_ratings_parse(slice_of(" 1 2"), r, &wraps), 2);
    assert_int_equal(r[1], 2);
    assert_int_equal(r[2], 0);
    assert_int_equal(es_ratings_parse(slice_of("1 2 3 4 5 6 7 8 9 10"), r, &wraps), 9);
    assert_int_equal(es_ratings_parse(slice_of("1 x 3"), r, &wraps), 1);
    assert_false(wraps);
    assert_int_equal(es_ratings_parse(slice_of("1 2147483647 -2147483647"), r, &wraps), 3);
    assert_false(wraps);
    assert_int_equal(es_ratings_parse(slice_of("1 2147483648 3"), r, &wraps), 1);
    assert_true(wraps);
    wraps = false;
    assert_int_equal(es_ratings_parse(slice_of("99999999999999999999"), r, &wraps), 0);
    assert_true(wraps);
}

static void refused(const char *lines, const char *word)
{
    char text[2000];
    struct arena a;
    struct es_levels l;
    struct pb_error err;
    arena_init(&a, 0);
    snprintf(text, sizeof text, "T\n1\n%s", lines);
    assert_int_equal(es_levels_parse(slice_of(text), &a, &l, &err), PB_INVALID);
    if (strstr(err.text, word) == NULL)
        fail_msg("no '%s' in: %s", word, err.text);
    arena_free(&a);
}

static void lists_that_are_refused(void **state)
{
    (void)state;
    refused("0\n1\nn\n/a " M1 "\n", "begins with /");
    refused("0\n1\nn\n " M1 "\n", "MD5");
    refused("0\n1\nn\na//b " M1 "\n", "empty name");
    refused("0\n1\nn\na..b " M1 "\n", "\"..\"");
    refused("0\n1\nn\na\\b " M1 "\n", "\\");
    refused("0\n2\nn\na " M1 "\nA " M2 "\n", "only by case");
    refused("1\n1\nn\nx X\nX/a " M1 "\n", "not listed");
    refused("2\n0\nn\nx X\nX Y\n", "only by case");
    refused("1\n1\nn\nx X\nx " M1 "\n", "twice");
    refused("1\n0\nn\nx/y X\n", "without the folder above it");
    refused("0\n1\nn\nwebindex.ESI " M1 "\n", "may not be called");
    refused("0\n2\nn\na " M1 "\n", "ends after");
    refused("0\n-1\nn\n", "number");
}

static void upgrade_refused(const char *line, const char *word)
{
    char text[1000];
    struct arena a;
    struct es_upgrade u;
    struct pb_error err;
    arena_init(&a, 0);
    snprintf(text, sizeof text, "2\n1\n1\n1\nn\n%s\n", line);
    assert_int_equal(es_upgrade_parse(slice_of(text), &a, &u, &err), PB_INVALID);
    if (strstr(err.text, word) == NULL)
        fail_msg("no '%s' in: %s", word, err.text);
    arena_free(&a);
}

static void upgrades_that_are_refused(void **state)
{
    (void)state;
    upgrade_refused("a u " M1 "\na/b u " M2, "needs a folder of that name");
    upgrade_refused("a u " M1 "\nA u " M2, "only by case");
    upgrade_refused("a ? ->..\nb u " M1, "\"..\"");
    upgrade_refused("d/a ? ->../../b\nb u " M1, "leads out");
    upgrade_refused("a x " M1 "\nb u " M1, "neither u nor z");
    upgrade_refused("a u 12\nb u " M1, "MD5");
}

/* What is read and written again is read alike. */
static void line_ends_and_zero_bytes(void **state)
{
    static const char zero[] = "1\n1\n1\n2\na\0b\nold.dll ? *\n";
    struct arena a;
    struct es_upgrade u;
    struct es_collections c;
    struct pb_error err;
    (void)state;
    arena_init(&a, 0);
    assert_int_equal(es_upgrade_parse(slice_of("0\n1\n1\n2\nnote\r\r\n"), &a, &u, &err), 0);
    assert_string_equal(u.note, "note");
    assert_int_equal(es_collections_parse(slice_of("1\na 1 title\r \r\n"), &a, &c, &err), 0);
    assert_string_equal(c.list[0].title, "title");
    assert_int_equal(es_upgrade_parse((struct slice){zero, sizeof zero - 1}, &a, &u, &err), PB_INVALID);
    assert_string_equal(err.text, "line 5: there is a zero byte in it");
    arena_free(&a);
}

static void flattened_names(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    assert_string_equal(es_flatten(&a, "data/x.png"), "data_x.png");
    assert_string_equal(es_flatten(&a, "../a...b"), "@_a@.b");
    arena_free(&a);
}

static void index_files(void **state)
{
    struct arena a;
    struct es_index index;
    struct pb_error err;
    struct buffer out;
    static const int64_t nine[ES_RATINGS] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const struct es_level one = {.path = "easy/a.esx", .ratings = nine}, two = {.path = "easy/b.esx"};
    const struct es_level *const levels[] = {&one, &two};
    (void)state;
    arena_init(&a, 0);
    buffer_init(&out, 1000);
    es_index_emit("Easy ones", levels, 2, &out);
    assert_string_equal(out.p,
                        "ESX!\nEasy ones\n\n\n\n\n\n\na.esx 1 2 3 4 5 6 7 8 9\nb.esx 0 0 0 0 0 0 0 0 0\n");
    assert_true(es_is_index(out.p, out.n));
    assert_true(es_is_index("ESXI", 4));
    assert_false(es_is_index("ESXL", 4));
    assert_int_equal(es_index_parse((struct slice){out.p, out.n}, &a, &index, &err), 0);
    assert_string_equal(index.description, "Easy ones");
    assert_int_equal(index.n, 2);
    assert_int_equal(index.ratings[0].ratings[8], 9);
    buffer_free(&out);
    arena_free(&a);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_upgrade_of_the_description),
    cmocka_unit_test(a_last_line_without_its_end_counts),
    cmocka_unit_test(the_collections_of_the_description),
    cmocka_unit_test(the_levels_of_the_description),
    cmocka_unit_test(ratings_may_be_few_or_too_many),
    cmocka_unit_test(lists_that_are_refused),
    cmocka_unit_test(upgrades_that_are_refused),
    cmocka_unit_test(line_ends_and_zero_bytes),
    cmocka_unit_test(flattened_names),
    cmocka_unit_test(index_files),
};
TEST_MAIN(tests)
