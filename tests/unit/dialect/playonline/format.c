/* patch.cfg and versions: the published block, what is kept, what is refused. */
#include "test.h"

#include "dialect/playonline/format.h"

static const char published[] =
    "file data/dic/entry.dic {\n"
    "20030909_A 467376 -265113 -283405202 20030909_A/Direct/data/dic/entry.dic.slc 462402\n"
    "20061212_3 475128 -286689 -1313077611 20061212_3/Direct/data/dic/entry.dic.slc 472675 "
    "20061212_3/Indirect/data/dic/entry.dic.olc 493370\n"
    "}\n"
    "end\n";

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
        "# words\nfile a {\nfuture line with words\n20061212_3 1 2 3 d 4\n}\nother {\n}\nend\n";
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
    static const char *const order[] = {"20030909_10", "20030909_2", "20030909_A", "20030909_b",
                                        "20061212_1"};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_true(po_version_ok(slice_of(order[i])));
        for (size_t k = 0; k < 5; k++)
            assert_int_equal(po_version_compare(order[i], order[k]) < 0, i < k);
    }
    assert_int_equal(po_version_compare("20030909_A", "20030909_a"), 0);
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

/* At all lengths and places, and with the bytes that add up to most. */
static void the_first_checksum_of_much(void **state)
{
    enum { SIZE = 5000 };
    static const int8_t least = INT8_MIN, most = INT8_MAX;
    int8_t bytes[SIZE];
    int32_t sum = 0;
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (int8_t)(i * 2654435761u >> 13);
    for (size_t n = 0; n < SIZE; sum += bytes[n++])
        assert_int_equal((int32_t)po_sum_a(0, bytes, n), sum);
    for (size_t from = 0; from < 40; sum -= bytes[from++])
        assert_int_equal((int32_t)po_sum_a(7, bytes + from, SIZE - from), sum + 7);
    memset(bytes, least, SIZE);
    assert_int_equal((int32_t)po_sum_a(0, bytes, SIZE), least * SIZE);
    memset(bytes, most, SIZE);
    assert_int_equal((int32_t)po_sum_a(0, bytes, SIZE), most * SIZE);
}

static void spaces_in_paths(void **state)
{
    static const char text[] = "file a b/c d.dat {\n"
                               "20030909_A 1 2 3 20030909_A/Direct/a b/c d.dat.slc 4\n"
                               "20061212_3 1 2 3 20061212_3/Direct/a b/c d.dat.slc 5 x y.olc 6\n"
                               "}\n"
                               "file x.slc {\n"
                               "20030909_A 1 2 3 20030909_A/Direct/x.slc.slc 4\n"
                               "}\n"
                               "end\n";
    struct arena a;
    struct po_config c;
    struct pb_error err;
    struct buffer out;
    struct slice indirect;
    uint32_t size;
    (void)state;
    arena_init(&a, 0);
    buffer_init(&out, 10000);
    assert_int_equal(po_config_parse(slice_of(text), &a, &c, &err), 0);
    assert_string_equal(c.files[0].path, "a b/c d.dat");
    const struct po_line *l = po_file_winner(&c.files[0]);
    assert_string_equal(l->direct, "20061212_3/Direct/a b/c d.dat.slc");
    assert_int_equal(l->direct_size, 5);
    assert_true(po_line_indirect(l, &indirect, &size));
    assert_true(slice_equal(indirect, slice_of("x y.olc")));
    assert_string_equal(po_file_winner(&c.files[1])->direct, "20030909_A/Direct/x.slc.slc");
    po_config_emit(&c, &out);
    assert_string_equal(out.p, text);
    buffer_free(&out);
    arena_free(&a);
    assert_true(po_path_ok(slice_of("a b/c {x}"), NULL) == false);
    assert_true(po_path_ok(slice_of("a b/{x}"), NULL));
    assert_false(po_path_ok(slice_of("a.slc b"), NULL));
    assert_false(po_path_ok(slice_of(" a"), NULL));
}

/* Reading stops at the line "end", and what is written ends with it. */
static void the_end(void **state)
{
    static const char text[] = "file a {\n20030909_A 1 2 3 a.slc 4\n}\nend\nfile b {\nno end of it\n";
    struct arena a;
    struct po_config c;
    struct pb_error err;
    struct buffer out;
    (void)state;
    arena_init(&a, 0);
    buffer_init(&out, 10000);
    assert_int_equal(po_config_parse(slice_of(text), &a, &c, &err), 0);
    assert_int_equal(c.n, 1);
    po_config_emit(&c, &out);
    assert_string_equal(out.p, "file a {\n20030909_A 1 2 3 a.slc 4\n}\nend\n");
    buffer_free(&out);
    arena_free(&a);
    struct slice zero = {"a\0b\n", 4};
    assert_int_equal(po_config_parse(zero, &a, &c, &err), PB_INVALID);
    arena_free(&a);
}

static void cut_at_a_version(void **state)
{
    static const char text[] = "file a {\n20030909_A 1 2 3 a.slc 4\n20061212_3 1 2 3 b.slc 4\n}\n"
                               "file new {\n20061212_3 1 2 3 c.slc 4\n}\n"
                               "file odd {\nwords\n}\n";
    struct arena a;
    struct po_config c;
    struct pb_error err;
    struct buffer out;
    (void)state;
    arena_init(&a, 0);
    buffer_init(&out, 10000);
    assert_int_equal(po_config_parse(slice_of(text), &a, &c, &err), 0);
    assert_string_equal(po_config_oldest(&c), "20030909_A");
    po_config_cut(&c, "20050101_1");
    po_config_emit(&c, &out);
    assert_string_equal(out.p, "file a {\n20030909_A 1 2 3 a.slc 4\n}\nfile odd {\nwords\n}\nend\n");
    po_config_cut(&c, "20020101_1");
    assert_null(po_config_oldest(&c));
    buffer_free(&out);
    arena_free(&a);
}

/* The rule as it was measured, a case for each of its clauses. */
static void registered_or_unknown(void **state)
{
    static const struct {
        const char *version, *oldest, *status;
    } cases[] = {
        {"", "20030909_A", "empty"},
        {"2003_1", "20030909_A", "unknown"},        /* shorter than ten */
        {"20030909_", "20030909_A", "unknown"},     /* likewise */
        {"x0030909_A", "20030909_A", "unknown"},    /* no digit first */
        {"02030909_A", "00000000_A", "unknown"},    /* a zero first */
        {"203x0909_A", "20030909_A", "unknown"},    /* three digits must follow */
        {"2003aaaaaa", "20030909_A", "registered"}, /* no _ in it */
        {"1003090909", "20030909_A", "registered"},
        {"200309_AAA", "20030909_A", "unknown"}, /* fewer than 7 digits before the first that is none */
        {"2003090_AA", "20030909_A", "unknown"}, /* as text, lower than 20030909 */
        {"2003091_AA", "20030909_A", "registered"},
        {"20030909_1", "20030909_A", "registered"}, /* what is behind the digits does not count */
        {"20030908_Z", "20030909_A", "unknown"},
        {"30260703_1", "20030909_A", "registered"},
        {"20030909_A", NULL, "registered"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(po_status_of(slice_of(cases[i].version), cases[i].oldest), cases[i].status);
}

static void the_second_checksum(void **state)
{
    struct md5 md5;
    (void)state;
    assert_true(md5_bytes("", 0, &md5)); /* d41d8cd9… */
    assert_int_equal(po_sum_b(&md5), (int32_t)0xd98c1dd4);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_published_block),
    cmocka_unit_test(what_is_not_understood_is_kept),
    cmocka_unit_test(malformed_blocks),
    cmocka_unit_test(versions_in_order),
    cmocka_unit_test(the_first_checksum),
    cmocka_unit_test(the_first_checksum_of_much),
    cmocka_unit_test(the_second_checksum),
    cmocka_unit_test(spaces_in_paths),
    cmocka_unit_test(the_end),
    cmocka_unit_test(cut_at_a_version),
    cmocka_unit_test(registered_or_unknown),
};
TEST_MAIN(tests)
