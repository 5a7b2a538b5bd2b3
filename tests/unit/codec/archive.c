/* Archives: what is written is read back, limits hold. That other programs open them is tests/interop's
 * business. */
#include "test.h"

#include "codec/archive.h"

enum { SIZE = 300000, ROOM = 400000 };

struct memory {
    uint8_t *p;
    size_t n, room;
};

static int memory_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct memory *m = arg;
    if (n > m->room - m->n)
        return error_set(err, PB_NO_SPACE, "full");
    memcpy(m->p + m->n, p, n);
    m->n += n;
    return PB_OK;
}

/* Gives a thousand bytes at a time, so that seeking and joining are exercised. */
static int memory_source(void *arg, uint64_t offset, const void **p, size_t *n, struct pb_error *err)
{
    struct memory *m = arg;
    (void)err;
    *p = m->p + offset;
    *n = m->n - offset < 1000 ? m->n - offset : 1000;
    return PB_OK;
}

static uint8_t plain[SIZE];

static struct memory packed_make(enum archive_format format, int level, const char *member)
{
    struct pb_error err = {0};
    struct archive_writer *w;
    struct memory m = {test_malloc(ROOM), 0, ROOM};
    for (size_t i = 0; i < SIZE; i++)
        plain[i] = (uint8_t)(i * i / 7 % 13 + (i % 1000 == 0) * (i / 1000));
    assert_int_equal(archive_writer_open(format, level, member, SIZE, -1, memory_add, &m, &w, &err), 0);
    assert_int_equal(archive_writer_add(w, plain, 1, &err), 0);
    assert_int_equal(archive_writer_add(w, plain + 1, SIZE - 1, &err), 0);
    assert_int_equal(archive_writer_add(w, plain, 1, &err), PB_INVALID);
    assert_int_equal(archive_writer_finish(w, &err), 0);
    archive_writer_free(w);
    return m;
}

static void round_trips(void **state)
{
    (void)state;
    for (int format = ARCHIVE_7Z; format <= ARCHIVE_ZIP; format++) {
        for (int level = 0; level <= 9; level += 3) {
            struct pb_error err = {0};
            struct memory m = packed_make((enum archive_format)format, level, "blood.map");
            struct memory out = {test_malloc(SIZE), 0, SIZE};
            struct archive_input input = {memory_source, &m, m.n};
            assert_int_equal(archive_extract((enum archive_format)format, &input, "Blood.map", SIZE,
                                             memory_add, &out, &err),
                             0);
            assert_int_equal(out.n, SIZE);
            assert_memory_equal(out.p, plain, SIZE);
            test_free(out.p);
            test_free(m.p);
        }
    }
}

static void the_same_input_gives_the_same_archive(void **state)
{
    (void)state;
    for (int format = ARCHIVE_7Z; format <= ARCHIVE_ZIP; format++) {
        struct memory a = packed_make((enum archive_format)format, 5, "a.map");
        struct memory b = packed_make((enum archive_format)format, 5, "a.map");
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.p, b.p, a.n);
        test_free(a.p);
        test_free(b.p);
    }
}

static void more_than_the_limit_is_refused(void **state)
{
    struct pb_error err = {0};
    struct memory m = packed_make(ARCHIVE_7Z, 5, "a.map");
    struct memory out = {test_malloc(SIZE), 0, SIZE};
    struct archive_input input = {memory_source, &m, m.n};
    (void)state;
    assert_int_equal(archive_extract(ARCHIVE_7Z, &input, "a.map", SIZE - 1, memory_add, &out, &err),
                     PB_DAMAGED);
    assert_true(out.n < SIZE);
    assert_int_equal(archive_extract(ARCHIVE_7Z, &input, "b.map", SIZE, memory_add, &out, &err), PB_DAMAGED);
    assert_non_null(strstr(err.text, "b.map"));
    test_free(out.p);
    test_free(m.p);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    for (int format = ARCHIVE_7Z; format <= ARCHIVE_ZIP; format++) {
        struct memory m = packed_make((enum archive_format)format, 5, "a.map");
        struct archive_input input = {memory_source, &m, m.n};
        /* A cut, and a flipped bit at many places: never a success with other bytes. */
        for (size_t at = 3; at < m.n; at += m.n / 40 + 1) {
            struct pb_error err = {0};
            struct memory out = {test_malloc(SIZE), 0, SIZE};
            m.p[at] ^= 0x10;
            int rc =
                archive_extract((enum archive_format)format, &input, "a.map", SIZE, memory_add, &out, &err);
            if (rc == PB_OK && out.n == SIZE)
                assert_memory_equal(out.p, plain, SIZE);
            m.p[at] ^= 0x10;
            input.size = at;
            out.n = 0;
            rc = archive_extract((enum archive_format)format, &input, "a.map", SIZE, memory_add, &out, &err);
            if (rc == PB_OK)
                assert_memory_equal(out.p, plain, SIZE);
            input.size = m.n;
            test_free(out.p);
        }
        test_free(m.p);
    }
}

static int source_fails(void *arg, uint64_t offset, const void **p, size_t *n, struct pb_error *err)
{
    (void)arg, (void)offset, (void)p, (void)n;
    return error_set(err, PB_DENIED, "wrong password");
}

static void errors_of_the_callbacks_come_through(void **state)
{
    struct pb_error err = {0};
    struct archive_input input = {source_fails, NULL, 1000};
    struct memory none = {0};
    struct archive_writer *w;
    (void)state;
    assert_int_equal(archive_extract(ARCHIVE_7Z, &input, "a.map", 10, memory_add, &none, &err), PB_DENIED);
    assert_string_equal(err.text, "wrong password");
    assert_int_equal(archive_writer_open(ARCHIVE_ZIP, 0, "a.map", SIZE, -1, memory_add, &none, &w, &err), 0);
    int rc = archive_writer_add(w, plain, SIZE, &err);
    if (rc == PB_OK)
        rc = archive_writer_finish(w, &err);
    assert_int_equal(rc, PB_NO_SPACE);
    archive_writer_free(w);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(round_trips),
    cmocka_unit_test(the_same_input_gives_the_same_archive),
    cmocka_unit_test(more_than_the_limit_is_refused),
    cmocka_unit_test(damage_is_noticed),
    cmocka_unit_test(errors_of_the_callbacks_come_through),
};
TEST_MAIN(tests)
