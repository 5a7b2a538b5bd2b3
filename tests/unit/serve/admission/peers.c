/* Buckets and peers: arithmetic of rates, counts of connections, the connection ban. */
#include "test.h"

#include "serve/admission/peers.h"

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
    peer_finished(held[1]);
    peers_leave(p, held[1], 1);
    assert_int_equal(peers_enter(p, &d, 1, &limits, &held[1]), PEER_WELCOME);
    peers_free(p);
}

/* A connection that has finished counts for the server, and for its address only when there are too many. */
static void finished(void **state)
{
    struct peers *p = peers_new();
    struct peer_limits limits = {.total = 2 * PEER_FINISHED_MAX, .connections = 2};
    struct address a = address("192.0.2.1");
    struct peer *peer;
    (void)state;
    assert_non_null(p);
    for (int i = 0; i < PEER_FINISHED_MAX; i++) {
        assert_int_equal(peers_enter(p, &a, 1, &limits, &peer), PEER_WELCOME);
        peer_finished(peer);
    }
    assert_int_equal(peers_enter(p, &a, 1, &limits, &peer), PEER_WELCOME);
    assert_int_equal(peers_enter(p, &a, 1, &limits, &peer), PEER_WELCOME);
    assert_int_equal(peers_enter(p, &a, 1, &limits, &peer), PEER_TOO_MANY);
    peer_finished(peer); /* one more than do not count: the address stays at its limit */
    assert_int_equal(peers_enter(p, &a, 1, &limits, &peer), PEER_TOO_MANY);
    peers_leave(p, peer, 1);
    assert_int_equal(peers_enter(p, &a, 1, &limits, &peer), PEER_WELCOME);
    limits.total = PEER_FINISHED_MAX + 2;
    assert_int_equal(peers_enter(p, &a, 1, &limits, &peer), PEER_TOTAL);
    peers_free(p);
}

enum visit { USEFUL, USELESS };

/* A connection comes and goes. Returns whether the ban begins with its end. */
static bool visit(struct peers *p, const char *text, uint64_t ms, const struct peer_limits *limits,
                  enum visit kind)
{
    struct address a = address(text);
    struct peer *peer;
    assert_int_equal(peers_enter(p, &a, ms, limits, &peer), PEER_WELCOME);
    bool banned = kind == USELESS && peer_useless(peer, ms, limits);
    peer_finished(peer);
    peers_leave(p, peer, ms);
    return banned;
}

static bool is_banned(struct peers *p, const char *text, uint64_t ms, const struct peer_limits *limits)
{
    struct address a = address(text);
    struct peer *peer;
    assert_int_equal(peers_enter(p, &a, ms, limits, &peer), PEER_WELCOME);
    bool banned = peer_banned(peer, ms);
    peer_finished(peer);
    peers_leave(p, peer, ms);
    return banned;
}

/* Also on a machine that was started a second ago. */
static void connection_ban(void **state)
{
    struct peers *p = peers_new();
    struct peer_limits limits = {
        .total = 100, .ban_connections = 3, .ban_window_ms = 60000, .ban_cooldown_ms = 10000};
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_false(visit(p, "192.0.2.1", 1000, &limits, USEFUL));
    for (int i = 0; i < 3; i++)
        assert_false(visit(p, "192.0.2.1", 1000, &limits, USELESS));
    assert_false(is_banned(p, "192.0.2.1", 1000, &limits));
    assert_true(visit(p, "192.0.2.1", 1000, &limits, USELESS));
    assert_true(is_banned(p, "192.0.2.1", 2000, &limits));
    assert_false(visit(p, "192.0.2.1", 2000, &limits, USELESS)); /* it is banned already */
    assert_false(is_banned(p, "192.0.2.2", 2000, &limits));
    assert_false(is_banned(p, "192.0.2.1", 11000, &limits)); /* the cool-down is over, the window is not */
    assert_true(visit(p, "192.0.2.1", 11000, &limits, USELESS));
    assert_false(visit(p, "192.0.2.1", 90000, &limits, USELESS));
    peers_free(p);
}

/* Lifted when its range leaves the record, and only then; what was counted is forgiven, too. */
static void pardon(void **state)
{
    struct peers *p = peers_new();
    struct peer_limits limits = {
        .total = 100, .ban_connections = 3, .ban_window_ms = 60000, .ban_cooldown_ms = 10000};
    struct arena arena;
    struct range_set with = {0}, without = {0};
    struct range range = {address("192.0.2.3"), 128};
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(visit(p, "192.0.2.3", 90000, &limits, USELESS), i == 3);
    arena_init(&arena, 0);
    assert_int_equal(range_set_add(&with, &arena, &range, NULL), 0);
    peers_pardon(p, &without, &without);
    assert_true(is_banned(p, "192.0.2.3", 90001, &limits));
    peers_pardon(p, &with, &with);
    assert_true(is_banned(p, "192.0.2.3", 90001, &limits));
    peers_pardon(p, &with, &without);
    assert_false(is_banned(p, "192.0.2.3", 90001, &limits));
    for (int i = 0; i < 4; i++)
        assert_int_equal(visit(p, "192.0.2.3", 90001, &limits, USELESS), i == 3);
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
        visit(p, text, 1000, &limits, USELESS);
    }
    assert_true(peers_idle(p) <= PEERS_IDLE_MAX + 1);
    visit(p, "192.0.2.1", 200000, &limits, USELESS);
    assert_true(peers_idle(p) < PEERS_IDLE_MAX); /* they fade */
    peers_free(p);
}

/* By bytes, the most first; those without connections for a minute. */
static void busiest(void **state)
{
    struct peers *p = peers_new();
    struct peer_limits limits = {.total = 100};
    struct peer_use use[3];
    (void)state;
    assert_int_equal(peers_busiest(p, use, 3), 0);
    static const unsigned sent[] = {5, 900, 0, 70, 30, 800};
    struct peer *held[6];
    for (unsigned i = 0; i < 6; i++) {
        char text[32];
        snprintf(text, sizeof text, "2001:db8:0:%u::1", i);
        struct address a = address(text);
        assert_int_equal(peers_enter(p, &a, 1000, &limits, &held[i]), PEER_WELCOME);
        held[i]->sent = sent[i];
        held[i]->asked = i;
    }
    assert_int_equal(peers_busiest(p, use, 1), 1);
    assert_int_equal(use[0].sent, 900);
    for (unsigned i = 0; i < 6; i++) {
        peer_finished(held[i]);
        peers_leave(p, held[i], 1000);
    }
    visit(p, "192.0.2.1", 1000 + PEER_KEPT_MS - 1, &limits, USEFUL);
    assert_int_equal(peers_busiest(p, use, 3), 3);
    assert_int_equal(use[0].asked, 1);
    assert_int_equal(use[1].asked, 5);
    assert_int_equal(use[2].asked, 3);
    assert_int_equal(use[2].connections, 0);
    struct address first = address("2001:db8:0:3::");
    assert_memory_equal(&use[2].address, &first, sizeof first);
    visit(p, "192.0.2.1", 1000 + PEER_KEPT_MS, &limits, USEFUL);
    visit(p, "192.0.2.1", 1000 + PEER_KEPT_MS, &limits, USEFUL);
    assert_int_equal(peers_busiest(p, use, 3), 0);
    peers_free(p);
}

/* A proxy's connection is its client's for a while: it counts for one of them at a time, and once for the
 * server. */
static void exchanges(void **state)
{
    struct peers *p = peers_new();
    struct peer_limits limits = {.total = 3, .connections = 1}, of_proxy = {.total = 3};
    struct address proxy = address("192.0.2.1"), client = address("192.0.2.2");
    struct peer *held[3], *other = NULL;
    (void)state;
    assert_non_null(p);
    for (int i = 0; i < 3; i++)
        assert_int_equal(peers_enter(p, &proxy, 1000, &of_proxy, &held[i]), PEER_WELCOME);
    struct peer *of_own = held[0];
    assert_int_equal(peers_exchange(p, &held[0], &client, 1000, &limits), PEER_WELCOME);
    assert_true(held[0] != of_own);
    assert_int_equal(held[0]->connections, 1);
    assert_int_equal(of_own->connections, 2);
    assert_int_equal(of_own->busy, 2);
    assert_int_equal(peers_exchange(p, &held[1], &client, 1000, &limits), PEER_TOO_MANY);
    assert_ptr_equal(held[1], of_own);
    assert_int_equal(peers_enter(p, &client, 1000, &of_proxy, &other), PEER_TOTAL);
    assert_int_equal(peers_exchange(p, &held[0], &proxy, 2000, &of_proxy), PEER_WELCOME);
    assert_ptr_equal(held[0], of_own);
    assert_int_equal(of_own->busy, 3);
    assert_int_equal(peers_idle(p), 1);
    assert_int_equal(peers_exchange(p, &held[1], &client, 2000, &limits), PEER_WELCOME);
    assert_int_equal(peers_idle(p), 0);
    for (int i = 0; i < 3; i++) {
        peer_finished(held[i]);
        peers_leave(p, held[i], 3000);
    }
    assert_int_equal(peers_idle(p), 2);
    assert_int_equal(peers_enter(p, &client, 3000, &limits, &other), PEER_WELCOME);
    peer_finished(other);
    peers_leave(p, other, 3000);
    peers_free(p);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(buckets),  cmocka_unit_test(returns),
                                          cmocka_unit_test(costs),    cmocka_unit_test(connections),
                                          cmocka_unit_test(finished), cmocka_unit_test(connection_ban),
                                          cmocka_unit_test(pardon),   cmocka_unit_test(crowd),
                                          cmocka_unit_test(busiest),  cmocka_unit_test(exchanges)};
TEST_MAIN(tests)
