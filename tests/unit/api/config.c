/* The configuration: ranks, errors with lines, values. */
#include "test.h"

#include "api/config.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int read_text(struct pb_config *c, const char *text, struct pb_error *err)
{
    char path[300];
    snprintf(path, sizeof path, "%s/config-%d.ini", test_tmp(), (int)getpid());
    assert_int_equal(file_replace(AT_FDCWD, path, text, strlen(text), err), 0);
    return pb_config_read(c, path, err);
}

static void ranks(void **state)
{
    struct pb_config *c = pb_config_new();
    struct config_start start;
    struct pb_error err;
    (void)state;
    assert_int_equal(pb_config_default(c, "server", "access_log", "-", &err), 0);
    assert_int_equal(pb_config_set(c, "server", "http", "127.0.0.1:1", "--http", &err), 0);
    assert_int_equal(read_text(c,
                               "# a comment\n[server]\nhttp = 0.0.0.0:80\nhttp = [::]:81\nthreads=3\n\n"
                               "[opensauce]\nmaster = A | http://a/ | B\nmaster = C|https://c/|\n",
                               &err),
                     0);
    assert_int_equal(pb_config_set(c, "server", "http", "[::1]:2", "--http", &err), 0);
    assert_int_equal(config_start(c, &start, &err), 0);
    assert_int_equal(start.listen_count, 2); /* the program's; the file's are dropped */
    assert_int_equal(start.threads, 3);
    assert_string_equal(start.access_log, "-");
    struct serve_settings *settings;
    assert_int_equal(config_settings(c, &settings, &err), 0);
    assert_int_equal(settings->idle_ms, 75000);
    settings_release(settings);
    pb_config_free(c);
}

static void faults_name_their_line(void **state)
{
    static const struct {
        const char *text, *where, *what;
    } cases[] = {
        {"[server]\nfrob = 1\n", ":2: ", "no key frob"},
        {"\n\n[serve]\nhttp = 1\n", ":3: ", "no section [serve]; did you mean server?"},
        {"[server]\nhtpp = 1\n", ":2: ", "no key htpp; did you mean http?"},
        {"[server\nhttp = 1\n", ":1: ", "two brackets, [server], not [server"},
        {"\nserver]\nhttp = 1\n", ":2: ", "two brackets, [server], not server]"},
        {"[server] http = 1\n", ":1: ", "http = 1 stands behind"},
        {"[server]\nthreads = 1\nthreads = 2\n", ":3: ", "set twice"},
        {"[server]\nnonsense\n", ":2: ", "neither"},
        {"http = 1\n", ":1: ", "before the first [section]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pb_config *c = pb_config_new();
        struct pb_error err = {0};
        assert_int_equal(read_text(c, cases[i].text, &err), PB_INVALID);
        if (strstr(err.text, cases[i].where) == NULL || strstr(err.text, cases[i].what) == NULL)
            fail_msg("%zu: %s", i, err.text);
        pb_config_free(c);
    }
}

static void bad_values(void **state)
{
    static const char *const cases[][3] = {
        {"server", "idle_timeout", "0"},        {"server", "idle_timeout", "x"},
        {"server", "log_format", "xml"},        {"server", "deny", "1.2.3"},
        {"opensauce", "enabled", "maybe"},      {"opensauce", "master", "a|b"},
        {"opensauce", "master", "a|ftp://b|c"}, {"opensauce", "redirect_root", "files.example.org"},
        {"server", "max_connections", "-1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pb_config *c = pb_config_new();
        struct serve_settings *settings;
        struct pb_error err = {0};
        assert_int_equal(pb_config_set(c, cases[i][0], cases[i][1], cases[i][2], "--it", &err), 0);
        assert_int_equal(config_settings(c, &settings, &err), PB_INVALID);
        assert_non_null(strstr(err.text, "--it"));
        pb_config_free(c);
    }
}

static void bad_addresses(void **state)
{
    static const char *const bad[] = {"2303",   "localhost:2303", "0.0.0.0:", "0.0.0.0:65536",
                                      "::1:80", "[1.2.3.4]:80",   ":80"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pb_config *c = pb_config_new();
        struct config_start start;
        struct pb_error err = {0};
        assert_int_equal(pb_config_set(c, "server", "http", bad[i], "--http", &err), 0);
        assert_int_equal(config_start(c, &start, &err), PB_INVALID);
        pb_config_free(c);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ranks),
    cmocka_unit_test(faults_name_their_line),
    cmocka_unit_test(bad_values),
    cmocka_unit_test(bad_addresses),
};
TEST_MAIN(tests)
