/* The scrubber's memory, and the set of damaged objects: what was put in is found, nothing else is. */
#include "serve/live/scrub_known.h"

#include "serve/live/damaged.h"
#include "test.h"

enum { MANY = 20000 };

/* The first eight bytes of a few are alike but for the last of them; one is all zero. */
static struct sha256 name_of(unsigned i)
{
    struct sha256 name = {{0}};
    memcpy(name.bytes, &i, sizeof i);
    name.bytes[7] = (uint8_t)(i % 3);
    return name;
}

static void test_known(void **state)
{
    struct known k = {0};
    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        struct sha256 name = name_of(i);
        assert_false(known_has(&k, &name));
        if (i % 2 == 0)
            known_add(&k, &name);
        if (i % 4 == 0)
            known_add(&k, &name);
    }
    assert_int_equal(k.n, MANY / 2);
    assert_true(k.room >= 2 * k.n);
    for (unsigned i = 0; i < MANY; i++) {
        struct sha256 name = name_of(i);
        assert_int_equal(known_has(&k, &name), i % 2 == 0);
    }
    known_free(&k);
    known_free(&k);
}

static void test_damaged(void **state)
{
    struct sha256 names[MANY / 2];
    (void)state;
    for (unsigned i = 0; i < MANY / 2; i++)
        names[i] = name_of(MANY - 2 - 2 * i); /* not in order */
    struct damaged *d = damaged_new(names, MANY / 2);
    assert_non_null(d);
    damaged_hold(d);
    damaged_release(d);
    for (unsigned i = 0; i < MANY; i++) {
        struct sha256 name = name_of(i);
        assert_int_equal(damaged_has(d, &name), i % 2 == 0);
        assert_false(damaged_has(NULL, &name));
    }
    damaged_release(d);
    damaged_hold(NULL);
    damaged_release(NULL);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_damaged)};
TEST_MAIN(tests)
