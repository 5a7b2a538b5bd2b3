/* LZMA2 with several threads: one ordinary stream, judged by liblzma's own decoder; errors and a stop at any
 * point end all threads. */
#include "test.h"

#include "codec/lzma2_pack.h"

#include <lzma.h>
#include <sched.h>

enum { MIB = 1 << 20, SIZE = 9 * MIB + 12345, STEP = 300001 };

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

/* Half of it repeats, half of it does not. */
static uint8_t *stream_make(void)
{
    uint8_t *p = test_malloc(SIZE);
    uint32_t x = 1;
    for (size_t i = 0; i < SIZE; i++) {
        x = x * 1664525 + 1013904223;
        p[i] = i % 8192 < 4096 ? (uint8_t)(i % 251) : (uint8_t)(x >> 24);
    }
    return p;
}

static int pack(const uint8_t *p, archive_progress_fn *progress, void *arg, struct memory *m,
                struct pb_error *err)
{
    struct lzma2_packer *packer;
    int rc = lzma2_packer_open(0, SIZE, memory_add, m, &packer, err);
    if (rc < 0)
        return rc;
    lzma2_packer_watch(packer, progress, arg);
    for (size_t at = 0; rc == PB_OK && at < SIZE; at += STEP)
        rc = lzma2_packer_add(packer, p + at, SIZE - at < STEP ? SIZE - at : STEP, err);
    if (rc == PB_OK)
        rc = lzma2_packer_finish(packer, err);
    lzma2_packer_free(packer);
    return rc;
}

struct watch {
    uint64_t last, calls, stop_at;
};

static int watch_progress(void *arg, uint64_t done, struct pb_error *err)
{
    struct watch *w = arg;
    assert_true(done >= w->last && done <= SIZE);
    w->last = done;
    return ++w->calls == w->stop_at ? error_set(err, PB_CANCELLED, "cancelled") : PB_OK;
}

static void the_blocks_are_one_stream(void **state)
{
    struct pb_error err = {0};
    struct watch watch = {0};
    uint8_t *plain = stream_make(), *again = test_malloc(SIZE + 1);
    struct memory m = {test_malloc(SIZE + MIB), 0, SIZE + MIB};
    lzma_options_lzma options = {.dict_size = SIZE};
    lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    size_t in = 0, out = 0;
    (void)state;
    assert_int_equal(lzma2_blocks(SIZE), 2);
    assert_int_equal(pack(plain, watch_progress, &watch, &m, &err), PB_OK);
    assert_int_equal(watch.last, SIZE);
    assert_int_equal(lzma_raw_buffer_decode(filters, NULL, m.p, &in, m.n, again, &out, SIZE + 1), LZMA_OK);
    assert_int_equal(in, m.n);
    assert_int_equal(out, SIZE);
    assert_memory_equal(again, plain, SIZE);
    test_free(m.p);
    test_free(plain);
    test_free(again);
}

static void one_core_gives_the_same_bytes(void **state)
{
    struct pb_error err = {0};
    cpu_set_t before, one;
    uint8_t *plain = stream_make();
    struct memory a = {test_malloc(SIZE + MIB), 0, SIZE + MIB}, b = {test_malloc(SIZE + MIB), 0, SIZE + MIB};
    (void)state;
    assert_int_equal(pack(plain, NULL, NULL, &a, &err), PB_OK);
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(pack(plain, NULL, NULL, &b, &err), PB_OK);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, a.n);
    test_free(a.p);
    test_free(b.p);
    test_free(plain);
}

static void a_stop_or_a_full_sink_ends_it(void **state)
{
    uint8_t *plain = stream_make();
    struct memory m = {test_malloc(SIZE + MIB), 0, SIZE + MIB};
    (void)state;
    for (uint64_t at = 1; at <= 33; at += 16) {
        struct pb_error err = {0};
        struct watch watch = {.stop_at = at};
        m.n = 0;
        int rc = pack(plain, watch_progress, &watch, &m, &err);
        assert_true(rc == PB_CANCELLED || (rc == PB_OK && watch.calls < at));
    }
    for (size_t room = 0; room < 5 * MIB; room += 4 * MIB) {
        struct pb_error err = {0};
        m.n = 0;
        m.room = room;
        assert_int_equal(pack(plain, NULL, NULL, &m, &err), PB_NO_SPACE);
    }
    test_free(m.p);
    test_free(plain);
}

/* Even in number from two on, and of 12 to 24 MiB once there are four. */
static void blocks_are_divided_by_size_alone(void **state)
{
    (void)state;
    assert_int_equal(lzma2_blocks(1), 1);
    assert_int_equal(lzma2_blocks(8 * MIB), 1);
    assert_int_equal(lzma2_blocks(8 * MIB + 1), 2);
    for (uint64_t size = 8 * MIB + 1; size < (uint64_t)4096 * MIB; size += 1234567) {
        uint64_t n = lzma2_blocks(size);
        assert_int_equal(n % 2, 0);
        assert_true(size / n <= 24 * MIB && (n == 2 || size / n >= 12 * MIB));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_blocks_are_one_stream),
    cmocka_unit_test(one_core_gives_the_same_bytes),
    cmocka_unit_test(a_stop_or_a_full_sink_ends_it),
    cmocka_unit_test(blocks_are_divided_by_size_alone),
};
TEST_MAIN(tests)
