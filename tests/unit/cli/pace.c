/* Rates and estimates, with a clock of the test's own. */
#include "test.h"

#include "cli/pace.h"

static struct pb_progress at(const char *stage, unsigned long long done, unsigned long long total)
{
    return (struct pb_progress){stage, done, total, NULL};
}

static void no_estimate_before_there_is_one(void **state)
{
    struct pace pace = {0};
    unsigned long left;
    (void)state;
    for (uint64_t ms = 1000; ms < 2400; ms += 100) {
        struct pb_progress p = at("downloading", ms, 1000000);
        assert_int_equal(pace_add(&pace, &p, ms), ms == 1000);
        assert_true(pace_rate(&pace) == 0);
        assert_false(pace_left(&pace, &p, &left));
    }
}

/* 100 bytes a millisecond in bursts of a second: the estimate falls all the time, and never by more than
 * three seconds at once. */
static void steady_though_it_comes_in_bursts(void **state)
{
    struct pace pace = {0};
    unsigned long left, before = 0;
    unsigned long long total = 100ull * 60000;
    (void)state;
    for (uint64_t ms = 0; ms <= 60000; ms += 50) {
        struct pb_progress p = at("downloading", ms / 1000 * 100000, total);
        pace_add(&pace, &p, ms);
        if (ms < 10000 || !pace_left(&pace, &p, &left))
            continue;
        if (before > 0)
            assert_true(left <= before + 3 && before <= left + 3);
        before = left;
    }
    assert_int_equal(before, 0);
}

static void follows_a_change_within_seconds(void **state)
{
    struct pace pace = {0};
    unsigned long long done = 0;
    (void)state;
    for (uint64_t ms = 0; ms < 60000; ms += 100) {
        struct pb_progress p = at("downloading", done += ms < 30000 ? 100000 : 10000, 1ull << 40);
        pace_add(&pace, &p, ms);
        if (ms == 29000)
            assert_in_range((unsigned long)pace_rate(&pace), 950000, 1050000);
        if (ms == 50000)
            assert_in_range((unsigned long)pace_rate(&pace), 95000, 150000);
    }
}

/* A piece that is begun anew takes bytes back. */
static void never_negative(void **state)
{
    struct pace pace = {0};
    unsigned long left;
    (void)state;
    for (uint64_t ms = 0; ms < 10000; ms += 100) {
        struct pb_progress p = at("downloading", ms < 5000 ? ms * 10 : (ms - 5000) * 10, 200000);
        pace_add(&pace, &p, ms);
        assert_true(pace_rate(&pace) >= 0);
        if (pace_left(&pace, &p, &left))
            assert_in_range(left, 1, 60);
    }
    /* More than there should be, or nothing known: no estimate. */
    struct pb_progress more = at("downloading", 300000, 200000), unknown = at("downloading", 5, 0);
    assert_false(pace_left(&pace, &more, &left));
    assert_false(pace_left(&pace, &unknown, &left));
}

static void stands_still(void **state)
{
    struct pace pace = {0};
    unsigned long left;
    (void)state;
    for (uint64_t ms = 0; ms < 400000; ms += 100) {
        struct pb_progress p = at("downloading", ms < 5000 ? ms : 5000, 1000000);
        pace_add(&pace, &p, ms);
    }
    struct pb_progress p = at("downloading", 5000, 1000000);
    assert_false(pace_left(&pace, &p, &left)); /* nobody believes 100 hours */
}

static void a_stage_begins_anew(void **state)
{
    struct pace pace = {0};
    (void)state;
    for (uint64_t ms = 0; ms < 5000; ms += 100) {
        struct pb_progress p = at("downloading", ms, 10000);
        pace_add(&pace, &p, ms);
    }
    assert_true(pace_rate(&pace) > 0);
    char other[] = "unpacking"; /* compared as text: each part of the library has its own */
    struct pb_progress p = at(other, 1, 10000);
    assert_true(pace_add(&pace, &p, 5000));
    assert_true(pace_rate(&pace) == 0);
    p = at("unpacking", 2, 10000);
    assert_false(pace_add(&pace, &p, 5100));
    p.unit = "files";
    assert_true(pace_add(&pace, &p, 5200));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(no_estimate_before_there_is_one),
    cmocka_unit_test(steady_though_it_comes_in_bursts),
    cmocka_unit_test(follows_a_change_within_seconds),
    cmocka_unit_test(never_negative),
    cmocka_unit_test(stands_still),
    cmocka_unit_test(a_stage_begins_anew),
};
TEST_MAIN(tests)
