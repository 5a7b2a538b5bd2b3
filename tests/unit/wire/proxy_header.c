/* PROXY headers of both versions, whole, cut everywhere, and faulty. */
#include "test.h"

#include "wire/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* "ADDRESS PORT" */
static void assert_address(const struct sockaddr_storage *a, const char *expected)
{
    char host[INET6_ADDRSTRLEN], text[80];
    const struct sockaddr_in *four = (const struct sockaddr_in *)a;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;
    bool v4 = a->ss_family == AF_INET;
    assert_non_null(
        inet_ntop(a->ss_family, v4 ? (const void *)&four->sin_addr : &six->sin6_addr, host, sizeof host));
    snprintf(text, sizeof text, "%s %u", host, ntohs(v4 ? four->sin_port : six->sin6_port));
    assert_string_equal(text, expected);
}

/* Every beginning asks for more; what stands behind the header does not matter. */
static void assert_whole(const char *p, size_t n, const char *client, const char *reached)
{
    struct proxy_header h;
    char behind[PROXY_HEADER_MAX + 64];
    for (size_t i = 0; i < n; i++) {
        char *cut = malloc(i + 1); /* so that a sanitizer sees a read behind its end */
        memcpy(cut, p, i);
        char *exact = realloc(cut, i > 0 ? i : 1);
        assert_int_equal(proxy_header_parse(exact, i, &h), 0);
        assert_false(h.named);
        free(exact);
    }
    memcpy(behind, p, n);
    memcpy(behind + n, "GET / HTTP/1.0\r\n", 16);
    assert_int_equal(proxy_header_parse(behind, n + 16, &h), n);
    assert_int_equal(proxy_header_parse(p, n, &h), n);
    assert_int_equal(h.named, client != NULL);
    if (client != NULL) {
        assert_address(&h.client, client);
        assert_address(&h.reached, reached);
    }
}

static void first(void **state)
{
    static const char *const good[][3] = {
        {"PROXY TCP4 192.0.2.7 198.51.100.1 56324 2303\r\n", "192.0.2.7 56324", "198.51.100.1 2303"},
        {"PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n", "2001:db8::7 1", "2001:db8::1 65535"},
        {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
         "65535\r\n",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"},
        {"PROXY UNKNOWN\r\n", NULL, NULL},
        {"PROXY UNKNOWN ffff::1 whatever 65535 9\r\n", NULL, NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_whole(good[i][0], strlen(good[i][0]), good[i][1], good[i][2]);
}

static void first_faulty(void **state)
{
    static const char *const bad[] = {"PROXY TCP4 192.0.2.7 198.51.100.1 56324 2303\n",
                                      "PROXY TCP4 192.0.2.7 198.51.100.1 56324 65536\r\n",
                                      "PROXY TCP4 192.0.2.7 198.51.100.1 56324 -1\r\n",
                                      "PROXY TCP4 192.0.2.7 198.51.100.1 56324 2303 \r\n",
                                      "PROXY TCP4 192.0.2.7 198.51.100.1  56324 2303\r\n",
                                      "PROXY TCP4 192.0.2 198.51.100.1 56324 2303\r\n",
                                      "PROXY TCP4 ::1 ::1 1 1\r\n",
                                      "PROXY TCP6 192.0.2.7 198.51.100.1 1 1\r\n",
                                      "PROXY TCP4 192.0.2.7\r\n",
                                      "PROXY TCP4\r\n",
                                      "PROXY \r\n",
                                      "PROXY UDP4 192.0.2.7 198.51.100.1 1 1\r\n",
                                      "PROXY unknown\r\n",
                                      "PROXX UNKNOWN\r\n",
                                      "proxy UNKNOWN\r\n",
                                      "GET / HTTP/1.1\r\n",
                                      "G",
                                      "PRO\r\n"};
    char lengthy[200] = "PROXY UNKNOWN ";
    struct proxy_header h;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(proxy_header_parse(bad[i], strlen(bad[i]), &h), -1);
    memset(lengthy + 14, 'x', sizeof lengthy - 14);
    assert_int_equal(proxy_header_parse(lengthy, 106, &h), 0);
    assert_int_equal(proxy_header_parse(lengthy, 107, &h), -1);
    static const char zero[] = "PROXY TCP4 1.2.3.4\0x 1.2.3.4 1 1\r\n";
    assert_int_equal(proxy_header_parse(zero, sizeof zero - 1, &h), -1);
}

static size_t second_make(char *out, unsigned command, unsigned over, const void *body, size_t n)
{
    memcpy(out, SIGNATURE, 12);
    out[12] = (char)command;
    out[13] = (char)over;
    out[14] = (char)(n >> 8);
    out[15] = (char)n;
    memcpy(out + 16, body, n);
    return 16 + n;
}

static void second(void **state)
{
    static const char four[] = "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x08\xff";
    static const char with_more[] = "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x08\xff\x04\x00\x03xyz\x20\xff";
    char six[36] = "\x20\x01\x0d\xb8", p[PROXY_HEADER_MAX];
    static const char longest[PROXY_HEADER_MAX - 16];
    (void)state;
    six[15] = 7;
    six[16] = six[0], six[17] = six[1], six[18] = six[2], six[19] = six[3], six[31] = 1;
    memcpy(six + 32, "\x00\x01\xff\xff", 4);
    assert_whole(p, second_make(p, 0x21, 0x11, four, 12), "192.0.2.7 56324", "198.51.100.1 2303");
    assert_whole(p, second_make(p, 0x21, 0x11, with_more, 20), "192.0.2.7 56324", "198.51.100.1 2303");
    assert_whole(p, second_make(p, 0x21, 0x21, six, 36), "2001:db8::7 1", "2001:db8::1 65535");
    assert_whole(p, second_make(p, 0x20, 0x11, four, 12), NULL, NULL);
    assert_whole(p, second_make(p, 0x20, 0x00, four, 0), NULL, NULL);
    assert_whole(p, second_make(p, 0x21, 0x00, four, 5), NULL, NULL);
    assert_whole(p, second_make(p, 0x21, 0x31, longest, 216), NULL, NULL);
    assert_whole(p, second_make(p, 0x20, 0x00, longest, sizeof longest), NULL, NULL);
}

static void second_faulty(void **state)
{
    static const struct {
        unsigned command, over;
        size_t length;
    } bad[] = {{0x11, 0x11, 12}, {0x22, 0x11, 12}, {0x31, 0x11, 12}, {0x00, 0x11, 12}, {0x21, 0x11, 11},
               {0x21, 0x21, 35}, {0x21, 0x12, 12}, {0x21, 0x22, 36}, {0x21, 0x41, 12}, {0x21, 0xff, 36}};
    char p[64], body[40] = {0};
    struct proxy_header h;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t n = second_make(p, bad[i].command, bad[i].over, body, bad[i].length);
        assert_int_equal(proxy_header_parse(p, n, &h), -1);
        assert_false(h.named);
    }
    second_make(p, 0x21, 0x11, body, 12);
    p[14] = (char)0xff; /* longer than is ever read: refused before all of it has come */
    assert_int_equal(proxy_header_parse(p, 16, &h), -1);
    for (size_t i = 0; i < 12; i++) {
        second_make(p, 0x21, 0x11, body, 12);
        p[i] ^= 1;
        assert_int_equal(proxy_header_parse(p, 28, &h), -1);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(first), cmocka_unit_test(first_faulty),
                                          cmocka_unit_test(second), cmocka_unit_test(second_faulty)};
TEST_MAIN(tests)
