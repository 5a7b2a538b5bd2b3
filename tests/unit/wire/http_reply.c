/* Which reply a request gets: conditions, ranges, and what the head says. */
#include "test.h"

#include <stdio.h>

#include "wire/http_reply.h"

static const struct http_moment moment = {"test", "Sun, 06 Nov 1994 08:49:37 GMT"};
static struct http_resource resource = {.type = "text/plain",
                                        .etag = "\"abc\"",
                                        .modified = 784111777,
                                        .modified_text = "Sun, 06 Nov 1994 08:49:37 GMT",
                                        .memory = "0123456789",
                                        .size = 10};

/* Answers "GET / HTTP/1.1" with these further header lines. */
static struct reply_plan *ask(const char *method, const char *lines)
{
    static struct reply_plan plan;
    struct http_request r;
    char text[1000];
    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, lines);
    assert_true(http_request_parse(text, strlen(text), &r) > 0);
    memset(&plan, 0xee, sizeof plan);
    http_reply_resource(&moment, &r, &resource, &plan);
    plan.head[plan.head_length] = '\0';
    return &plan;
}

static void whole(void **state)
{
    struct reply_plan *p = ask("GET", "");
    (void)state;
    assert_int_equal(p->status, 200);
    assert_false(p->close);
    assert_int_equal(p->length, 10);
    assert_memory_equal(p->memory, "0123456789", 10);
    assert_string_equal(p->head,
                        "HTTP/1.1 200 OK\r\nServer: test\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                        "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"abc\"\r\n"
                        "Content-Type: text/plain\r\nAccept-Ranges: bytes\r\nContent-Length: 10\r\n\r\n");
    p = ask("HEAD", "");
    assert_int_equal(p->body, BODY_NONE);
    assert_non_null(strstr(p->head, "Content-Length: 10\r\n"));
    assert_true(ask("GET", "Connection: close\r\n")->close);
}

static void ranges(void **state)
{
    static const struct {
        const char *range;
        int status;
        uint64_t first, length;
    } cases[] = {
        {"bytes=0-0", 206, 0, 1},
        {"bytes=3-5", 206, 3, 3},
        {"bytes=7-", 206, 7, 3},
        {"bytes=-4", 206, 6, 4},
        {"bytes=-40", 206, 0, 10},
        {"bytes=5-100", 206, 5, 5},
        {"BYTES=5-6", 206, 5, 2},
        {"bytes=10-", 416, 0, 0},
        {"bytes=99-100", 416, 0, 0},
        {"bytes=-0", 416, 0, 0},
        {"bytes=5-4", 200, 0, 10},
        {"bytes=1-2,4-5", 200, 0, 10},
        {"bytes=a-", 200, 0, 10},
        {"bytes=-", 200, 0, 10},
        {"octets=1-2", 200, 0, 10},
        {"bytes=18446744073709551615-", 416, 0, 0},
        {"bytes=0-18446744073709551615", 206, 0, 10},
        {"bytes=0-18446744073709551616", 200, 0, 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[100];
        snprintf(line, sizeof line, "Range: %s\r\n", cases[i].range);
        struct reply_plan *p = ask("GET", line);
        assert_int_equal(p->status, cases[i].status);
        assert_int_equal(p->length, cases[i].length);
        if (p->length > 0)
            assert_ptr_equal(p->memory, resource.memory + cases[i].first);
        if (cases[i].status == 416)
            assert_non_null(strstr(p->head, "Content-Range: bytes */10\r\n"));
    }
    assert_non_null(strstr(ask("GET", "Range: bytes=3-5\r\n")->head, "Content-Range: bytes 3-5/10\r\n"));
    assert_int_equal(ask("HEAD", "Range: bytes=3-5\r\n")->status, 200);
}

static void conditions(void **state)
{
    static const struct {
        const char *lines;
        int status;
    } cases[] = {
        {"If-None-Match: \"abc\"\r\n", 304},
        {"If-None-Match: W/\"abc\"\r\n", 304},
        {"If-None-Match: \"x\", \"abc\"\r\n", 304},
        {"If-None-Match: *\r\n", 304},
        {"If-None-Match: \"ab\"\r\n", 200},
        {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 304},
        {"If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 200},
        {"If-Modified-Since: yesterday\r\n", 200},
        {"If-None-Match: \"x\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200},
        {"If-Match: \"abc\"\r\n", 200},
        {"If-Match: W/\"abc\"\r\n", 412},
        {"If-Match: \"x\"\r\n", 412},
        {"If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 412},
        {"If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 200},
        {"Range: bytes=1-\r\nIf-Range: \"abc\"\r\n", 206},
        {"Range: bytes=1-\r\nIf-Range: \"x\"\r\n", 200},
        {"Range: bytes=1-\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 206},
        {"Range: bytes=1-\r\nIf-Range: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 200},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(ask("GET", cases[i].lines)->status, cases[i].status);
    assert_int_equal(ask("GET", "If-None-Match: *\r\n")->body, BODY_NONE);
}

/* What caches are told, and that errors are kept by none. */
static void caches(void **state)
{
    static const struct {
        enum http_cache cache;
        const char *line;
    } cases[] = {
        {HTTP_CACHE_LASTING, "\r\nCache-Control: public, max-age=31536000, immutable\r\n"},
        {HTTP_CACHE_BRIEF, "\r\nCache-Control: public, max-age=60\r\n"},
        {HTTP_CACHE_ASK, "\r\nCache-Control: no-cache\r\n"},
        {HTTP_CACHE_OWN, "\r\nCache-Control: private, no-cache\r\n"},
        {HTTP_CACHE_NEVER, "\r\nCache-Control: no-store\r\n"},
    };
    static const char *const lines[] = {"", "If-None-Match: \"abc\"\r\n", "Range: bytes=1-2\r\n"};
    static const char *const refused[] = {"If-Match: \"x\"\r\n", "Range: bytes=10-\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        resource.cache = cases[i].cache;
        for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++)
            assert_non_null(strstr(ask("GET", lines[k])->head, cases[i].line));
        for (size_t k = 0; k < sizeof refused / sizeof refused[0]; k++) {
            const char *head = ask("GET", refused[k])->head;
            assert_non_null(strstr(head, "\r\nCache-Control: no-store\r\n"));
            assert_null(strstr(head, "max-age"));
        }
    }
    resource.cache = HTTP_CACHE_UNSAID;
    resource.extra = "X-One: 1\r\nX-Two: 2\r\n";
    assert_non_null(strstr(ask("GET", "")->head, "\r\nX-One: 1\r\nX-Two: 2\r\n"));
    resource.extra = NULL;
}

static void redirects(void **state)
{
    struct http_request r;
    struct reply_plan plan;
    char location[3000];
    const char *text = "GET / HTTP/1.0\r\n\r\n";
    (void)state;
    assert_true(http_request_parse(text, strlen(text), &r) > 0);
    http_reply_redirect(&moment, &r, "http://a/b", HTTP_CACHE_BRIEF, &plan);
    plan.head[plan.head_length] = '\0';
    assert_non_null(strstr(plan.head, "HTTP/1.1 302 Found\r\n"));
    assert_non_null(strstr(
        plan.head, "Location: http://a/b\r\nCache-Control: public, max-age=60\r\nContent-Length: 0\r\n\r\n"));
    assert_non_null(strstr(plan.head, "Connection: close\r\n"));
    memset(location, 'a', sizeof location - 1);
    location[sizeof location - 1] = '\0';
    http_reply_redirect(&moment, &r, location, HTTP_CACHE_BRIEF, &plan);
    assert_int_equal(plan.status, 500);
}

static void dates(void **state)
{
    char text[HTTP_DATE];
    int64_t when;
    (void)state;
    http_date_format(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(http_date_parse(slice_of(text), &when));
    assert_int_equal(when, 784111777);
    assert_false(http_date_parse(slice_of("Sun, 06 Foo 1994 08:49:37 GMT"), &when));
    assert_false(http_date_parse(slice_of("Sun, 06 Nov 1994 08:49:3x GMT"), &when));
    assert_false(http_date_parse(slice_of("Sun, 06 Nov 1994 08:49637 GMT"), &when));
    assert_false(http_date_parse(slice_of("Sun, 40 Nov 1994 08:49:37 GMT"), &when));
    assert_false(http_date_parse(slice_of("Mon, 06 Nov 1994 08:49:37 GMT"), &when));
    assert_false(http_date_parse(slice_of("Sunday, 06-Nov-94 08:49:37 GMT"), &when));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(whole),  cmocka_unit_test(ranges),    cmocka_unit_test(conditions),
    cmocka_unit_test(caches), cmocka_unit_test(redirects), cmocka_unit_test(dates),
};
TEST_MAIN(tests)
