/* Who is answered at the operator's address: by the host that was asked for, and by the token. */
#include "test.h"

#include "serve/protocol/admin_gate.h"

#include <arpa/inet.h>
#include <stdio.h>

static struct serve_settings settings;
static struct snapshot snapshot = {.settings = &settings};
static struct shared shared;
static unsigned needed = RIGHT_LOOK;
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

static int refusal_of(const char *before, const char *value, const char *after, unsigned right)
{
    char text[1000];
    struct http_request r;
    const struct exchange x = {.snapshot = &snapshot, .reached = reached, .shared = &shared};
    snprintf(text, sizeof text, "%s%s%s\r\n\r\n", before, value, after);
    assert_int_equal(http_request_parse(text, strlen(text), &r), strlen(text));
    return admin_refusal(&x, &r, right);
}

static int refusal(const char *before, const char *value, const char *after)
{
    return refusal_of(before, value, after, needed);
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

/* Stored tokens: each has rights of its own. */
static void rights(void **state)
{
    static const char look[] = "GET / HTTP/1.1\r\nHost: localhost:1\r\nAuthorization: Bearer look";
    static const char all[] = "GET / HTTP/1.1\r\nHost: localhost:1\r\nAuthorization: Bearer all";
    static const char none[] = "GET / HTTP/1.1\r\nHost: localhost:1";
    struct digest_result digest;
    struct pb_error err;
    (void)state;
    address = NULL;
    struct tokens *t = calloc(1, sizeof *t + 3 * sizeof t->list[0]);
    assert_non_null(t);
    static const char *const texts[] = {"look", "all", "expired"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(digest_bytes(DIGEST_SHA256, texts[i], strlen(texts[i]), &digest, &err), 0);
        t->list[i] =
            (struct token){.hash = digest.sha256, .rights = i == 0 ? 1 : 7, .expires = i == 2 ? 1 : 0};
        snprintf(t->list[i].id, sizeof t->list[i].id, "%s", texts[i]);
    }
    needed = RIGHT_PUBLISH;
    assert_int_equal(refusal(none, "", ""), 401); /* also where there is no token at all */
    needed = RIGHT_BAN;
    assert_int_equal(refusal(none, "", ""), 0);
    shared.exposed = true;
    assert_int_equal(refusal(none, "", ""), 401);
    shared.exposed = false;
    t->references = 1;
    t->n = 3;
    snapshot.tokens = t;
    assert_int_equal(refusal(none, "", ""), 401);
    assert_int_equal(refusal(look, "", ""), 403);
    assert_int_equal(refusal(look, "x", ""), 401);
    assert_int_equal(refusal(all, "", ""), 0);
    assert_int_equal(refusal(all, "", "\r\nOrigin: http://localhost:1"), 0);
    assert_int_equal(refusal(all, "", "\r\nOrigin: https://LOCALHOST:1"), 0);
    assert_int_equal(refusal(all, "", "\r\nOrigin: http://localhost:2"), 403);
    assert_int_equal(refusal(all, "", "\r\nOrigin: http://localhost"), 403);
    assert_int_equal(refusal(all, "", "\r\nOrigin: null"), 403);
    assert_int_equal(refusal(all, "", "\r\nOrigin:"), 403);
    needed = RIGHT_LOOK;
    assert_int_equal(refusal(look, "", "\r\nOrigin: http://evil.example"),
                     0); /* nothing changes, and it can't be read */
    assert_int_equal(refusal("GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ", "expired", ""),
                     401);
    settings.admin.token = "0123456789abcdef";
    assert_int_equal(refusal(look, "", ""), 0);
    needed = 0;
    assert_int_equal(refusal(none, "", ""), 0);
    assert_int_equal(of_host("evil.example"), 421);
    settings.admin.token = NULL;
    needed = RIGHT_LOOK;
    snapshot.tokens = NULL;
    free(t);
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
    cmocka_unit_test(rights),     cmocka_unit_test(origins),
};
TEST_MAIN(tests)
