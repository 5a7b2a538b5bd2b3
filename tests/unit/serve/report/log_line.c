/* Access log lines: both forms, hostile bytes, no passwords. */
#include "test.h"

#include "serve/report/access_log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

/* The line up to the byte count, "#", and what follows. */
static const char *line_from(enum log_format format, const char *target, const char *referer,
                             const char *agent)
{
    static char text[LOG_LINE_MAX + 2];
    struct log_line l;
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000207)};
    struct access a = {slice_of("GET"), slice_of(target), slice_of(referer), slice_of(agent), 1};
    log_line_start(&l, format, 784111777, (struct sockaddr *)&peer, &a, 200);
    memcpy(text, l.text, l.before);
    text[l.before] = '#';
    memcpy(text + l.before + 1, l.text + l.before, l.after);
    text[l.before + 1 + l.after] = '\0';
    return text;
}

static const char *line(enum log_format format, const char *target, const char *agent)
{
    return line_from(format, target, "", agent);
}

static void forms(void **state)
{
    (void)state;
    assert_string_equal(
        line(LOG_COMBINED, "/a?map=b", "curl"),
        "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?map=b HTTP/1.1\" 200 # \"-\" \"curl\"\n");
    assert_string_equal(
        line(LOG_JSON, "/a", "x"),
        "{\"time\":\"1994-11-06T08:49:37Z\",\"remote\":\"192.0.2.7\",\"method\":\"GET\",\"target\":\"/a\","
        "\"referer\":\"\",\"agent\":\"x\",\"status\":200,\"bytes\":#}\n");
}

static void hostile_bytes(void **state)
{
    (void)state;
    assert_non_null(strstr(line(LOG_COMBINED, "/", "a\"b\\c\x1b\xff"), "\"a\\\"b\\\\c\\x1b\\xff\"\n"));
    assert_non_null(strstr(line(LOG_JSON, "/", "a\"\x1b\xff"), "\"a\\\"\\u001b\\u00ff\""));
}

static void passwords(void **state)
{
    (void)state;
    assert_non_null(strstr(line(LOG_COMBINED, "/maps/a.map?password=secret&x=1", ""), "?password=***&x=1 "));
    assert_non_null(strstr(line(LOG_JSON, "/maps/a.map?x=1&password=secret", ""), "?x=1&password=***\""));
    const char *twice = line(LOG_COMBINED, "/m?password=secret&password=secret2&map=a", "");
    assert_null(strstr(twice, "secret"));
    assert_non_null(strstr(twice, "&map=a "));
}

/* However the key is written, in the target and in the page that it came from. */
static void passwords_in_disguise(void **state)
{
    static const struct {
        const char *field, *shown;
    } cases[] = {
        {"/m?PASSWORD=secret&x=1", "/m?PASSWORD=***&x=1"},
        {"/m?pass%77ord=secret", "/m?pass%77ord=***"},
        {"/m?x=1&%50assWOR%64%3Dsecret", "/m?x=1&%50assWOR%64%3D***"},
        {"/m?x=1;password=secret", "/m?x=1;password=***"},
        {"/m?x=1?password=secret%26;secret&y=2", "/m?x=1?password=***&y=2"},
        {"/m?to=http%3A%2F%2Fh%2F%3Fpassword%3Dsecret&y=2", "/m?to=http%3A%2F%2Fh%2F%3Fpassword%3D***&y=2"},
        {"/m?password=", "/m?password=***"},
        {"/m?password=&password=secret", "/m?password=***&password=***"},
        {"/m?passwords=1&apassword=2&pass%7", "/m?passwords=1&apassword=2&pass%7"},
        {"/m?password%", "/m?password%"},
        {"/m?", "/m?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char wanted[200];
        snprintf(wanted, sizeof wanted, "GET %s HTTP", cases[i].shown);
        assert_non_null(strstr(line(LOG_COMBINED, cases[i].field, ""), wanted));
        snprintf(wanted, sizeof wanted, "\"http://h%s\"", cases[i].shown);
        char referer[200];
        snprintf(referer, sizeof referer, "http://h%s", cases[i].field);
        assert_non_null(strstr(line_from(LOG_COMBINED, "/", referer, ""), wanted));
        assert_non_null(strstr(line_from(LOG_JSON, "/", referer, ""), wanted));
    }
}

static void long_fields_are_cut(void **state)
{
    char target[8000];
    (void)state;
    memset(target, '"', sizeof target - 1);
    target[sizeof target - 1] = '\0';
    const char *text = line(LOG_JSON, target, target);
    assert_string_equal(text + strlen(text) - 2, "}\n");
    assert_non_null(strstr(text, "\"status\":200,\"bytes\":#"));
    memcpy(target, "/m?password=", 12);
    text = line(LOG_JSON, target, target);
    assert_non_null(strstr(text, "/m?password=***\""));
    assert_non_null(strstr(text, "\"status\":200,\"bytes\":#"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(forms),
    cmocka_unit_test(hostile_bytes),
    cmocka_unit_test(passwords),
    cmocka_unit_test(passwords_in_disguise),
    cmocka_unit_test(long_fields_are_cut),
};
TEST_MAIN(tests)
