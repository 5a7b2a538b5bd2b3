/* Limits of a configuration: what they mean, and what is refused. */
#include "test.h"

#include "api/config.h"

static int make(const char *const keys[][2], size_t n, struct serve_settings **out, struct pb_error *err)
{
    struct pb_config *c = pb_config_new();
    int rc = PB_OK;
    assert_non_null(c);
    for (size_t i = 0; rc == PB_OK && i < n; i++)
        rc = pb_config_set(c, "server", keys[i][0], keys[i][1], "here", err);
    if (rc == PB_OK)
        rc = config_settings(c, out, err);
    pb_config_free(c);
    return rc;
}

static uint64_t rate_of(const struct serve_settings *s, const char *text)
{
    struct range r;
    assert_int_equal(range_parse(text, &r, NULL), 0);
    return limits_address_rate(&s->limits, &r.first);
}

static void good(void **state)
{
    static const char *const keys[][2] = {{"rate", "10M"},
                                          {"address_rate", "1M"},
                                          {"address_rate", "192.0.2.0/24 2k"},
                                          {"address_rate", "192.0.2.128/25   3"},
                                          {"address_rate", "2001:db8::/32 1G"},
                                          {"title_rate", "5K"},
                                          {"title_rate", "opensauce/a 0"},
                                          {"title_hard_cap", "escape/official 1T"},
                                          {"soft_cap", "7"},
                                          {"ban_window", "2m"},
                                          {"ban_cooldown", "7d"}};
    struct serve_settings *s;
    struct pb_error err;
    (void)state;
    assert_int_equal(make(keys, sizeof keys / sizeof keys[0], &s, &err), 0);
    /* make has set it. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    assert_true(s->limits.rates && s->limits.rate == 10 << 20);
    assert_true(rate_of(s, "198.51.100.1") == 1 << 20);
    assert_true(rate_of(s, "192.0.2.1") == 2048);
    assert_true(rate_of(s, "192.0.2.129") == 3);
    assert_true(rate_of(s, "2001:db8:1::") == 1 << 30);
    assert_true(rate_of(s, "2001:db9::") == 1 << 20);
    assert_true(title_value_of(&s->limits.title_rates, "opensauce/b") == 5120);
    assert_true(title_value_of(&s->limits.title_rates, "opensauce/a") == 0);
    assert_true(title_value_of(&s->limits.hard_caps, "escape/official") == 1ull << 40);
    assert_true(title_value_of(&s->limits.hard_caps, "escape/other") == 0);
    assert_true(s->limits.caps.soft == 7 && s->limits.caps.hard == 0);
    assert_int_equal(s->limits.peer.connections, 500);
    assert_int_equal(s->limits.peer.ban_window_ms, 120000);
    assert_true(s->limits.peer.ban_cooldown_ms == 604800000u);
    settings_release(s);
    assert_int_equal(make(NULL, 0, &s, &err), 0);
    assert_false(s->limits.rates);
    settings_release(s);
}

static void bad(void **state)
{
    static const char *const keys[][2] = {{"rate", ""},
                                          {"rate", "M"},
                                          {"rate", "-1"},
                                          {"rate", "1.5M"},
                                          {"rate", "9G"},
                                          {"rate", "99999999999999999999"},
                                          {"rate", "17179869184G"},
                                          {"address_rate", "192.0.2.0/33 1M"},
                                          {"address_rate", "192.0.2.0/24 "},
                                          {"address_rate", "2001:db8::/96 1M"},
                                          {"title_rate", "opensauce/ 1M"},
                                          {"title_rate", "nothing/a 1M"},
                                          {"title_rate", "a b c"},
                                          {"soft_cap", "1P"},
                                          {"ban_window", "0"},
                                          {"ban_window", "86401"},
                                          {"ban_window", "2d"},
                                          {"ban_cooldown", "1.5h"},
                                          {"ban_cooldown", "-1m"},
                                          {"ban_cooldown", "31d"},
                                          {"head_max", "8193"},
                                          {"address_connections", "1000001"}};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct serve_settings *s;
        struct pb_error err;
        assert_int_equal(make(&keys[i], 1, &s, &err), PB_INVALID);
        assert_non_null(strstr(err.text, "here"));
    }
}

static void caps_in_order(void **state)
{
    static const struct {
        const char *keys[3][2];
        size_t n;
        bool good;
    } cases[] = {
        {{{"soft_cap", "2G"}, {"hard_cap", "1G"}}, 2, false},
        {{{"soft_cap", "1G"}, {"hard_cap", "1G"}}, 2, true},
        {{{"soft_cap", "2G"}, {"hard_cap", "0"}}, 2, true},
        {{{"title_soft_cap", "2G"}, {"title_hard_cap", "1G"}}, 2, false},
        {{{"title_soft_cap", "escape/a 2G"}, {"title_hard_cap", "1G"}}, 2, false},
        {{{"title_soft_cap", "2G"}, {"title_hard_cap", "escape/a 1G"}}, 2, false},
        {{{"title_soft_cap", "2G"}, {"title_soft_cap", "escape/a 1M"}, {"title_hard_cap", "escape/a 1G"}},
         3,
         true},
        {{{"title_soft_cap", "escape/a 2G"}, {"title_hard_cap", "escape/b 1G"}}, 2, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct serve_settings *s;
        struct pb_error err = {0};
        int rc = make(cases[i].keys, cases[i].n, &s, &err);
        if ((rc == PB_OK) != cases[i].good)
            fail_msg("%zu: %s", i, err.text);
        if (rc == PB_OK)
            settings_release(s);
        else
            assert_non_null(strstr(err.text, "above the hard cap"));
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(bad),
                                          cmocka_unit_test(caps_in_order)};
TEST_MAIN(tests)
