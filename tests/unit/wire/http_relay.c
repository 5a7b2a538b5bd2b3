/* What another server gets of a request, and which of its answers may pass. */
#include "test.h"

#include "wire/http_relay.h"

#include <stdio.h>

static const struct relay_target target = {.host = "example.org:8080", .prefix = "/pre"};

static struct relay_request *hand_on(const char *text)
{
    struct http_request r;
    assert_int_equal(http_request_parse(text, strlen(text), &r), strlen(text));
    assert_int_equal(http_relay_refusal(&r), 0);
    struct relay_request *out = http_relay_request(&r, &target, "192.0.2.7");
    assert_non_null(out);
    return out;
}

static void a_get(void **state)
{
    (void)state;
    struct relay_request *q =
        hand_on("GET http://here/f?a=b&c HTTP/1.1\r\nHost: here\r\nUser-Agent: Escape\r\n"
                "X-Forwarded-For: forged\r\nCookie: x\r\nConnection: keep-alive\r\n\r\n");
    assert_slice(((struct slice){q->head, q->head_length}),
                 "GET /pre/f?a=b&c HTTP/1.0\r\nHost: example.org:8080\r\nUser-Agent: Escape\r\n"
                 "X-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n");
    assert_int_equal(q->body, 0);
    assert_null(q->greeting);
    relay_request_free(q);
}

static void a_post(void **state)
{
    (void)state;
    struct relay_request *q = hand_on("POST /f? HTTP/1.1\r\nhost: h\r\ncontent-length: 12\r\n"
                                      "content-type: a/b; c=d\r\nexpect: 100-Continue\r\n\r\n");
    assert_slice(((struct slice){q->head, q->head_length}),
                 "POST /pre/f? HTTP/1.0\r\nHost: example.org:8080\r\nContent-Type: a/b; c=d\r\n"
                 "Content-Length: 12\r\nX-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n");
    assert_int_equal(q->body, 12);
    assert_string_equal(q->greeting, "HTTP/1.1 100 Continue\r\n\r\n");
    relay_request_free(q);
    q = hand_on("POST /f HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    assert_null(q->greeting); /* HTTP/1.0 has none */
    relay_request_free(q);
}

static void the_longest_head(void **state)
{
    static char text[HTTP_HEAD_MAX + 1];
    (void)state;
    int n = snprintf(text, sizeof text, "GET /%0*d HTTP/1.0\r\n\r\n", HTTP_HEAD_MAX - 19, 0);
    assert_true(n > HTTP_HEAD_MAX - 10 && n <= HTTP_HEAD_MAX);
    free(hand_on(text));
}

static void bodies_refused(void **state)
{
    static const struct {
        const char *length;
        int status;
    } cases[] = {
        {"Content-Length: 16777216", 0},
        {"Content-Length: 16777217", 413},
        {"Content-Length: 18446744073709551615", 413},
        {"Transfer-Encoding: chunked", 411},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        struct http_request r;
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", cases[i].length);
        assert_true(http_request_parse(text, strlen(text), &r) > 0);
        assert_int_equal(http_relay_refusal(&r), cases[i].status);
    }
}

static void answers(void **state)
{
    static const struct {
        const char *text;
        int head;
    } cases[] = {
        {"HTTP/1.0 200 OK\r\n\r\nbody", 19},
        {"HTTP/1.1 200\r\nA: b\r\n\r\n", 22},
        {"HTTP/1.1 200 \nA: b\n\nbody", 20},
        {"HTTP/1.1 200 OK\r\nA: b\r\n", 0},
        {"HTTP/1.1 2", 0},
        {"", 0},
        {"HTTP/1.1 2000 OK\r\n\r\n", -1},
        {"HTTP/1.1 404 No\r\n\r\n", -1},
        {"HTTP/1.1 100 Continue\r\n\r\n", -1},
        {"HTTP/2.0 200 OK\r\n\r\n", -1},
        {"HTTP/1.x 200 OK\r\n\r\n", -1},
        {"ok 1\n", -1},
        {"x", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = strlen(cases[i].text);
        int head = http_relay_accept(cases[i].text, n);
        assert_int_equal(head, cases[i].head);
        for (size_t k = 0; k < n && head > 0; k++) /* in whatever pieces it comes */
            assert_int_equal(http_relay_accept(cases[i].text, k), k < (size_t)head ? 0 : head);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_get),          cmocka_unit_test(a_post),  cmocka_unit_test(the_longest_head),
    cmocka_unit_test(bodies_refused), cmocka_unit_test(answers),
};
TEST_MAIN(tests)
