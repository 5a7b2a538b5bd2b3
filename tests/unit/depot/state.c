/* The operator's record: bans, the day's account, servers, and what becomes of both when others write, too.
 */
#include "test.h"

#include "base/clock.h"
#include "depot/state.h"

#include <sqlite3.h>
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

/* "id address started;" of each, the newest first. */
static void servers_are(struct state *s, const char *expected)
{
    struct state_server servers[STATE_SERVERS_MAX];
    struct pb_error err;
    char all[2000] = "";
    size_t n;
    assert_int_equal(state_servers(s, servers, &n, &err), 0);
    for (size_t i = 0; i < n; i++)
        snprintf(all + strlen(all), 150, "%lld %s %lld;", (long long)servers[i].id, servers[i].admin,
                 (long long)servers[i].started);
    assert_string_equal(all, expected);
}

static void servers(void **state)
{
    struct pb_error err;
    int64_t first, second, third;
    (void)state;
    assert_int_equal(mkdir("servers", 0700), 0);
    struct state *a = open_in("servers"), *b = open_in("servers");
    servers_are(a, "");
    assert_int_equal(state_server_add(a, "127.0.0.1:1", 100, &first, &err), 0);
    assert_int_equal(state_server_add(b, "127.0.0.1:2", 101, &second, &err), 0);
    servers_are(a, "2 127.0.0.1:2 101;1 127.0.0.1:1 100;");
    assert_int_equal(state_server_remove(b, second, &err), 0);
    servers_are(a, "1 127.0.0.1:1 100;");
    /* An address is one server's. What the earlier one takes away is its own row alone. */
    assert_int_equal(state_server_add(b, "127.0.0.1:1", 102, &third, &err), 0);
    assert_int_equal(state_server_remove(a, first, &err), 0);
    servers_are(a, "3 127.0.0.1:1 102;");
    for (int i = 0; i < 3 * STATE_SERVERS_MAX; i++) {
        char address[40];
        snprintf(address, sizeof address, "127.0.0.2:%d", i);
        assert_int_equal(state_server_add(a, address, 200, &first, &err), 0);
    }
    struct state_server all[STATE_SERVERS_MAX];
    size_t n;
    assert_int_equal(state_servers(b, all, &n, &err), 0);
    assert_int_equal(n, STATE_SERVERS_MAX);
    assert_string_equal(all[0].admin, "127.0.0.2:95");
    assert_string_equal(all[n - 1].admin, "127.0.0.2:64");
    state_close(a);
    state_close(b);
}

static void run(const char *file, const char *text)
{
    struct sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static const char earlier[] =
    "CREATE TABLE ban (range TEXT PRIMARY KEY, reason TEXT NOT NULL, added INTEGER NOT NULL,"
    " expires INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE use (scope TEXT PRIMARY KEY, day INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE server (id INTEGER PRIMARY KEY CHECK (id = 1), admin TEXT NOT NULL);"
    "PRAGMA application_id=1346523988; PRAGMA user_version=1;";

/* What an earlier program wrote is taken over, and what it reads of ours besides servers is as it was. */
static void taken_over(void **state)
{
    struct pb_error err;
    char all[1000] = "", text[1000];
    uint64_t today;
    int64_t id;
    (void)state;
    assert_int_equal(mkdir("earlier", 0700), 0);
    snprintf(text, sizeof text,
             "%s INSERT INTO ban VALUES ('192.0.2.7', 'x', 5, 0); INSERT INTO use VALUES ('', 100, 12);"
             "INSERT INTO server VALUES (1, '127.0.0.1:7')",
             earlier);
    run("earlier/state.sqlite", text);
    struct state *a = open_in("earlier"), *b = open_in("earlier");
    assert_int_equal(state_bans(a, remember, all, &err), 0);
    assert_string_equal(all, "192.0.2.7 x 0;");
    assert_int_equal(state_use_add(b, "", 100, 1, &today, &err), 0);
    assert_int_equal(today, 13);
    servers_are(b, "1 127.0.0.1:7 0;");
    assert_int_equal(state_server_add(a, "127.0.0.1:8", 9, &id, &err), 0);
    state_close(a);
    state_close(b);
    run("earlier/state.sqlite",
        "INSERT INTO ban VALUES ('192.0.2.8', 'y', 5, 0);"
        "INSERT INTO use VALUES ('', 100, 2) ON CONFLICT (scope) DO UPDATE SET bytes = 15");
    a = open_in("earlier");
    all[0] = '\0';
    assert_int_equal(state_bans(a, remember, all, &err), 0);
    assert_string_equal(all, "192.0.2.7 x 0;192.0.2.8 y 0;");
    assert_int_equal(state_use_add(a, "", 100, 0, &today, &err), 0);
    assert_int_equal(today, 15);
    servers_are(a, "2 127.0.0.1:8 9;1 127.0.0.1:7 0;");
    state_close(a);
    /* No server ran when the earlier program ended; and a format that is newer than ours stays as it is. */
    assert_int_equal(mkdir("ended", 0700), 0);
    snprintf(text, sizeof text, "%s INSERT INTO server VALUES (1, '')", earlier);
    run("ended/state.sqlite", text);
    a = open_in("ended");
    servers_are(a, "");
    state_close(a);
    run("ended/state.sqlite", "PRAGMA user_version=2; DROP TABLE running");
    assert_int_equal(state_open("ended", &a, &err), PB_UNSUPPORTED);
}

static void others(void **state)
{
    struct state *s;
    struct pb_error err;
    (void)state;
    assert_int_equal(mkdir("others", 0700), 0);
    s = open_in("others");
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

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(bans, enter), cmocka_unit_test_setup(use, enter),
    cmocka_unit_test_setup(servers, enter), cmocka_unit_test_setup(taken_over, enter),
    cmocka_unit_test_setup(others, enter)};
TEST_MAIN(tests)
