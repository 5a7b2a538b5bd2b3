/* Tokens in the operator's record: also in one of an earlier version, which has no table for them. */
#include "test.h"

#include "base/clock.h"
#include "depot/state_token.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct state *open_in(const char *folder)
{
    struct state *s;
    struct pb_error err;
    mkdir(folder, 0700);
    assert_int_equal(state_open(folder, &s, &err), 0);
    return s;
}

static int remember(void *arg, const struct state_token *t, struct pb_error *err)
{
    char *all = arg;
    (void)err;
    snprintf(all + strlen(all), 200, "%s %d %u %lld;", t->name, t->hash.bytes[0], t->rights,
             (long long)t->used);
    return 0;
}

static int add(struct state *s, const char *name, uint8_t hash, int64_t expires)
{
    struct pb_error err;
    struct state_token t = {
        .name = name, .hash = {{hash}}, .rights = 5, .added = clock_unix(), .expires = expires};
    return state_token_add(s, &t, &err);
}

static void tokens(void **state)
{
    struct pb_error err;
    char all[1000] = "", name[16];
    struct sha256 second = {{2}};
    (void)state;
    struct state *s = open_in("tokens");
    assert_int_equal(add(s, "b", 2, 0), 0);
    assert_int_equal(add(s, "a", 1, clock_unix() + 1000), 0);
    assert_int_equal(add(s, "gone", 3, clock_unix() - 1), 0);
    assert_int_equal(add(s, "a", 4, 0), PB_INVALID);
    assert_int_equal(state_token_used(s, &second, 7, &err), 0);
    assert_int_equal(state_token_used(s, &second, 6, &err), 0); /* not back */
    assert_int_equal(state_tokens(s, remember, all, &err), 0);
    assert_string_equal(all, "a 1 5 0;b 2 5 7;gone 3 5 0;");
    assert_int_equal(add(s, "gone", 3, 0), 0); /* the expired one is away */
    assert_int_equal(state_token_revoke(s, "b", &err), 0);
    assert_int_equal(state_token_revoke(s, "b", &err), PB_NOT_FOUND);
    for (int i = 2; i < TOKENS_MAX; i++) {
        struct state_token t = {.name = name, .hash = {{9, (uint8_t)i, (uint8_t)(i >> 8)}}, .rights = 1};
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(state_token_add(s, &t, &err), 0);
    }
    assert_int_equal(add(s, "more", 8, 0), PB_INVALID);
    state_close(s);
}

static void earlier_record(void **state)
{
    struct pb_error err;
    char all[100] = "";
    (void)state;
    struct state *s = open_in("earlier");
    assert_int_equal(sqlite3_exec(state_database(s), "DROP TABLE token", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(state_ban(s, &(struct state_ban){"192.0.2.7", "", 1, 0}, false, &err), 0);
    state_close(s);
    s = open_in("earlier");
    assert_int_equal(add(s, "a", 1, 0), 0);
    assert_int_equal(state_tokens(s, remember, all, &err), 0);
    assert_string_equal(all, "a 1 5 0;");
    assert_int_equal(state_unban(s, "192.0.2.7", &err), 0);
    state_close(s);
}

static int enter(void **state)
{
    (void)state;
    return chdir(test_tmp());
}

static const struct CMUnitTest tests[] = {cmocka_unit_test_setup(tokens, enter),
                                          cmocka_unit_test_setup(earlier_record, enter)};
TEST_MAIN(tests)
