/* Request heads: what is taken, what is refused, and that it does not matter in which pieces they come. */
#include "test.h"

#include "wire/http_request.h"

#include <stdio.h>

static int parse(const char *text, struct http_request *r)
{
    return http_request_parse(text, strlen(text), r);
}

static void a_request(void **state)
{
    struct http_request r;
    const char *text = "GET /map_download?map=immure&part=a HTTP/1.1\r\nHost: x\r\nUser-Agent:  OS "
                       "\t\r\nRange: bytes=1-2\r\n\r\n";
    (void)state;
    assert_int_equal(parse(text, &r), strlen(text));
    assert_int_equal(r.method, HTTP_GET);
    assert_slice(r.path, "/map_download");
    assert_slice(r.query, "map=immure&part=a");
    assert_slice(r.user_agent, "OS");
    assert_slice(r.range, "bytes=1-2");
    assert_true(r.keep_alive);
    assert_false(r.has_body);
}

static void byte_by_byte(void **state)
{
    const char *text = "HEAD / HTTP/1.0\nConnection: Keep-Alive\n\nGET";
    struct http_request r;
    (void)state;
    for (size_t n = 0; n < strlen(text) - 3; n++)
        assert_int_equal(http_request_parse(text, n, &r), 0);
    assert_int_equal(parse(text, &r), strlen(text) - 3);
    assert_int_equal(r.method, HTTP_HEAD);
    assert_int_equal(r.minor, 0);
    assert_true(r.keep_alive);
}

static void connections(void **state)
{
    static const struct {
        const char *text;
        bool keep;
    } cases[] = {
        {"GET / HTTP/1.0\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: foo, keep-alive\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n", false},
        {"\r\n\nGET http://h/x HTTP/1.1\r\nHost: a\r\n\r\n", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request r;
        assert_int_equal(parse(cases[i].text, &r), strlen(cases[i].text));
        assert_int_equal(r.keep_alive, cases[i].keep);
    }
}

static void absolute_targets(void **state)
{
    static const struct {
        const char *target, *authority, *path, *query;
    } cases[] = {
        {"http://h/a?b", "h", "/a", "b"},
        {"HTTP://h:80/a", "h:80", "/a", ""},
        {"http://h", "h", "/", ""},
        {"http://h?x=/COLLECTIONS", "h", "/", "x=/COLLECTIONS"},
        {"http://h#/COLLECTIONS", "h", "/", ""},
        {"http://h#?x", "h", "/", "x"},
        {"/a?b=http://h/c", "", "/a", "b=http://h/c"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        struct http_request r;
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", cases[i].target);
        assert_int_equal(parse(text, &r), strlen(text));
        assert_slice(r.authority, cases[i].authority);
        assert_slice(r.path, cases[i].path);
        assert_slice(r.query, cases[i].query);
    }
}

static void refusals(void **state)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"GET /\r\n\r\n", -400},
        {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", -400},
        {"GET / HTTP/2.0\r\n\r\n", -505},
        {"GET / HTTX/1.1\r\n\r\n", -400},
        {"GET x HTTP/1.1\r\nHost: a\r\n\r\n", -400},
        {"GET http:///COLLECTIONS HTTP/1.1\r\nHost: a\r\n\r\n", -400}, /* no host */
        {"GET http://?x HTTP/1.1\r\nHost: a\r\n\r\n", -400},
        {"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", -400},
        {"GET https://h/ HTTP/1.1\r\nHost: a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\n\r\n", -400}, /* no Host */
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01z\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rz\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", -400},
        {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", -400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", -400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", -400},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", -400},
        {"G\x7fT / HTTP/1.1\r\nHost: a\r\n\r\n", -400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request r;
        assert_int_equal(parse(cases[i].text, &r), cases[i].status);
    }
}

static void sizes(void **state)
{
    char text[HTTP_HEAD_MAX + 100];
    struct http_request r;
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", 5);
    assert_int_equal(http_request_parse(text, HTTP_HEAD_MAX - 1, &r), 0);
    assert_int_equal(http_request_parse(text, sizeof text, &r), -414);
    memcpy(text, "GET / HTTP/1.1\r\nX:", 18);
    assert_int_equal(http_request_parse(text, sizeof text, &r), -431);
    struct buffer b;
    buffer_init(&b, HTTP_HEAD_MAX);
    buffer_text(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < HTTP_FIELDS_MAX; i++)
        buffer_text(&b, "a: b\r\n");
    buffer_text(&b, "\r\n");
    assert_int_equal(http_request_parse(b.p, b.n, &r), -431);
    buffer_free(&b);
}

static void a_body_is_announced(void **state)
{
    struct http_request r;
    const char *text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    (void)state;
    assert_int_equal(parse(text, &r), strlen(text));
    assert_int_equal(r.method, HTTP_OTHER);
    assert_true(r.has_body);
}

static void queries(void **state)
{
    struct slice v;
    (void)state;
    assert_true(http_query_value(slice_of("map=a&part=b&map=c"), "map", &v));
    assert_slice(v, "a");
    assert_true(http_query_value(slice_of("&&x=1&part="), "part", &v));
    assert_slice(v, "");
    assert_false(http_query_value(slice_of("xmap=a&mapx=b&map"), "map", &v));
    assert_false(http_query_value(slice_of(""), "map", &v));
}

static void percents(void **state)
{
    char out[8];
    struct buffer b;
    (void)state;
    assert_int_equal(percent_decode(slice_of("a%20b%2f+"), out, sizeof out), 5);
    assert_memory_equal(out, "a b/+", 5);
    assert_int_equal(percent_decode(slice_of("%"), out, sizeof out), -1);
    assert_int_equal(percent_decode(slice_of("%4"), out, sizeof out), -1);
    assert_int_equal(percent_decode(slice_of("%zz"), out, sizeof out), -1);
    assert_int_equal(percent_decode(slice_of("%00"), out, sizeof out), -1);
    assert_int_equal(percent_decode(slice_of("123456789"), out, sizeof out), -1);
    buffer_init(&b, 100);
    percent_encode(&b, slice_of("a b/\xc3\xa4~"), false);
    assert_string_equal(b.p, "a%20b%2F%C3%A4~");
    buffer_free(&b);
}

static void codings_that_are_accepted(void **state)
{
    (void)state;
    assert_true(http_accepts(slice_of("gzip"), "gzip"));
    assert_true(http_accepts(slice_of("br, GZIP ;q=0.5"), "gzip"));
    assert_true(http_accepts(slice_of("gzip;q=0.001"), "gzip"));
    assert_false(http_accepts(slice_of("gzip;q=0"), "gzip"));
    assert_false(http_accepts(slice_of("gzip; q=0.000, br"), "gzip"));
    assert_false(http_accepts(slice_of("x-gzip, identity"), "gzip"));
    assert_false(http_accepts(slice_of(""), "gzip"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(codings_that_are_accepted),
    cmocka_unit_test(a_request),
    cmocka_unit_test(byte_by_byte),
    cmocka_unit_test(connections),
    cmocka_unit_test(absolute_targets),
    cmocka_unit_test(refusals),
    cmocka_unit_test(sizes),
    cmocka_unit_test(a_body_is_announced),
    cmocka_unit_test(queries),
    cmocka_unit_test(percents),
};
TEST_MAIN(tests)
