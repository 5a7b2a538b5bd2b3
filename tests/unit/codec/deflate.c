/* gzip: what we pack we unpack, what is damaged is refused. tests/interop has the gzip program's word. */
#include "test.h"

#include "base/file.h"
#include "codec/deflate.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

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

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(there_and_back),
    cmocka_unit_test(what_does_not_shrink_is_not_packed),
};
TEST_MAIN(tests)
