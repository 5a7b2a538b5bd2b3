/* PlayOnline's modes: the published beginning of a live list, what the writer keeps to, what the reader takes
 * and refuses. The reader and writer of tests/interop/polp_*.py judge whole lists. */
#include "test.h"

#include "codec/slc.h"

#include <stdlib.h>

/* Unpacks into a buffer of `ceiling` bytes. */
static int unpack(const void *p, size_t n, struct buffer *out, size_t ceiling, struct pb_error *err)
{
    buffer_init(out, ceiling);
    return slc_unpack_bytes((struct slice){p, n}, out, err);
}

static void packed_equals(const char *text, const void *bytes, size_t n)
{
    struct buffer out;
    struct pb_error err;
    buffer_init(&out, 1000);
    assert_int_equal(slc_list_pack(slice_of(text), &out, &err), 0);
    assert_true(out.n >= n);
    assert_memory_equal(out.p, bytes, n);
    buffer_free(&out);
}

static void the_beginning_of_a_live_list(void **state)
{
    (void)state;
    /* mode 2; 27 bits; what the live service's lists begin with */
    packed_equals("fil", "\x02\x1b\0\0\0\xcc\xa4\x61", 8);
    packed_equals("", "\x02\0\0\0\0", 5);
    /* 8 literals and a match, 4 back and 4 long: 4 * 9 + 25 bits */
    packed_equals("abcdabcd", "\x02\x3d\0\0\0", 5);
}

static void round_trip(const char *p, size_t n)
{
    struct buffer packed, out;
    struct pb_error err;
    buffer_init(&packed, 2 * n + 100);
    assert_int_equal(slc_list_pack((struct slice){p, n}, &packed, &err), 0);
    assert_int_equal(unpack(packed.p, packed.n, &out, n + 1, &err), 0);
    assert_int_equal(out.n, n);
    if (n > 0)
        assert_memory_equal(out.p, p, n);
    buffer_free(&out);
    if (n > 0) { /* a ceiling below its size holds */
        assert_int_equal(unpack(packed.p, packed.n, &out, n - 1, &err), PB_DAMAGED);
        buffer_free(&out);
    }
    buffer_free(&packed);
}

static void what_was_packed_comes_back(void **state)
{
    enum { MOST = 300000 };
    char *text = malloc(MOST);
    uint32_t random = 1;
    (void)state;
    assert_non_null(text);
    static const size_t sizes[] = {0,     1,     2,     3,      4,      5,      85,  86,
                                   65535, 65536, 65537, 131072, 262144, 262147, MOST};
    for (int kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < MOST; i++) {
            random = random * 1103515245u + 12345;
            text[i] = kind == 0 ? 'x' : kind == 1 ? (char)('0' + random / 65536 % 10) : (char)(random >> 16);
        }
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            round_trip(text, sizes[i]);
    }
    free(text);
}

/* Bits, the lowest first. */
struct bits {
    unsigned char bytes[64];
    unsigned n;
};
static void put(struct bits *b, unsigned value, unsigned n)
{
    for (; n > 0; n--, value >>= 1, b->n++)
        b->bytes[5 + b->n / 8] |= (unsigned char)((value & 1) << b->n % 8);
    b->bytes[0] = SLC_LIST;
    put_le32(b->bytes + 1, b->n);
}
static void put_byte(struct bits *b, char c)
{
    put(b, (unsigned)(unsigned char)c << 1, 9);
}
static void put_match(struct bits *b, unsigned distance, unsigned length)
{
    put(b, 1 | distance << 1 | length << 17, 25);
}
static void unpacks_to(const struct bits *b, const char *text)
{
    struct buffer out;
    struct pb_error err = {0};
    int rc = unpack(b->bytes, 5 + (b->n + 7) / 8, &out, 1000, &err);
    if (text == NULL)
        assert_int_equal(rc, PB_DAMAGED);
    else
        assert_int_equal(rc, 0);
    if (text != NULL)
        assert_string_equal(out.p, text);
    buffer_free(&out);
}

static void matches(void **state)
{
    (void)state;
    struct bits b = {.n = 0};
    put_byte(&b, 'a');
    put_byte(&b, 'b');
    put_match(&b, 2, 2);
    unpacks_to(&b, "abab");
    put_match(&b, 1, 5); /* reaches into what it makes */
    unpacks_to(&b, "ababbbbbb");
    put_match(&b, 9, 0);
    unpacks_to(&b, "ababbbbbb");
    struct bits before = b;
    put_match(&before, 10, 3);
    unpacks_to(&before, NULL);
    struct bits zero = b;
    put_match(&zero, 0, 3);
    unpacks_to(&zero, NULL);
    struct bits cut = b;
    put_match(&cut, 1, 3);
    put_le32(cut.bytes + 1, cut.n - 1);
    unpacks_to(&cut, NULL);
}

static void damage(void **state)
{
    struct buffer out;
    struct pb_error err;
    (void)state;
    static const struct {
        const char *p;
        size_t n;
    } faults[] = {{"\x04", 1},   {"\xff", 1}, {"\x02\x09\0\0", 4}, {"\x02\x12\0\0\0\xcc", 6},
                  {"\x03zz", 3}, {"", 0}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        assert_int_equal(unpack(faults[i].p, faults[i].n, &out, 1000, &err), PB_DAMAGED);
        buffer_free(&out);
    }
    assert_int_equal(unpack("\x01raw", 4, &out, 1000, &err), 0);
    assert_string_equal(out.p, "raw");
    buffer_free(&out);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_beginning_of_a_live_list),
    cmocka_unit_test(what_was_packed_comes_back),
    cmocka_unit_test(matches),
    cmocka_unit_test(damage),
};
TEST_MAIN(tests)
