/* X-Forwarded-For and Forwarded, from their ends. */
#include "test.h"

#include "wire/forwarded.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

/* All names of a head's list, the last first, as "ADDRESS[:PORT]" or "?", with spaces between; "-": not
 * complete. */
static const char *names(const char *head, size_t n)
{
    static char out[4096];
    struct forwarded f;
    struct sockaddr_storage a;
    enum forwarded_name name;
    size_t at = 0;
    out[0] = '\0';
    if (!forwarded_find(head, n, &f))
        return "-";
    while ((name = forwarded_take(&f, &a)) != FORWARDED_END) {
        char host[INET6_ADDRSTRLEN] = "?";
        const struct sockaddr_in *four = (const struct sockaddr_in *)&a;
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&a;
        bool known = name == FORWARDED_ADDRESS, v4 = known && a.ss_family == AF_INET;
        unsigned port = !known ? 0 : ntohs(v4 ? four->sin_port : six->sin6_port);
        if (known)
            inet_ntop(a.ss_family, v4 ? (const void *)&four->sin_addr : &six->sin6_addr, host, sizeof host);
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%s", at > 0 ? " " : "", host);
        if (port != 0)
            at += (size_t)snprintf(out + at, sizeof out - at, ":%u", port);
    }
    return out;
}

static void assert_names(const char *fields, const char *expected)
{
    char head[4096];
    int n = snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", fields);
    assert_true(n > 0 && (size_t)n < sizeof head);
    assert_string_equal(names(head, (size_t)n), expected);
}

static void usual(void **state)
{
    (void)state;
    assert_names("Accept: x", "");
    assert_names("X-Forwarded-For: 192.0.2.7", "192.0.2.7");
    assert_names("x-forwarded-FOR:192.0.2.7 ,\t198.51.100.1,2001:db8::7 ",
                 "2001:db8::7 198.51.100.1 192.0.2.7");
    assert_names("X-Forwarded-For: 192.0.2.7:80, [2001:db8::7]:81, [2001:db8::8]",
                 "2001:db8::8 2001:db8::7:81 192.0.2.7:80");
    assert_names("X-Forwarded-For: 192.0.2.1\r\nA: b\r\nX-Forwarded-For: 192.0.2.2, 192.0.2.3",
                 "192.0.2.3 192.0.2.2 192.0.2.1");
    assert_names("X-Forwarded-For: , 192.0.2.1,, ,", "192.0.2.1");
    assert_names("X-Forwarded-For:", "");
    assert_names("X-Forwarded-For: unknown, 192.0.2.1, 192.0.2, a, 192.0.2.7x", "? ? ? 192.0.2.1 ?");
    assert_names("X-Forwarded-For: \"192.0.2.1\", [192.0.2.1], [::1, ::1], ::1%lo, [::1]80", "? ? ? ? ? ?");
}

static void standard(void **state)
{
    (void)state;
    assert_names("Forwarded: for=192.0.2.7", "192.0.2.7");
    assert_names("Forwarded: For=\"[2001:db8::7]:4711\";proto=http;by=203.0.113.43, for=198.51.100.1;by=x",
                 "198.51.100.1 2001:db8::7:4711");
    assert_names("Forwarded: for=\"192.0.2.7:_hidden\", for=\"[2001:db8::7]\"", "2001:db8::7 192.0.2.7");
    assert_names("Forwarded: for=unknown, for=_secret, proto=https, for=, by=1.2.3.4, for=\"\", for",
                 "? ? ? ? ? ? ?");
    assert_names("Forwarded: host=\"a,b;for=1.2.3.4\\\",\";for=192.0.2.7", "192.0.2.7");
    assert_names("Forwarded: proto=http ; for=192.0.2.7 ;", "192.0.2.7");
}

/* Where both are there X-Forwarded-For counts, whichever comes first. */
static void both(void **state)
{
    (void)state;
    assert_names("X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2", "192.0.2.1");
    assert_names("Forwarded: for=192.0.2.2, for=192.0.2.3\r\nX-Forwarded-For: 192.0.2.1", "192.0.2.1");
    assert_names("Forwarded: for=192.0.2.2\r\nX-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.3",
                 "192.0.2.1");
}

/* What a client made up in front of the proxy's own words does not change them. */
static void hostile(void **state)
{
    static const char *const forged[] = {"for=\"",          "\"",        "for=\"\\",     "\\",
                                         "for=1.2.3.4;\"x", ",;=\"\\\"", "for=\"a\\\\\""};
    char fields[256], head[HTTP_HEAD_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        snprintf(fields, sizeof fields, "Forwarded: %s, for=192.0.2.7", forged[i]);
        char expected[] = "192.0.2.7";
        char text[512];
        int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n\r\n", fields);
        assert_memory_equal(names(text, (size_t)n), expected, sizeof expected - 1);
    }
    /* A head that is all commas, and one that is all quotes: bounded. */
    for (int k = 0; k < 2; k++) {
        memset(head, k == 0 ? ',' : '"', sizeof head);
        memcpy(head, "GET / HTTP/1.1\r\nForwarded: ", 27);
        memcpy(head + sizeof head - 4, "\r\n\r\n", 4);
        names(head, sizeof head);
    }
}

static void cuts(void **state)
{
    static const char head[] = "\r\nGET / HTTP/1.1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n";
    (void)state;
    for (size_t i = 0; i < sizeof head - 1; i++)
        assert_string_equal(names(head, i), "-");
    assert_string_equal(names(head, sizeof head - 1), "192.0.2.7");
    static const char next[] = "GET / HTTP/1.1\n\nGET / HTTP/1.1\nX-Forwarded-For: 192.0.2.7\n\n";
    assert_string_equal(names(next, sizeof next - 1), ""); /* the field is the next request's */
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(usual), cmocka_unit_test(standard),
                                          cmocka_unit_test(both), cmocka_unit_test(hostile),
                                          cmocka_unit_test(cuts)};
TEST_MAIN(tests)
