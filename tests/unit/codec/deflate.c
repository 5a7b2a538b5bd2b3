/* gzip: what we pack we unpack, what is damaged is refused. tests/interop has the gzip program's word. zlib:
 * what is made of blocks is one stream, by zlib's word. */
#include "test.h"

#include "base/file.h"
#include "codec/deflate.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

static int sink(void *arg, const void *p, size_t n, struct pb_error *err)
{
    return buffer_append(arg, p, n) ? PB_OK : error_set(err, PB_DAMAGED, "more than the sink takes");
}

/* Unpacks bytes by way of a file. */
static int unpack(const char *p, size_t n, struct buffer *out, struct pb_error *err)
{
    char name[300];
    snprintf(name, sizeof name, "%s/gzip-%d", test_tmp(), (int)getpid());
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), (ssize_t)n);
    int rc = gzip_unpack(fd, sink, out, err);
    close(fd);
    unlink(name);
    return rc;
}

static void there_and_back(void **state)
{
    enum { SIZE = 300000 };
    char *text = test_malloc(SIZE), *packed;
    size_t size;
    struct pb_error err;
    struct buffer out;
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        text[i] = (char)("level "[i % 6] + (i / 5000 % 3));
    buffer_init(&out, SIZE);
    assert_int_equal(gzip_pack(text, SIZE, &packed, &size, &err), 0);
    assert_non_null(packed);
    assert_true(size < SIZE / 50);
    assert_int_equal(unpack(packed, size, &out, &err), 0);
    assert_int_equal(out.n, SIZE);
    assert_memory_equal(out.p, text, SIZE);
    /* every kind of damage */
    out.n = 0;
    assert_int_equal(unpack(packed, size - 1, &out, &err), PB_DAMAGED);
    out.n = 0;
    packed[size - 6] ^= 1; /* the check sum */
    assert_int_equal(unpack(packed, size, &out, &err), PB_DAMAGED);
    packed[size - 6] ^= 1;
    char *twice = test_malloc(2 * size);
    memcpy(twice, packed, size);
    memcpy(twice + size, packed, size);
    out.n = 0;
    assert_int_equal(unpack(twice, 2 * size, &out, &err), PB_DAMAGED);
    out.n = 0;
    assert_int_equal(unpack("", 0, &out, &err), PB_DAMAGED);
    assert_int_equal(unpack("no gzip", 7, &out, &err), PB_DAMAGED);
    /* a sink's refusal is the result */
    struct buffer small;
    buffer_init(&small, 1000);
    assert_int_equal(unpack(packed, size, &small, &err), PB_DAMAGED);
    assert_string_equal(err.text, "more than the sink takes");
    buffer_free(&small);
    buffer_free(&out);
    free(packed);
    test_free(twice);
    test_free(text);
}

static void what_does_not_shrink_is_not_packed(void **state)
{
    char *packed;
    size_t size;
    struct pb_error err;
    (void)state;
    assert_int_equal(gzip_pack("abc", 3, &packed, &size, &err), 0);
    assert_null(packed);
    assert_int_equal(gzip_pack("", 0, &packed, &size, &err), 0);
    assert_null(packed);
}

/* A zlib stream of blocks of `block` bytes. */
static void blocks_pack(const char *p, size_t n, size_t block, struct buffer *out)
{
    char head[ZLIB_HEAD], tail[ZLIB_TAIL], *packed;
    uint32_t sum = 1;
    size_t size;
    struct pb_error err;
    zlib_head(head);
    buffer_append(out, head, sizeof head);
    for (size_t at = 0; at < n; at += block) {
        size_t step = n - at < block ? n - at : block;
        assert_int_equal(zlib_block_pack(p + at, step, at + step == n, &packed, &size, &err), PB_OK);
        buffer_append(out, packed, size);
        free(packed);
        sum = zlib_sum(sum, p + at, step);
    }
    zlib_tail(sum, tail);
    buffer_append(out, tail, sizeof tail);
}

/* Text; what a sample finds dense; and both. Blocks of all sizes end at any bit of a byte. */
static void blocks_are_one_stream(void **state)
{
    enum { SIZE = 200000 };
    char *bytes = test_malloc(SIZE), *got = test_malloc(SIZE);
    uint32_t random = 1;
    (void)state;
    for (size_t i = 0; i < SIZE; i++) {
        random = random * 1664525 + 1013904223;
        bytes[i] = i < SIZE / 2 ? "of the and "[random >> 24 & 7] : (char)(random >> 24);
    }
    for (size_t block = 1; block <= SIZE; block += block < 50 ? 1 : block) {
        size_t from = block < 50 ? SIZE / 2 - 30 : 0, n = block < 50 ? 60 : SIZE;
        struct buffer packed;
        uLongf size = SIZE;
        buffer_init(&packed, (size_t)16 * SIZE);
        blocks_pack(bytes + from, n, block, &packed);
        assert_false(packed.failed);
        assert_int_equal(uncompress((Bytef *)got, &size, (const Bytef *)packed.p, packed.n), Z_OK);
        assert_int_equal(size, n);
        assert_memory_equal(got, bytes + from, n);
        buffer_free(&packed);
    }
    test_free(bytes);
    test_free(got);
}

/* Writes bytes to a file, and unpacks the zlib stream from its second byte on. */
static int known_unpack(const struct buffer *packed, uint64_t packed_n, uint64_t size, struct buffer *out)
{
    char name[300];
    struct pb_error err;
    snprintf(name, sizeof name, "%s/zlib-%d", test_tmp(), (int)getpid());
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(write(fd, packed->p, packed->n), (ssize_t)packed->n);
    out->n = 0;
    int rc = zlib_unpack_known(fd, 1, packed_n, size, sink, out, &err);
    close(fd);
    unlink(name);
    return rc;
}

/* Sizes may be lies: then the stream's own word counts. Damage is found either way. */
static void sizes_that_are_known(void **state)
{
    enum { SIZE = 50000 };
    char *text = test_calloc(SIZE, 1);
    struct buffer packed, out;
    (void)state;
    buffer_init(&packed, SIZE);
    buffer_init(&out, SIZE);
    for (size_t i = 0; i < SIZE; i++)
        text[i] = (char)(i * i >> 7);
    blocks_pack(text, SIZE, 20000, &packed);
    const uint64_t sizes[] = {SIZE, SIZE - 1, SIZE + 1, 0, ZLIB_SMALL + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(known_unpack(&packed, packed.n, sizes[i], &out), PB_OK);
        assert_int_equal(out.n, SIZE);
        assert_memory_equal(out.p, text, SIZE);
    }
    assert_int_equal(known_unpack(&packed, packed.n - 1, SIZE, &out), PB_OK);
    assert_int_equal(known_unpack(&packed, packed.n + 1, SIZE, &out), PB_OK);
    for (int way = 0; way < 2; way++) {
        uint64_t size = way == 0 ? SIZE : ZLIB_SMALL + 1;
        packed.p[packed.n - 1] ^= 1; /* its checksum */
        assert_int_equal(known_unpack(&packed, packed.n, size, &out), PB_DAMAGED);
        packed.p[packed.n - 1] ^= 1;
        packed.p[0] ^= 1; /* its head */
        assert_int_equal(known_unpack(&packed, packed.n, size, &out), PB_DAMAGED);
        packed.p[0] ^= 1;
        packed.n--; /* its end */
        assert_int_equal(known_unpack(&packed, packed.n, size, &out), PB_DAMAGED);
        packed.n++;
        buffer_append(&packed, "x", 1); /* more than it */
        assert_int_equal(known_unpack(&packed, packed.n, size, &out), PB_DAMAGED);
        packed.n--;
    }
    buffer_free(&packed);
    buffer_free(&out);
    test_free(text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(there_and_back),
    cmocka_unit_test(what_does_not_shrink_is_not_packed),
    cmocka_unit_test(blocks_are_one_stream),
    cmocka_unit_test(sizes_that_are_known),
};
TEST_MAIN(tests)
