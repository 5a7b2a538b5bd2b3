/* What every unit test includes: cmocka, in the order it wants, and a way to compare slices. */
#ifndef PB_TEST_H
#define PB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"

#define assert_slice(slice, text)                                                                            \
    do {                                                                                                     \
        assert_int_equal((slice).n, strlen(text));                                                           \
        assert_memory_equal((slice).p, (text), (slice).n);                                                   \
    } while (0)

/* The test's own folder, made by the runner: $TEST_TMP, or /tmp. */
static inline const char *test_tmp(void)
{
    const char *tmp = getenv("TEST_TMP");
    return tmp != NULL ? tmp : "/tmp";
}

#define TEST_MAIN(tests)                                                                                     \
    int main(void)                                                                                           \
    {                                                                                                        \
        cmocka_set_message_output(CM_OUTPUT_TAP);                                                            \
        return cmocka_run_group_tests(tests, NULL, NULL);                                                    \
    }

#endif
