/* Who is answered at the operator's address: by the host that was asked for, and by the token. */
#include "test.h"

#include "serve/protocol/admin_gate.h"

#include <arpa/inet.h>
#include <stdio.h>

static struct serve_settings settings;
static const struct snapshot snapshot = {.settings = &settings};
static const char *address; /* that the client has reached */

static bool reached(const struct channel *channel, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    (void)channel;
    memset(out, 0, sizeof *out);
    if (address == NULL)
        return false;
    out->ss_family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
    return inet_pton(out->ss_family, address,
                     out->ss_family == AF_INET ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr) == 1;
}

static int refusal_of(const char *before, const char *value, const char *after, unsigned needed)
{
    char text[1000];
    struct http_request r;
    const struct exchange x = {.snapshot = &snapshot, .reached = reached};
    snprintf(text, sizeof text, "%s%s%s\r\n\r\n", before, value, after);
    assert_int_equal(http_request_parse(text, strlen(text), &r), strlen(text));
    return admin_refusal(&x, &r, needed);
}

static int refusal(const char *before, const char *value, const char *after)
{
    return refusal_of(before, value, after, RIGHT_LOOK);
}

static int of_host(const char *host)
{
    return refusal("GET /metrics HTTP/1.1\r\nHost: ", host, "");
}

static void names(void **state)
{
    static const char *const ours[] = {"localhost", "LocalHost:2304", "127.0.0.1", "127.0.0.1:2304",
                                       "[::1]",     "[::1]:2304",     "0.0.0.0:1", "[::]:1"};
    static const char *const others[] = {"",
                                         "evil.example",
                                         "localhost.evil.example",
                                         "notlocalhost",
                                         "127.0.0.1.evil.example",
                                         "127.0.0.2",
                                         "[::1",
                                         "::1",
                                         ":2304",
                                         "[::1]x:2304",
                                         "192.0.2.7",
                                         "localhost@evil"};
    (void)state;
    address = NULL;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        assert_int_equal(of_host(ours[i]), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(of_host(others[i]), 421);
    assert_int_equal(refusal("GET /", "metrics", " HTTP/1.0"), 421);
    /* RFC 9112, 3.2.2: the request line goes first */
    assert_int_equal(refusal("GET http://", "evil.example", "/metrics HTTP/1.1\r\nHost: localhost"), 421);
    assert_int_equal(refusal("GET http://", "localhost:1", "/metrics HTTP/1.1\r\nHost: evil"), 0);
}

static void the_address_itself(void **state)
{
    (void)state;
    address = "192.0.2.7";
    assert_int_equal(of_host("192.0.2.7:2304"), 0);
    assert_int_equal(of_host("192.0.2.70"), 421);
    address = "2001:db8::7";
    assert_int_equal(of_host("[2001:DB8::7]:2304"), 0);
    assert_int_equal(of_host("[2001:db8::8]"), 421);
    address = "::ffff:192.0.2.7";
    assert_int_equal(of_host("192.0.2.7"), 0);
}

static void configured(void **state)
{
    const char *hosts[] = {"status.example.org", "proxy"};
    (void)state;
    address = NULL;
    settings.admin = (struct admin_access){.hosts = hosts, .host_count = 2};
    assert_int_equal(of_host("Status.Example.org:8080"), 0);
    assert_int_equal(of_host("proxy"), 0);
    assert_int_equal(of_host("example.org"), 421);
    settings.admin = (struct admin_access){0};
}

static void tokens(void **state)
{
    static const char before[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization: ";
    (void)state;
    settings.admin.token = "0123456789abcdef";
    assert_int_equal(of_host("localhost"), 401);
    assert_int_equal(of_host("evil.example"), 421);
    assert_int_equal(refusal(before, "Bearer 0123456789abcdef", ""), 0);
    assert_int_equal(refusal(before, "bearer  0123456789abcdef", ""), 0);
    static const char *const wrong[] = {"Bearer 0123456789abcdeg",
                                        "Bearer 1123456789abcdef",
                                        "Bearer 0123456789abcde",
                                        "Bearer 0123456789abcdef0",
                                        "Bearer",
                                        "Bearer ",
                                        "Basic 0123456789abcdef",
                                        "0123456789abcdef"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(refusal(before, wrong[i], ""), 401);
    settings.admin.token = NULL;
}

/* What a browser says of where a request comes from. */
static void origins(void **state)
{
    static const char before[] = "POST /ban HTTP/1.1\r\nHost: localhost:2304\r\n";
    static const char *const ours[] = {
        "X: y", "Origin: http://localhost:2304", "Origin: https://LocalHost:2304",
        "Origin: http://localhost:2304\r\nSec-Fetch-Site: same-origin", "Sec-Fetch-Site: none"};
    static const char *const others[] = {"Origin: null",
                                         "Origin: ",
                                         "Origin: localhost:2304",
                                         "Origin: http://localhost",
                                         "Origin: http://localhost:2305",
                                         "Origin: http://127.0.0.1:2304",
                                         "Origin: http://localhost:2304.evil.example",
                                         "Origin: http://evil.example",
                                         "Origin: ftp://localhost:2304",
                                         "Origin: http://localhost:2304\r\nSec-Fetch-Site: cross-site",
                                         "Sec-Fetch-Site: same-site",
                                         "Sec-Fetch-Site: "};
    (void)state;
    address = NULL;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        assert_int_equal(refusal_of(before, ours[i], "", RIGHT_BAN), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(refusal_of(before, others[i], "", RIGHT_BAN), 403);
        assert_int_equal(refusal_of(before, others[i], "", RIGHT_LOOK), 0);
    }
    settings.admin.token = "0123456789abcdef";
    assert_int_equal(refusal_of(before, ours[0], "", RIGHT_BAN), 401);
    assert_int_equal(refusal_of(before, ours[0], "", 0), 0);
    assert_int_equal(refusal_of("POST /ban HTTP/1.1\r\nHost: evil.example", "", "", 0), 421);
    settings.admin.token = NULL;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(names),      cmocka_unit_test(the_address_itself),
    cmocka_unit_test(configured), cmocka_unit_test(tokens),
    cmocka_unit_test(origins),
};
TEST_MAIN(tests)
