/* POLP packets: the published examples parse, and are emitted again byte for byte; anything else is refused.
 */
#include "test.h"

#include "wire/polp.h"

/* Requests of the viewer's English client, as captured. */
static const struct {
    const char *hex;
    uint32_t offset, size;
    const char *name;
} examples[] = {
    {"4F0000005DD5C386504F4C500300000000000000F19500005732550031303030"
     "2B00000032303036313231325F332F4469726563742F646174612F6469632F656E7472796E772E6469632E736C6300",
     0, 0x95f1, "20061212_3/Direct/data/dic/entrynw.dic.slc"},
    {"4F000000E6DA390C504F4C50030000000000000043F800005732550031303030"
     "2B00000032303036313231325F332F4469726563742F646174612F6469632F76756C676172322E6469632E736C6300",
     0, 0xf843, "20061212_3/Direct/data/dic/vulgar2.dic.slc"},
    {"4D0000009E22A86B504F4C500300000000000000000001005732550031303030"
     "2900000032303036313231325F332F4469726563742F646174612F6469632F656E7472792E6469632E736C6300",
     0, 0x10000, "20061212_3/Direct/data/dic/entry.dic.slc"},
    {"4D0000003D26D192504F4C500300000000000100000001005732550031303030"
     "2900000032303036313231325F332F4469726563742F646174612F6469632F656E7472792E6469632E736C6300",
     0x10000, 0x10000, "20061212_3/Direct/data/dic/entry.dic.slc"},
    {"4D000000CFBAA5D5504F4C500300000000000200000001005732550031303030"
     "2900000032303036313231325F332F4469726563742F646174612F6469632F656E7472792E6469632E736C6300",
     0x20000, 0x10000, "20061212_3/Direct/data/dic/entry.dic.slc"},
};

static size_t example_bytes(size_t i, char out[200])
{
    size_t n = strlen(examples[i].hex) / 2;
    assert_true(n <= 200 && hex_decode(slice_of(examples[i].hex), out, n));
    return n;
}

static void the_published_packets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        char bytes[200];
        size_t n = example_bytes(i, bytes);
        struct polp_request r;
        struct buffer out;
        buffer_init(&out, 1000);
        assert_int_equal(polp_request_parse(bytes, n, &r), n);
        assert_int_equal(r.opcode, POLP_DOWNLOAD);
        assert_int_equal(r.offset, examples[i].offset);
        assert_int_equal(r.size, examples[i].size);
        assert_true(slice_equal(r.name, slice_of(examples[i].name)));
        assert_true(slice_equal(polp_id_text(&r.hardware), slice_of("W2U")));
        assert_true(slice_equal(polp_id_text(&r.application), slice_of("1000")));
        assert_true(polp_request_emit(&r, &out));
        assert_int_equal(out.n, n);
        assert_memory_equal(out.p, bytes, n);
        buffer_free(&out);
    }
}

static void any_prefix_needs_more_and_any_change_is_refused(void **state)
{
    char bytes[200];
    struct polp_request r;
    size_t n = example_bytes(0, bytes);
    (void)state;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(polp_request_parse(bytes, i, &r), 0);
    for (size_t i = 4; i < n; i++) {
        bytes[i] ^= 1;
        assert_int_equal(polp_request_parse(bytes, n, &r), -1);
        bytes[i] ^= 1;
    }
    put_le32(bytes, 15);
    assert_int_equal(polp_request_parse(bytes, 4, &r), -1);
    put_le32(bytes, 0x7fffffff);
    assert_int_equal(polp_request_parse(bytes, 4, &r), -1); /* nobody waits for that many */
}

static void all_requests_there_and_back(void **state)
{
    struct polp_request requests[] = {{.opcode = POLP_STATUS},
                                      {.opcode = POLP_NEWEST, .version = {"20061212_3", 10}},
                                      {.opcode = POLP_NEWEST},
                                      {.opcode = POLP_DOWNLOAD, .offset = 7, .size = 9, .name = {"a/b", 3}}};
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct polp_request r = requests[i], again;
        struct buffer out;
        buffer_init(&out, 2000);
        assert_true(polp_id_parse(slice_of("0001"), &r.application));
        assert_true(polp_id_parse(slice_of("PS2"), &r.hardware));
        assert_true(polp_request_emit(&r, &out));
        assert_int_equal(polp_request_parse(out.p, out.n, &again), out.n);
        assert_int_equal(again.opcode, r.opcode);
        assert_int_equal(again.offset, r.offset);
        assert_true(slice_equal(again.name, r.name));
        assert_true(slice_equal(again.version, r.version));
        buffer_free(&out);
    }
}

static void what_no_client_sends(void **state)
{
    static const enum polp_opcode opcodes[] = {POLP_SHUTDOWN, POLP_ERROR, POLP_STATUS_REPLY, POLP_FILE, 0, 9};
    (void)state;
    for (size_t i = 0; i < sizeof opcodes / sizeof opcodes[0]; i++) {
        char p[POLP_HEADER];
        struct polp_request r;
        polp_header_put(p, sizeof p, opcodes[i]);
        polp_seal(p, sizeof p);
        assert_int_equal(polp_request_parse(p, sizeof p, &r), -1);
    }
}

static void the_newest_reply(void **state)
{
    char out[POLP_NEWEST_REPLY_MAX];
    struct polp_newest n;
    const char *const strings[] = {"registered", "192.0.2.7", "0"};
    size_t size = polp_newest_reply(out, 1234567, strings, 3, slice_of("20061212_3"));
    (void)state;
    assert_int_equal(size, 16 + 8 + 64 + 4 + 11);
    assert_int_equal(get_le32(out + 20), 1);
    assert_true(polp_newest_parse((struct slice){out + POLP_HEADER, size - POLP_HEADER}, &n));
    assert_int_equal(n.timestamp, 1234567);
    assert_string_equal(n.status[0], "registered");
    assert_string_equal(n.status[1], "192.0.2.7");
    assert_string_equal(n.status[2], "0");
    assert_string_equal(n.version, "20061212_3");
    for (size_t i = 0; i < size - POLP_HEADER; i++)
        assert_false(polp_newest_parse((struct slice){out + POLP_HEADER, i}, &n));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_published_packets),
    cmocka_unit_test(any_prefix_needs_more_and_any_change_is_refused),
    cmocka_unit_test(all_requests_there_and_back),
    cmocka_unit_test(what_no_client_sends),
    cmocka_unit_test(the_newest_reply),
};
TEST_MAIN(tests)
