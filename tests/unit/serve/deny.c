/* Address ranges. */
#include "test.h"

#include "serve/deny.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool denied(const struct deny_list *list, const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return deny_has(list, (struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return deny_has(list, (struct sockaddr *)&v6);
}

static void ranges(void **state)
{
    static const char *const list_text[] = {"192.0.2.7", "10.0.0.0/8", "198.51.100.128/25", "2001:db8::/33",
                                            "::1"};
    struct deny_list list = {0};
    struct arena a;
    struct pb_error err;
    (void)state;
    arena_init(&a, 0);
    assert_false(denied(&list, "192.0.2.7"));
    for (size_t i = 0; i < sizeof list_text / sizeof list_text[0]; i++)
        assert_int_equal(deny_add(&list, &a, list_text[i], &err), 0);
    static const char *const in[] = {"192.0.2.7",        "10.255.0.1", "198.51.100.128", "198.51.100.255",
                                     "2001:db8:7fff::1", "::1",        "::ffff:10.1.1.1"};
    static const char *const out[] = {"192.0.2.8",        "11.0.0.0", "198.51.100.127",
                                      "2001:db8:8000::1", "::2",      "127.0.0.1"};
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
        assert_true(denied(&list, in[i]));
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        assert_false(denied(&list, out[i]));
    static const char *const bad[] = {"",         "1.2.3",     "1.2.3.4/33", "::/129",
                                      "1.2.3.4/", "1.2.3.4/x", "host",       "1.2.3.4/-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(deny_add(&list, &a, bad[i], &err), PB_INVALID);
    arena_free(&a);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(ranges)};
TEST_MAIN(tests)
