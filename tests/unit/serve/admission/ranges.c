/* Address ranges. */
#include "test.h"

#include "serve/admission/ranges.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static struct address parsed(const char *text)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_of((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return address_of((struct sockaddr *)&v6);
}

static bool has(const struct range_set *set, const char *text)
{
    struct address a = parsed(text);
    return range_set_has(set, &a);
}

static void add(struct range_set *set, struct arena *a, const char *text)
{
    struct range range;
    struct pb_error err;
    assert_int_equal(range_parse(text, &range, &err), 0);
    assert_int_equal(range_set_add(set, a, &range, &err), 0);
}

static void ranges(void **state)
{
    static const char *const list_text[] = {"192.0.2.7", "10.0.0.0/8",  "198.51.100.128/25", "2001:db8::/33",
                                            "::1",       "10.1.0.0/16", "10.0.0.0/24",       "10.0.0.0"};
    struct range_set set = {0};
    struct arena a;
    struct pb_error err;
    struct range range;
    (void)state;
    arena_init(&a, 0);
    assert_false(has(&set, "192.0.2.7"));
    for (size_t i = 0; i < sizeof list_text / sizeof list_text[0]; i++)
        add(&set, &a, list_text[i]);
    range_set_sort(&set);
    assert_int_equal(set.n, 5); /* those within 10/8 are part of it */
    static const char *const in[] = {"192.0.2.7",      "10.255.0.1",       "10.0.0.0", "198.51.100.128",
                                     "198.51.100.255", "2001:db8:7fff::1", "::1",      "::ffff:10.1.1.1"};
    static const char *const out[] = {"192.0.2.8",        "11.0.0.0", "198.51.100.127", "9.255.255.255",
                                      "2001:db8:8000::1", "::2",      "127.0.0.1"};
    for (size_t i = 0; i < sizeof in / sizeof in[0]; i++)
        assert_true(has(&set, in[i]));
    for (size_t i = 0; i < sizeof out / sizeof out[0]; i++)
        assert_false(has(&set, out[i]));
    static const char *const bad[] = {"",         "1.2.3",     "1.2.3.4/33", "::/129",
                                      "1.2.3.4/", "1.2.3.4/x", "host",       "1.2.3.4/-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(range_parse(bad[i], &range, &err), PB_INVALID);
    arena_free(&a);
}

/* A set of many, against looking at each. */
static void many(void **state)
{
    enum { RANGES = 2000, ASKED = 20000 };
    struct range_set set = {0};
    struct range plain[RANGES];
    struct arena a;
    uint32_t seed = 1;
    (void)state;
    arena_init(&a, 0);
    for (int i = 0; i < RANGES; i++) {
        char text[ADDRESS_TEXT];
        seed = seed * 1664525 + 1013904223;
        snprintf(text, sizeof text, "10.%u.%u.%u/%u", seed >> 24, (seed >> 16) & 255, (seed >> 8) & 255,
                 20 + (seed >> 5) % 13);
        assert_int_equal(range_parse(text, &plain[i], NULL), 0);
        assert_int_equal(range_set_add(&set, &a, &plain[i], NULL), 0);
    }
    range_set_sort(&set);
    int found = 0;
    for (int i = 0; i < ASKED; i++) {
        char text[ADDRESS_TEXT];
        seed = seed * 1664525 + 1013904223;
        snprintf(text, sizeof text, "10.%u.%u.%u", seed >> 24, (seed >> 16) & 255, (seed >> 8) & 255);
        struct address address = parsed(text);
        bool expected = false;
        for (int k = 0; k < RANGES && !expected; k++)
            expected = range_has(&plain[k], &address);
        assert_int_equal(range_set_has(&set, &address), expected);
        found += expected;
    }
    assert_true(found > 100 && found < ASKED - 100);
    arena_free(&a);
}

static void texts(void **state)
{
    static const char *const pairs[][2] = {
        {"192.0.2.7", "192.0.2.7"},          {"192.0.2.7/32", "192.0.2.7"},
        {"192.0.2.7/24", "192.0.2.0/24"},    {"255.255.255.255/1", "128.0.0.0/1"},
        {"2001:DB8::7/64", "2001:db8::/64"}, {"::ffff:192.0.2.7", "192.0.2.7"},
        {"0.0.0.0/0", "0.0.0.0/0"},          {"::/0", "::/0"}};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct range range;
        char text[ADDRESS_TEXT];
        assert_int_equal(range_parse(pairs[i][0], &range, NULL), 0);
        range_text(&range, text);
        assert_string_equal(text, pairs[i][1]);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(ranges), cmocka_unit_test(many),
                                          cmocka_unit_test(texts)};
TEST_MAIN(tests)
