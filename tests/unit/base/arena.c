/* The arena: alignment, large pieces, its ceiling. */
#include "test.h"

#include <stdio.h>

#include "base/arena.h"

static void pieces_do_not_overlap(void **state)
{
    struct arena a;
    char *text[1000];
    (void)state;
    arena_init(&a, 0);
    for (int i = 0; i < 1000; i++) {
        text[i] = arena_format(&a, "piece %d", i);
        assert_non_null(text[i]);
        uint64_t *aligned = arena_zero(&a, sizeof *aligned * (size_t)(i % 7 + 1));
        assert_int_equal((uintptr_t)aligned % _Alignof(max_align_t), 0);
        memset(aligned, 0xff, sizeof *aligned * (size_t)(i % 7 + 1));
    }
    for (int i = 0; i < 1000; i++) {
        char wanted[32];
        snprintf(wanted, sizeof wanted, "piece %d", i);
        assert_string_equal(text[i], wanted);
    }
    arena_free(&a);
}

static void ceiling(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 100000);
    assert_non_null(arena_zero(&a, 60000));
    assert_null(arena_zero(&a, 60000));
    assert_non_null(arena_zero(&a, 1000));
    assert_null(arena_zero(&a, SIZE_MAX - 8));
    arena_free(&a);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pieces_do_not_overlap),
    cmocka_unit_test(ceiling),
};
TEST_MAIN(tests)
