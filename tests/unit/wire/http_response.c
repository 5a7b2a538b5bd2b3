/* Heads of responses: what a client needs of them, and what it must refuse (RFC 9112). */
#include "test.h"

#include "wire/http_response.h"

#include <stdio.h>

static int parse(const char *text, struct http_response *r)
{
    return http_response_parse(slice_of(text), r);
}

static void a_file(void **state)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nETag: \"x\"\r\n\r\n";
    char text[100];
    struct http_response r;
    (void)state;
    snprintf(text, sizeof text, "%sHello", head);
    assert_int_equal(parse(text, &r), strlen(head));
    assert_int_equal(r.status, 200);
    assert_true(r.length_known && !r.closes && !r.range_known);
    assert_int_equal(r.length, 12);
    for (size_t n = 0; n < strlen(head); n++)
        assert_int_equal(http_response_parse((struct slice){head, n}, &r), 0);
}

static void ranges_and_waits(void **state)
{
    struct http_response r;
    (void)state;
    assert_true(
        parse("HTTP/1.1 206 Partial Content\nContent-Range: bytes 100-199/200\ncontent-length: 100\n\n", &r) >
        0);
    assert_true(r.range_known);
    assert_int_equal(r.range_from, 100);
    assert_true(parse("HTTP/1.1 206 x\nContent-Range: bytes */200\n\n", &r) > 0);
    assert_false(r.range_known);
    assert_true(parse("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", &r) > 0);
    assert_true(r.retry_known);
    assert_int_equal(r.retry_seconds, 7);
    assert_true(parse("HTTP/1.1 503 Busy\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n", &r) > 0);
    assert_true(r.retry_known);
    assert_int_equal(r.retry_at, 784111777);
    assert_true(parse("HTTP/1.1 503 Busy\r\nRetry-After: soon\r\n\r\n", &r) > 0);
    assert_false(r.retry_known);
}

static void connections(void **state)
{
    struct http_response r;
    (void)state;
    assert_true(parse("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", &r) > 0);
    assert_true(r.closes);
    assert_true(parse("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n", &r) > 0);
    assert_false(r.closes);
    assert_true(parse("HTTP/1.1 200 OK\r\nConnection: foo, Close\r\n\r\n", &r) > 0);
    assert_true(r.closes);
    assert_false(r.length_known);
    assert_true(parse("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", &r) > 0);
    assert_true(r.length_known);
    assert_int_equal(r.length, 0);
    assert_true(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &r) > 0);
    assert_false(r.length_known);
}

static void refused(void **state)
{
    static const char *const heads[] = {
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nname : x\r\n\r\n",
    };
    struct http_response r;
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        assert_int_equal(parse(heads[i], &r), -1);
    assert_true(parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", &r) > 0);
}

static void too_long(void **state)
{
    static char text[HTTP_RESPONSE_HEAD_MAX + 1];
    struct http_response r;
    (void)state;
    memset(text, 'a', HTTP_RESPONSE_HEAD_MAX);
    memcpy(text, "HTTP/1.1 200 OK\r\nx: ", 20);
    assert_int_equal(http_response_parse((struct slice){text, HTTP_RESPONSE_HEAD_MAX - 1}, &r), 0);
    assert_int_equal(http_response_parse((struct slice){text, HTTP_RESPONSE_HEAD_MAX}, &r), -1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_file),  cmocka_unit_test(ranges_and_waits), cmocka_unit_test(connections),
    cmocka_unit_test(refused), cmocka_unit_test(too_long),
};
TEST_MAIN(tests)
