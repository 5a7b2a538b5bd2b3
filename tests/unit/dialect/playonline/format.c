/* patch.cfg and versions: the published block, what is kept, what is refused. */
#include "test.h"

#include "dialect/playonline/format.h"

static const char published[] =
    "file data/dic/entry.dic {\n"
    "20030909_A 467376 -265113 -283405202 20030909_A/Direct/data/dic/entry.dic.slc 462402\n"
    "20061212_3 475128 -286689 -1313077611 20061212_3/Direct/data/dic/entry.dic.slc 472675 "
    "20061212_3/Indirect/data/dic/entry.dic.olc 493370\n"
    "}\n";

static void the_published_block(void **state)
{
    struct arena a;
    struct po_config c;
    struct pb_error err;
    struct buffer out;
    struct slice indirect;
    uint32_t size;
    (void)state;
    arena_init(&a, 0);
    buffer_init(&out, 10000);
    assert_int_equal(po_config_parse(slice_of(published), &a, &c, &err), 0);
    assert_int_equal(c.n, 1);
    assert_string_equal(c.files[0].path, "data/dic/entry.dic");
    const struct po_line *l = po_file_winner(&c.files[0]);
    assert_string_equal(l->version, "20061212_3");
    assert_int_equal(l->sum_a, -286689);
    assert_int_equal(l->sum_b, -1313077611);
    assert_int_equal(l->direct_size, 472675);
    assert_true(po_line_indirect(l, &indirect, &size));
    assert_int_equal(size, 493370);
    assert_true(slice_equal(indirect, slice_of("20061212_3/Indirect/data/dic/entry.dic.olc")));
    assert_false(po_line_indirect(&c.files[0].lines[0], &indirect, &size));
    po_config_emit(&c, &out);
    assert_string_equal(out.p, published);
    buffer_free(&out);
    arena_free(&a);
}

static void what_is_not_understood_is_kept(void **state)
{
    static const char text[] =
        "# words\nfile a {\nfuture line with words\n20061212_3 1 2 3 d 4\n}\nother {\n}\n";
    struct arena a;
    struct po_config c;
    struct pb_error err;
    struct buffer out;
    (void)state;
    arena_init(&a, 0);
    buffer_init(&out, 10000);
    assert_int_equal(po_config_parse(slice_of(text), &a, &c, &err), 0);
    po_config_emit(&c, &out);
    assert_string_equal(out.p, text);
    buffer_free(&out);
    arena_free(&a);
}

static void refused(const char *text, const char *word)
{
    struct arena a;
    struct po_config c;
    struct pb_error err;
    arena_init(&a, 0);
    assert_int_equal(po_config_parse(slice_of(text), &a, &c, &err), PB_INVALID);
    if (strstr(err.text, word) == NULL)
        fail_msg("no '%s' in: %s", word, err.text);
    arena_free(&a);
}

static void malformed_blocks(void **state)
{
    (void)state;
    refused("file a\n", "line 1");
    refused("x\nfile ../a {\n}\n", "line 2");
    refused("file a {\n20061212_3 1 2 3 d 4\n", "has no end");
    refused("file a {\n}\nfile A {\n}\n", "twice");
    refused("file a {\n}\nfile a/b {\n}\n", "needs a folder");
}

static void versions_in_order(void **state)
{
    static const char *const order[] = {"20030909_2", "20030909_10", "20030909_A", "20030909_b",
                                        "20061212_1"};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_true(po_version_ok(slice_of(order[i])));
        for (size_t k = 0; k < 5; k++)
            assert_int_equal(po_version_compare(order[i], order[k]) < 0, i < k);
    }
    assert_false(po_version_ok(slice_of("2003090_A")));
    assert_false(po_version_ok(slice_of("20030909A")));
    assert_false(po_version_ok(slice_of("20030909_")));
    assert_false(po_version_ok(slice_of("20030909_1a")));
    assert_false(po_version_ok(slice_of("20030909_ä")));
}

static void the_first_checksum(void **state)
{
    static const unsigned char bytes[] = {1, 127, 128, 255, 0};
    (void)state;
    assert_int_equal((int32_t)po_sum_a(0, bytes, sizeof bytes), 1 + 127 - 128 - 1);
    assert_int_equal(po_sum_a(po_sum_a(0, bytes, 2), bytes + 2, 3), po_sum_a(0, bytes, 5));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_published_block), cmocka_unit_test(what_is_not_understood_is_kept),
    cmocka_unit_test(malformed_blocks),    cmocka_unit_test(versions_in_order),
    cmocka_unit_test(the_first_checksum),
};
TEST_MAIN(tests)
