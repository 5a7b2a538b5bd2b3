/* Every item is done once, an error ends the run, and it works where no thread can be had. */
#include "test.h"

#include "base/parallel.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

enum { ITEMS = 10000 };

static int count(void *arg, size_t i, struct pb_error *err)
{
    unsigned char *done = arg;
    (void)err;
    __atomic_fetch_add(&done[i], 1, __ATOMIC_RELAXED);
    return PB_OK;
}

static void each_once(void **state)
{
    unsigned char *done = test_calloc(ITEMS, 1);
    struct pb_error err;
    (void)state;
    assert_int_equal(parallel_run(0, count, NULL, &err), PB_OK);
    assert_int_equal(parallel_run(ITEMS, count, done, &err), PB_OK);
    for (size_t i = 0; i < ITEMS; i++)
        assert_int_equal(done[i], 1);
    test_free(done);
}

struct failing {
    size_t begun;
};

static int fail_at_100(void *arg, size_t i, struct pb_error *err)
{
    struct failing *f = arg;
    __atomic_fetch_add(&f->begun, 1, __ATOMIC_RELAXED);
    return i == 100 ? error_set(err, PB_DAMAGED, "item %zu", i) : PB_OK;
}

static void the_first_error_ends_it(void **state)
{
    struct failing f = {0};
    struct pb_error err;
    (void)state;
    assert_int_equal(parallel_run((size_t)1 << 40, fail_at_100, &f, &err), PB_DAMAGED);
    assert_string_equal(err.text, "item 100");
    assert_true(f.begun >= 101);
    assert_int_equal(parallel_run((size_t)1 << 40, fail_at_100, &f, NULL), PB_DAMAGED);
}

static int signals_look(void *arg, size_t i, struct pb_error *err)
{
    pthread_t *caller = arg;
    sigset_t blocked;
    if (pthread_equal(pthread_self(), *caller))
        return PB_OK;
    return pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0 && sigismember(&blocked, SIGUSR1) == 1
               ? PB_OK
               : error_set(err, PB_FAILED, "item %zu gets the program's signals", i);
}

static void signals_are_the_callers(void **state)
{
    pthread_t caller = pthread_self();
    struct pb_error err = {0};
    (void)state;
    assert_int_equal(parallel_run(ITEMS, signals_look, &caller, &err), PB_OK);
}

/* Root may have any number of threads, whatever the limit says: then this test only repeats the first. */
static void without_threads(void **state)
{
    struct rlimit before, none = {0, 0};
    assert_int_equal(getrlimit(RLIMIT_NPROC, &before), 0);
    none.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NPROC, &none), 0);
    each_once(state);
    assert_int_equal(setrlimit(RLIMIT_NPROC, &before), 0);
    assert_in_range(parallel_threads(), 1, PARALLEL_MAX);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_once),
    cmocka_unit_test(the_first_error_ends_it),
    cmocka_unit_test(signals_are_the_callers),
    cmocka_unit_test(without_threads),
};
TEST_MAIN(tests)
