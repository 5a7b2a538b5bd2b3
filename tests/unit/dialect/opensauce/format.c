/* Definitions and master lists: the seed's example, what is emitted is read back, and hostile documents. */
#include "test.h"

#include "dialect/opensauce/format.h"

#include <stdio.h>

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<osHTTPServer>\n"
#define MAP                                                                                                  \
    "<map_download algorithm=\"7zip\" name=\"immure.map\" md5=\"4549aa93a5cef6f6a3f4cbc71527bc5a\" "         \
    "uncompressed_size=\"17718732\" compressed_size=\"1155145\">\n"
#define PARTS                                                                                                \
    "<part name=\"immure.7z.001\" index=\"0\" md5=\"e732fe285f16eeb60312bf497785b81f\" size=\"1048576\"/>\n" \
    "<part name=\"immure.7z.002\" index=\"1\" md5=\"3D41C0633B4BEEB125E51B53BCD8A266\" size=\"106569\"/>\n"
#define TAIL "</map_download></osHTTPServer>\n"

static int parse(const char *text, struct os_definition *d, struct arena *a, struct pb_error *err)
{
    arena_init(a, OS_ARENA_MAX);
    return os_definition_parse(slice_of(text), a, d, err);
}

static void a_definition(void **state)
{
    struct arena a;
    struct os_definition d, again;
    struct pb_error err;
    struct buffer b;
    (void)state;
    assert_int_equal(parse(HEAD MAP PARTS TAIL, &d, &a, &err), 0);
    assert_string_equal(d.name, "immure.map");
    assert_int_equal(d.algorithm, ARCHIVE_7Z);
    assert_int_equal(d.uncompressed_size, 17718732);
    assert_int_equal(d.part_count, 2);
    assert_string_equal(d.parts[1].name, "immure.7z.002");
    assert_false(d.parts[1].encrypted);
    d.parts[1].encrypted = true;
    d.name = "a & <b>.map";
    buffer_init(&b, 10000);
    os_definition_emit(&d, &b);
    d.name = "immure.map";
    assert_non_null(strstr(b.p, "name=\"a &amp; &lt;b&gt;.map\""));
    b.n = 0;
    os_definition_emit(&d, &b);
    assert_int_equal(os_definition_parse((struct slice){b.p, b.n}, &a, &again, &err), 0);
    assert_true(again.parts[1].encrypted);
    assert_memory_equal(&again.parts[1].md5, &d.parts[1].md5, sizeof d.parts[1].md5);
    assert_memory_equal(&again.md5, &d.md5, sizeof d.md5);
    buffer_free(&b);
    arena_free(&a);
}

static void refusals(void **state)
{
    static const struct {
        const char *text, *what;
    } cases[] = {
        {"", "not well-formed"},
        {"not xml", "not well-formed"},
        {HEAD "</osHTTPServer>", "no map_download"},
        {"<other/>", "osHTTPServer"},
        {HEAD MAP TAIL, "no parts"},
        {HEAD MAP PARTS, "not well-formed"},
        {"<!DOCTYPE a [<!ENTITY b \"c\">]>" MAP, "document type"},
        {HEAD MAP PARTS "</map_download>" MAP TAIL, "second map_download"},
        {HEAD "<map_download algorithm=\"rar\" name=\"a.map\"/></osHTTPServer>", "neither 7zip nor zip"},
        {HEAD "<map_download name=\"a.map\"/></osHTTPServer>", "missing: algorithm"},
        {HEAD MAP
         "<part name=\"immure.7z.001\" md5=\"e732fe285f16eeb60312bf497785b81f\" size=\"1048576\"/>" TAIL,
         "contradicts itself"},
        {HEAD MAP "<part name=\"../x\" md5=\"e732fe285f16eeb60312bf497785b81f\" size=\"1\"/>" TAIL,
         "not a file name"},
        {HEAD MAP "<part name=\"x\" md5=\"e732\" size=\"1\"/>" TAIL, "not an MD5"},
        {HEAD MAP "<part name=\"x\" md5=\"e732fe285f16eeb60312bf497785b81f\" size=\"1048577\"/>" TAIL,
         "larger than"},
        {HEAD MAP "<part name=\"x\" md5=\"e732fe285f16eeb60312bf497785b81f\" size=\"0\"/>" TAIL, "empty"},
        {HEAD MAP "<part name=\"x\" md5=\"e732fe285f16eeb60312bf497785b81f\" size=\"-1\"/>" TAIL, "32 bits"},
        {HEAD MAP
         "<part name=\"x\" md5=\"e732fe285f16eeb60312bf497785b81f\" size=\"1000\" encrypted=\"true\"/>" TAIL,
         "unencrypted_md5 is missing"},
        {HEAD MAP "<part name=\"x\" md5=\"e732fe285f16eeb60312bf497785b81f\" size=\"100\" encrypted=\"true\" "
                  "unencrypted_md5=\"e732fe285f16eeb60312bf497785b81f\"/>" TAIL,
         "fewer than 256"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct os_definition d;
        struct pb_error err = {0};
        int rc = parse(cases[i].text, &d, &a, &err);
        if (rc != PB_INVALID)
            fail_msg("case %zu: status %d, %s", i, rc, err.text);
        if (strstr(err.text, cases[i].what) == NULL)
            fail_msg("case %zu: %s", i, err.text);
        arena_free(&a);
    }
}

static void map_names(void **state)
{
    static const char *const bad[] = {"a",      "a.exe", ".map",    "../a.map", "a/b.map",
                                      "a.map.", "..map", "a\n.map", ""};
    char stem[OS_NAME_MAX + 1];
    struct pb_error err;
    (void)state;
    assert_int_equal(os_map_name_check("Blood Gulch.MAP", &err), 0);
    assert_int_equal(os_map_name_check("x.yelo", &err), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(os_map_name_check(bad[i], &err), PB_INVALID);
    assert_true(os_stem(slice_of("BLOOD.Map"), stem));
    assert_string_equal(stem, "blood");
    assert_true(os_stem(slice_of("blood"), stem));
    assert_true(os_stem(slice_of("a.map.yelo"), stem));
    assert_string_equal(stem, "a.map");
    assert_false(os_stem(slice_of(".map"), stem));
    assert_false(os_stem(slice_of(""), stem));
}

/* Any cut and many small changes: a value or an error, and no more memory than the arena allows. */
static void damage(void **state)
{
    static const char whole[] = HEAD MAP PARTS TAIL;
    char text[sizeof whole];
    (void)state;
    for (size_t i = 0; i < sizeof whole - 1; i++) {
        for (int change = 0; change < 3; change++) {
            struct arena a;
            struct os_definition d;
            struct pb_error err;
            memcpy(text, whole, sizeof whole);
            if (change == 0)
                text[i] = '\0';
            else
                text[i] = change == 1 ? '9' : '"';
            if (parse(text, &d, &a, &err) == PB_OK) {
                assert_true(d.part_count > 0);
                assert_int_equal(os_map_name_check(d.name, &err), 0);
            }
            arena_free(&a);
        }
    }
}

static void masters(void **state)
{
    struct arena a;
    struct os_masters m, again;
    struct pb_error err;
    struct buffer b;
    (void)state;
    arena_init(&a, OS_ARENA_MAX);
    assert_int_equal(
        os_masters_parse(slice_of(HEAD
                                  "<map_download_server name=\"E\"><address>http://a/m?x=1&amp;y</address>"
                                  "<description>d</description></map_download_server></osHTTPServer>"),
                         &a, &m, &err),
        0);
    assert_int_equal(m.n, 1);
    assert_string_equal(m.list[0].address, "http://a/m?x=1&y");
    buffer_init(&b, 10000);
    os_masters_emit(&m, &b);
    assert_int_equal(os_masters_parse((struct slice){b.p, b.n}, &a, &again, &err), 0);
    assert_string_equal(again.list[0].address, m.list[0].address);
    assert_string_equal(again.list[0].description, "d");
    buffer_free(&b);
    arena_free(&a);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_definition), cmocka_unit_test(refusals), cmocka_unit_test(map_names),
    cmocka_unit_test(damage),       cmocka_unit_test(masters),
};
TEST_MAIN(tests)
