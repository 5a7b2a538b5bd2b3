/* The operator's record: bans, the day's account, and what becomes of both when others write, too. */
#include "test.h"

#include "base/clock.h"
#include "depot/state.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct state *open_in(const char *folder)
{
    struct state *s;
    struct pb_error err;
    assert_int_equal(state_open(folder, &s, &err), 0);
    return s;
}

static int remember(void *arg, const struct state_ban *ban, struct pb_error *err)
{
    char *all = arg;
    (void)err;
    snprintf(all + strlen(all), 200, "%s %s %lld;", ban->range, ban->reason, (long long)ban->expires);
    return 0;
}

static void bans(void **state)
{
    struct pb_error err;
    char all[1000] = "";
    int64_t now = clock_unix(), before, after;
    (void)state;
    assert_int_equal(mkdir("bans", 0700), 0);
    struct state *a = open_in("bans"), *b = open_in("bans");
    assert_int_equal(state_version(b, &before, &err), 0);
    assert_int_equal(state_ban(a, &(struct state_ban){"192.0.2.7", "x", now, 0}, false, &err), 0);
    assert_int_equal(state_ban(a, &(struct state_ban){"192.0.2.8", "gone", now, now - 1}, false, &err), 0);
    assert_int_equal(state_version(b, &after, &err), 0);
    assert_int_not_equal(before, after);
    /* One that ends does not replace one that does not. */
    assert_int_equal(state_ban(b, &(struct state_ban){"192.0.2.7", "y", now, now + 60}, true, &err), 0);
    assert_int_equal(state_bans(b, remember, all, &err), 0);
    assert_string_equal(all, "192.0.2.7 x 0;");
    assert_int_equal(state_ban(b, &(struct state_ban){"192.0.2.7", "y", now, now + 60}, false, &err), 0);
    all[0] = '\0';
    assert_int_equal(state_bans(a, remember, all, &err), 0);
    assert_non_null(strstr(all, "192.0.2.7 y "));
    assert_int_equal(state_unban(a, "192.0.2.8", &err), PB_NOT_FOUND);
    assert_int_equal(state_unban(a, "192.0.2.7", &err), 0);
    assert_int_equal(state_unban(a, "192.0.2.7", &err), PB_NOT_FOUND);
    state_close(a);
    state_close(b);
}

static void use(void **state)
{
    struct pb_error err;
    uint64_t today;
    (void)state;
    assert_int_equal(mkdir("use", 0700), 0);
    struct state *a = open_in("use"), *b = open_in("use");
    assert_int_equal(state_use_add(a, "", 100, 5, &today, &err), 0);
    assert_int_equal(today, 5);
    assert_int_equal(state_use_add(b, "", 100, 7, &today, &err), 0);
    assert_int_equal(today, 12);
    assert_int_equal(state_use_add(a, "escape/x", 100, 0, &today, &err), 0);
    assert_int_equal(today, 0);
    assert_int_equal(state_use_add(a, "", 101, 1, &today, &err), 0); /* a new day */
    assert_int_equal(today, 1);
    assert_int_equal(state_use_add(b, "", 100, 50, &today, &err),
                     0); /* one that is late takes nothing away */
    assert_int_equal(state_use_add(a, "", 101, 0, &today, &err), 0);
    assert_int_equal(today, 1);
    /* What is abandoned did not happen. */
    assert_int_equal(state_begin(a, &err), 0);
    assert_int_equal(state_use_add(a, "", 101, 10, &today, &err), 0);
    state_abandon(a);
    assert_int_equal(state_use_add(a, "", 101, 0, &today, &err), 0);
    assert_int_equal(today, 1);
    /* Somebody else's transaction is not waited for. */
    state_patience(b, 0);
    assert_int_equal(state_begin(a, &err), 0);
    assert_int_equal(state_begin(b, &err), PB_BUSY);
    assert_int_equal(state_end(a, &err), 0);
    state_close(a);
    state_close(b);
}

static void others(void **state)
{
    struct state *s;
    struct pb_error err;
    char address[80];
    (void)state;
    assert_int_equal(mkdir("others", 0700), 0);
    s = open_in("others");
    assert_int_equal(state_admin(s, address, sizeof address, &err), PB_NOT_FOUND);
    assert_int_equal(state_admin_set(s, "127.0.0.1:1", &err), 0);
    assert_int_equal(state_admin(s, address, sizeof address, &err), 0);
    assert_string_equal(address, "127.0.0.1:1");
    state_close(s);
    FILE *f = fopen("others/state.sqlite", "w");
    assert_non_null(f);
    fputs("something else altogether, long enough to be a header of a database, and then some more of it, to "
          "be sure",
          f);
    fclose(f);
    unlink("others/state.sqlite-wal");
    unlink("others/state.sqlite-shm");
    assert_true(state_open("others", &s, &err) < 0);
}

static int enter(void **state)
{
    (void)state;
    return chdir(test_tmp());
}

static const struct CMUnitTest tests[] = {cmocka_unit_test_setup(bans, enter),
                                          cmocka_unit_test_setup(use, enter),
                                          cmocka_unit_test_setup(others, enter)};
TEST_MAIN(tests)
