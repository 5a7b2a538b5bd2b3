/* Taking addresses apart. */
#include "test.h"

#include "fetch/url.h"

static void addresses(void **state)
{
    struct arena a;
    struct url u;
    struct pb_error err;
    (void)state;
    arena_init(&a, 0);
    assert_int_equal(url_parse("opensauce://127.0.0.1:2303/Blood%20Gulch", &a, &u, &err), 0);
    assert_string_equal(u.scheme, "opensauce");
    assert_string_equal(u.host, "127.0.0.1");
    assert_int_equal(u.port, 2303);
    assert_string_equal(u.path, "Blood Gulch");
    assert_int_equal(url_parse("playonline://[::1]/1000@W2U", &a, &u, &err), 0);
    assert_string_equal(u.host, "[::1]");
    assert_int_equal(u.port, 0);
    assert_string_equal(u.path, "1000@W2U");
    static const char *const bad[] = {"", "immure", "opensauce://", "opensauce://h:99999/x",
                                      "opensauce://h/a%0ab"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(url_parse(bad[i], &a, &u, &err), PB_INVALID);
    arena_free(&a);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(addresses)};
TEST_MAIN(tests)
