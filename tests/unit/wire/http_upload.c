/* Where a piece of an upload belongs, and the values of forms. */
#include "test.h"

#include "wire/http_upload.h"

#include <stdio.h>

static int place(const char *fields, uint64_t size, uint64_t *from)
{
    char text[500];
    struct http_request r;
    snprintf(text, sizeof text, "PATCH /uploads/1 HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);
    assert_int_equal(http_request_parse(text, strlen(text), &r), strlen(text));
    return http_upload_place(&r, size, from);
}

static void places(void **state)
{
    static const struct {
        const char *fields;
        int status;
        uint64_t from;
    } of[] = {
        {"Content-Length: 10\r\n", 0, 0},
        {"Content-Length: 11\r\n", 413, 0},
        {"Upload-Offset: 4\r\nContent-Length: 6\r\n", 0, 4},
        {"Upload-Offset: 4\r\nContent-Length: 7\r\n", 413, 0},
        {"Upload-Offset: 10\r\n", 0, 10},
        {"Upload-Offset: 11\r\n", 413, 0},
        {"Upload-Offset: 18446744073709551615\r\nContent-Length: 2\r\n", 400, 0},
        {"Upload-Offset: -1\r\n", 400, 0},
        {"Upload-Offset: 4 \r\nContent-Length: 6\r\n", 0, 4},
        {"Upload-Offset: 4,5\r\n", 400, 0},
        {"Upload-Offset:\r\n", 400, 0},
        {"Content-Range: bytes 4-9/10\r\nContent-Length: 6\r\n", 0, 4},
        {"Content-Range: BYTES 4-9/*\r\nContent-Length: 6\r\n", 0, 4},
        {"Content-Range: bytes 4-9/11\r\nContent-Length: 6\r\n", 400, 0},
        {"Content-Range: bytes 4-8/10\r\nContent-Length: 6\r\n", 400, 0},
        {"Content-Range: bytes 9-4/10\r\nContent-Length: 6\r\n", 400, 0},
        {"Content-Range: bytes 4/10-9\r\nContent-Length: 6\r\n", 400, 0},
        {"Content-Range: bytes 0-18446744073709551615/10\r\nContent-Length: 0\r\n", 400, 0},
        {"Content-Range: bytes 4-9\r\nContent-Length: 6\r\n", 400, 0},
        {"Content-Range: bytes */10\r\n", 400, 0},
        {"Content-Range: lines 4-9/10\r\nContent-Length: 6\r\n", 400, 0},
        {"Content-Range: bytes 4-9/10\r\nUpload-Offset: 4\r\nContent-Length: 6\r\n", 0, 4},
        {"Content-Range: bytes 4-9/10\r\nUpload-Offset: 5\r\nContent-Length: 6\r\n", 400, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        uint64_t from = 0;
        int status = place(of[i].fields, 10, &from);
        if (status != of[i].status || (status == 0 && from != of[i].from))
            fail_msg("%s: %d, from %llu", of[i].fields, status, (unsigned long long)from);
    }
}

static void forms(void **state)
{
    char out[16];
    (void)state;
    struct slice form = slice_of("a=1&name=a+b%2Bc&empty=&bad=%2&worse=%zz&nul=a%00b&end=%4");
    assert_int_equal(http_form_value(form, "a", out, sizeof out), 1);
    assert_string_equal(out, "1");
    assert_int_equal(http_form_value(form, "name", out, sizeof out), 1);
    assert_string_equal(out, "a b+c");
    assert_int_equal(http_form_value(form, "empty", out, sizeof out), 1);
    assert_string_equal(out, "");
    assert_int_equal(http_form_value(form, "none", out, sizeof out), 0);
    assert_int_equal(http_form_value(form, "bad", out, sizeof out), -1);
    assert_int_equal(http_form_value(form, "worse", out, sizeof out), -1);
    assert_int_equal(http_form_value(form, "nul", out, sizeof out), -1);
    assert_int_equal(http_form_value(form, "end", out, sizeof out), -1);
    assert_int_equal(http_form_value(slice_of("n=0123456789abcde"), "n", out, sizeof out), 1);
    assert_int_equal(http_form_value(slice_of("n=0123456789abcdef"), "n", out, sizeof out), -1);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(places), cmocka_unit_test(forms)};
TEST_MAIN(tests)
