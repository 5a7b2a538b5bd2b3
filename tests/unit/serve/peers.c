/* Buckets and peers: arithmetic of rates, counts of connections, the connection ban. */
#include "test.h"

#include "serve/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static struct address address(const char *text)
{
    struct range r;
    assert_int_equal(range_parse(text, &r, NULL), 0);
    return r.first;
}

/* Whoever takes gets a time; what is taken in T seconds is at most the burst and T times the rate. */
static void buckets(void **state)
{
    struct bucket b = {0};
    uint64_t now = bucket_time(1), cost = bucket_cost(1, 100);
    int at_once = 0;
    (void)state;
    while (bucket_take(&b, now, BUCKET_SECOND, cost) <= now)
        at_once++;
    assert_int_equal(at_once, 101); /* a second's worth, and one that goes into debt */
    uint64_t due = bucket_take(&b, now, BUCKET_SECOND, cost);
    assert_true(due > now && due <= now + 3 * cost);
    assert_true(bucket_take(&b, now, BUCKET_SECOND, cost) == due + cost); /* behind the one before */
    bucket_return(&b, cost);
    assert_true(bucket_take(&b, now, BUCKET_SECOND, cost) == due + cost);
    /* However long nobody took: no more than the burst. */
    now += 3600 * BUCKET_SECOND;
    at_once = 0;
    while (bucket_take(&b, now, BUCKET_SECOND, cost) <= now)
        at_once++;
    assert_int_equal(at_once, 101);
}

/* What comes back may be more than was taken, when a rate was changed between. */
static void returns(void **state)
{
    struct bucket b = {0};
    uint64_t now = bucket_time(5);
    (void)state;
    bucket_return(&b, UINT64_MAX / 2);
    assert_true(bucket_take(&b, now, BUCKET_SECOND, 1) <= now);
    bucket_return(&b, UINT64_MAX / 2);
    assert_true(bucket_take(&b, now, BUCKET_SECOND, 1) <= now);
}

static void costs(void **state)
{
    (void)state;
    assert_true(bucket_cost(1, 3) == 333333334); /* rounded up: what is small costs something */
    assert_true(bucket_cost(0, 3) == 0);
    assert_true(bucket_cost(10ull << 30, 8ull << 30) == BUCKET_SECOND + BUCKET_SECOND / 4);
    assert_true(bucket_cost(1ull << 30, 1) == (1ull << 30) * BUCKET_SECOND);
    assert_true(bucket_monotonic_ms(bucket_time(12345)) == 12345);
    assert_true(bucket_monotonic_ms(0) == 0);
}

static void connections(void **state)
{
    struct peers *p = peers_new();
    struct peer_limits limits = {.total = 5, .connections = 2};
    struct address a = address("192.0.2.1"), b = address("2001:db8::1"), c = address("2001:db8::2"),
                   d = address("2001:db8:0:1::1");
    struct peer *held[5];
    (void)state;
    assert_non_null(p);
    assert_int_equal(peers_enter(p, &a, 1, &limits, &held[0]), PEER_WELCOME);
    assert_int_equal(peers_enter(p, &a, 1, &limits, &held[1]), PEER_WELCOME);
    assert_ptr_equal(held[0], held[1]);
    assert_int_equal(peers_enter(p, &a, 1, &limits, &held[2]), PEER_TOO_MANY);
    assert_int_equal(peers_enter(p, &b, 1, &limits, &held[2]), PEER_WELCOME);
    assert_int_equal(peers_enter(p, &c, 1, &limits, &held[3]), PEER_WELCOME);
    assert_ptr_equal(held[2], held[3]); /* the same /64 */
    assert_int_equal(peers_enter(p, &d, 1, &limits, &held[4]), PEER_WELCOME);
    assert_int_equal(peers_enter(p, &d, 1, &limits, &held[0]), PEER_TOTAL);
    peers_leave(p, held[1]);
    assert_int_equal(peers_enter(p, &d, 1, &limits, &held[1]), PEER_WELCOME);
    peers_free(p);
}

static void arrive(struct peers *p, const char *text, uint64_t ms, const struct peer_limits *limits,
                   enum peer_entry expected, bool banned)
{
    struct address a = address(text);
    struct peer *peer;
    assert_int_equal(peers_enter(p, &a, ms, limits, &peer), expected);
    assert_int_equal(peer_banned(peer, ms), banned);
    peers_leave(p, peer);
}

/* Also on a machine that was started a second ago. */
static void connection_ban(void **state)
{
    struct peers *p = peers_new();
    struct peer_limits limits = {
        .total = 100, .ban_connections = 3, .ban_window_ms = 60000, .ban_cooldown_ms = 10000};
    (void)state;
    for (int i = 0; i < 3; i++)
        arrive(p, "192.0.2.1", 1000, &limits, PEER_WELCOME, false);
    arrive(p, "192.0.2.1", 1000, &limits, PEER_BANNED_NOW, true);
    arrive(p, "192.0.2.1", 2000, &limits, PEER_WELCOME, true); /* to be told so */
    arrive(p, "192.0.2.2", 2000, &limits, PEER_WELCOME, false);
    arrive(p, "192.0.2.1", 11000, &limits, PEER_BANNED_NOW,
           true); /* the cool-down is over, the window is not */
    arrive(p, "192.0.2.1", 90000, &limits, PEER_WELCOME, false);
    /* Lifted when its range leaves the record, and only then. */
    for (int i = 0; i < 4; i++)
        arrive(p, "192.0.2.3", 90000, &limits, i < 3 ? PEER_WELCOME : PEER_BANNED_NOW, i == 3);
    struct arena arena;
    struct range_set with = {0}, without = {0};
    struct range range = {address("192.0.2.3"), 128};
    arena_init(&arena, 0);
    assert_int_equal(range_set_add(&with, &arena, &range, NULL), 0);
    peers_pardon(p, &without, &without);
    arrive(p, "192.0.2.3", 90001, &limits, PEER_WELCOME, true);
    peers_pardon(p, &with, &with);
    arrive(p, "192.0.2.3", 90001, &limits, PEER_WELCOME, true);
    peers_pardon(p, &with, &without);
    struct peer_limits none = {.total = 100};
    arrive(p, "192.0.2.3", 90001, &none, PEER_WELCOME, false);
    arena_free(&arena);
    peers_free(p);
}

/* Of those that went, no more than a bounded number is remembered. */
static void crowd(void **state)
{
    struct peers *p = peers_new();
    struct peer_limits limits = {
        .total = 10, .ban_connections = 5, .ban_window_ms = 60000, .ban_cooldown_ms = 1};
    (void)state;
    for (unsigned i = 0; i < 3 * PEERS_IDLE_MAX; i++) {
        char text[32];
        snprintf(text, sizeof text, "10.%u.%u.%u", i >> 16, (i >> 8) & 255, i & 255);
        arrive(p, text, 1000, &limits, PEER_WELCOME, false);
    }
    assert_true(peers_idle(p) <= PEERS_IDLE_MAX + 1);
    arrive(p, "192.0.2.1", 200000, &limits, PEER_WELCOME, false);
    assert_true(peers_idle(p) < PEERS_IDLE_MAX); /* they fade */
    peers_free(p);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(buckets),        cmocka_unit_test(returns),
                                          cmocka_unit_test(costs),          cmocka_unit_test(connections),
                                          cmocka_unit_test(connection_ban), cmocka_unit_test(crowd)};
TEST_MAIN(tests)
