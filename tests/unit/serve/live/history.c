/* The last hour: sums, the ring's end, a watcher that was held up, and which titles have a series. */
#include "test.h"

#include "serve/live/history.h"

#include <stdio.h>

enum { METERS = HISTORY_TITLES + 2 };

static struct loop_counts loop;
static struct shared *shared;
static struct meter *meters;
static char names[METERS][32];

static int start(void **state)
{
    shared = calloc(1, sizeof *shared);
    meters = aligned_alloc(METER_LINE, sizeof *meters * METERS);
    loop = (struct loop_counts){0};
    memset(meters, 0, sizeof *meters * METERS);
    for (size_t i = 0; i < METERS; i++) {
        snprintf(names[i], sizeof names[i], "opensauce/%zu", i);
        meters[i].title = names[i];
        meters[i].next = i + 1 < METERS ? &meters[i + 1] : NULL;
    }
    shared->loops[0] = &loop;
    shared->loop_count = 1;
    shared->admission.meters.first = meters;
    *state = history_new();
    return *state != NULL ? 0 : -1;
}

static int end(void **state)
{
    history_free(*state);
    free(meters);
    free(shared);
    return 0;
}

static void served(size_t title, uint64_t bytes)
{
    loop.dialects[0].requests++;
    loop.dialects[0].bytes += bytes;
    meters[title].counts.requests++;
    meters[title].counts.bytes += bytes;
}

static const struct history_point *newest(const struct history *h, size_t series)
{
    return &h->series[series].points[(h->number - 1) % HISTORY_POINTS];
}

static void points(void **state)
{
    struct history *h = *state;
    loop.accepted = 3;
    loop.dialects[0].opened = 2;
    served(0, 100);
    history_add(h, shared, 1);
    assert_int_equal(newest(h, HISTORY_TOTAL)->bytes, 100);
    assert_int_equal(newest(h, HISTORY_TOTAL)->opened, 3);
    assert_int_equal(newest(h, HISTORY_DIALECT)->requests, 1);
    assert_int_equal(newest(h, HISTORY_DIALECT)->opened, 2);
    assert_string_equal(h->series[HISTORY_TITLE].title, "opensauce/0");
    assert_int_equal(newest(h, HISTORY_TITLE)->bytes, 100);
    history_add(h, shared, 1);
    assert_int_equal(newest(h, HISTORY_TOTAL)->bytes, 0);
    assert_int_equal(newest(h, HISTORY_TITLE)->bytes, 0);
    assert_int_equal(h->series[HISTORY_TOTAL].bytes, 100);
}

/* What is older than an hour is in no sum. */
static void an_hour(void **state)
{
    struct history *h = *state;
    served(0, 100);
    history_add(h, shared, 1);
    for (int i = 1; i < HISTORY_POINTS; i++)
        history_add(h, shared, 1);
    assert_int_equal(h->series[HISTORY_TOTAL].bytes, 100);
    assert_int_equal(h->series[HISTORY_TITLE].requests, 1);
    history_add(h, shared, 1);
    assert_int_equal(h->series[HISTORY_TOTAL].bytes, 0);
    assert_int_equal(h->series[HISTORY_TITLE].requests, 0);
    assert_int_equal(h->number, HISTORY_POINTS + 1);
}

/* Nothing gets lost, and no point has it all. */
static void held_up(void **state)
{
    struct history *h = *state;
    served(0, 1001);
    history_add(h, shared, 10);
    assert_int_equal(h->number, 10);
    assert_int_equal(h->series[HISTORY_TOTAL].bytes, 1001);
    for (size_t i = 0; i < 10; i++)
        assert_in_range(h->series[HISTORY_TOTAL].points[i].bytes, 100, 101);
    served(0, 7200);
    history_add(h, shared, HISTORY_POINTS);
    assert_int_equal(h->series[HISTORY_TOTAL].bytes, 7200);
    assert_int_equal(newest(h, HISTORY_TITLE)->bytes, 10);
}

/* Memory is for so many titles; the one with the least bytes gives way to one with more. */
static void busiest_titles(void **state)
{
    struct history *h = *state;
    for (size_t i = 0; i < HISTORY_TITLES; i++)
        served(i, 1000 + i);
    history_add(h, shared, 1);
    served(HISTORY_TITLES, 1000); /* as much as the least one: no reason to change */
    history_add(h, shared, 1);
    assert_int_equal(meters[HISTORY_TITLES].series, 0);
    assert_int_equal(meters[0].series, HISTORY_TITLE);
    served(HISTORY_TITLES + 1, 5000);
    history_add(h, shared, 1);
    assert_int_equal(meters[0].series, 0);
    assert_int_equal(meters[HISTORY_TITLES + 1].series, HISTORY_TITLE);
    assert_string_equal(h->series[HISTORY_TITLE].title, names[HISTORY_TITLES + 1]);
    assert_int_equal(h->series[HISTORY_TITLE].bytes, 5000);
    served(1, 1);
    history_add(h, shared, 1);
    assert_int_equal(h->series[meters[1].series].bytes, 1002);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(points, start, end),
    cmocka_unit_test_setup_teardown(an_hour, start, end),
    cmocka_unit_test_setup_teardown(held_up, start, end),
    cmocka_unit_test_setup_teardown(busiest_titles, start, end),
};
TEST_MAIN(tests)
