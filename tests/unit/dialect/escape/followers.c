/* Who is half-way through an upgrade: told apart by address and title, forgotten after a time, and never more
 * than the table has room for. */
#include "test.h"

#include "dialect/escape/followers.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static struct sockaddr_in v4(uint32_t n)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(n)};
}

static int64_t found(struct followers *f, uint32_t n, const char *title, uint64_t now)
{
    struct sockaddr_in a = v4(n);
    return followers_find(f, (const struct sockaddr *)&a, title, now);
}

static void note(struct followers *f, uint32_t n, const char *title, int64_t release, uint64_t now)
{
    struct sockaddr_in a = v4(n);
    followers_note(f, (const struct sockaddr *)&a, title, release, now);
}

static void told_apart_and_forgotten(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    struct followers *f = followers_new(&a);
    assert_non_null(f);
    assert_int_equal(found(f, 1, "linux", 0), 0);
    note(f, 1, "linux", 7, 0);
    note(f, 1, "win32", 8, 0);
    note(f, 2, "linux", 9, 0);
    assert_int_equal(found(f, 1, "linux", 100), 7);
    assert_int_equal(found(f, 1, "win32", 100), 8);
    assert_int_equal(found(f, 2, "linux", 100), 9);
    assert_int_equal(found(f, 3, "linux", 100), 0);
    note(f, 1, "linux", 10, 200);
    assert_int_equal(found(f, 1, "linux", 200), 10);
    /* each request prolongs it */
    assert_int_equal(found(f, 1, "linux", 200 + FOLLOWER_MS), 10);
    assert_int_equal(found(f, 1, "linux", 200 + 2 * (uint64_t)FOLLOWER_MS), 10);
    assert_int_equal(found(f, 1, "linux", 201 + 3 * (uint64_t)FOLLOWER_MS), 0);
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    inet_pton(AF_INET6, "2001:db8::1", &six.sin6_addr);
    followers_note(f, (const struct sockaddr *)&six, "linux", 11, 5);
    assert_int_equal(followers_find(f, (const struct sockaddr *)&six, "linux", 6), 11);
    arena_free(&a);
}

/* A crowd pushes the quietest out; who was noted last is there. */
static void bounded(void **state)
{
    enum { CROWD = 100000 };
    struct arena a;
    size_t known = 0;
    (void)state;
    arena_init(&a, 0);
    struct followers *f = followers_new(&a);
    assert_non_null(f);
    for (uint32_t i = 1; i <= CROWD; i++) {
        note(f, i, "linux", i, i);
        assert_int_equal(found(f, i, "linux", i), i);
    }
    for (uint32_t i = 1; i <= CROWD; i++)
        known += found(f, i, "linux", CROWD) == i;
    assert_in_range(known, 1000, 4096);
    arena_free(&a);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(told_apart_and_forgotten),
    cmocka_unit_test(bounded),
};
TEST_MAIN(tests)
