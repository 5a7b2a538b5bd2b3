/* The downloader with a carrier that brings bytes from a table: retries, resumption, sources, blame,
 * fallbacks. The rules are those of src/fetch/download.h. */
#include "test.h"

#include "fetch/carrier.h"
#include "fetch/download.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the carrier: each server of the table answers in its own way ---- */

enum manner { GOOD, MISSING, LYING, SILENT, CUTTING, RESTARTING, ENDLESS };

static const struct {
    const char *name;
    enum manner manner;
} servers[] = {
    {"fake://good/", GOOD},        {"fake://other/", GOOD},      {"fake://missing/", MISSING},
    {"fake://liar/", LYING},       {"fake://silent/", SILENT},   {"fake://cutter/", CUTTING},
    {"fake://start/", RESTARTING}, {"fake://endless/", ENDLESS},
};

static const char content[] = "0123456789abcdefghij";
enum { SIZE = sizeof content - 1, ERRANDS_MAX = 64 };

struct carrier {
    const struct carrier_events *events;
    struct errand *errands[ERRANDS_MAX];
    size_t n;
};

static struct {
    unsigned started, most_at_once;
    uint64_t from[ERRANDS_MAX]; /* of each start */
    char server[ERRANDS_MAX];   /* its first letter */
} seen;

static enum manner manner_of(const char *url)
{
    for (size_t i = 0; i < sizeof servers / sizeof servers[0]; i++) {
        if (strncmp(url, servers[i].name, strlen(servers[i].name)) == 0)
            return servers[i].manner;
    }
    fail_msg("no server for %s", url);
    return GOOD;
}

static int fake_open(struct net *net, unsigned most, const struct carrier_events *events,
                     struct carrier **out, struct pb_error *err)
{
    (void)net, (void)most, (void)err;
    *out = calloc(1, sizeof **out);
    assert_non_null(*out);
    (*out)->events = events;
    return PB_OK;
}

static int fake_start(struct carrier *c, struct errand *e, struct pb_error *err)
{
    (void)err;
    assert_true(seen.started < ERRANDS_MAX && c->n < ERRANDS_MAX);
    seen.from[seen.started] = e->from;
    seen.server[seen.started++] = e->url[strlen("fake://")];
    c->errands[c->n++] = e;
    seen.most_at_once = c->n > seen.most_at_once ? (unsigned)c->n : seen.most_at_once;
    return PB_OK;
}

static int bring(struct carrier *c, struct errand *e, uint64_t from, uint64_t to, struct pb_error *err)
{
    e->received += to - from;
    return c->events->bytes(e, from, content + from, (size_t)(to - from), err);
}

static int errand_run(struct carrier *c, struct errand *e, struct pb_error *err)
{
    int rc;
    switch (manner_of(e->url)) {
    case MISSING:
        return error_set(err, PB_NOT_FOUND, "no such file");
    case SILENT:
        return error_set(err, PB_NETWORK, "no answer");
    case LYING:
        return c->events->bytes(e, e->from, "????????????????????", SIZE - (size_t)e->from, err);
    case CUTTING: /* five bytes, and then the line breaks */
        rc = e->from + 5 < SIZE ? bring(c, e, e->from, e->from + 5, err) : bring(c, e, e->from, SIZE, err);
        return rc == PB_OK && e->from + 5 < SIZE ? error_set(err, PB_NETWORK, "cut") : rc;
    case ENDLESS:
        for (uint64_t at = e->from;; at += SIZE) {
            if ((rc = c->events->bytes(e, at, content, SIZE, err)) < 0)
                return rc;
        }
    case RESTARTING:
        return bring(c, e, 0, SIZE, err);
    default:
        return bring(c, e, e->from, SIZE, err);
    }
}

static int fake_turn(struct carrier *c, int wait_ms, struct pb_error *err)
{
    (void)wait_ms, (void)err;
    struct errand *now[ERRANDS_MAX];
    size_t n = c->n;
    memcpy(now, c->errands, n * sizeof now[0]);
    c->n = 0;
    for (size_t i = 0; i < n; i++) {
        struct pb_error why = {0};
        int rc = errand_run(c, now[i], &why);
        c->events->ended(now[i], rc, &why);
    }
    return PB_OK;
}

static void fake_cancel(struct carrier *c, struct errand *e)
{
    (void)e;
    c->n = 0; /* everything is being stopped */
}

static void fake_close(struct carrier *c)
{
    free(c);
}

static const char *const schemes[] = {"fake://", NULL};
static const struct carrier_kind fake = {.schemes = schemes,
                                         .step = 1,
                                         .open = fake_open,
                                         .start = fake_start,
                                         .turn = fake_turn,
                                         .cancel = fake_cancel,
                                         .close = fake_close};
static const struct carrier_kind *const carriers[] = {&fake, NULL};

/* ---- a download ---- */

static struct download_report report;
static struct pb_error err;

static struct fetch_piece piece_at(const char *url)
{
    struct digest_result r;
    assert_int_equal(digest_bytes(DIGEST_MD5, content, SIZE, &r, NULL), PB_OK);
    return (struct fetch_piece){
        .name = "piece", .url = url, .staged = "piece", .size = SIZE, .verified = true, .md5 = r.md5};
}

static int staging_make(const char *test)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", test_tmp(), test);
    assert_int_equal(mkdir(path, 0777), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    return fd;
}

static void staging_put(int staging, const char *name, const char *bytes, size_t n)
{
    int fd = openat(staging, name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
}

static int download(int staging, struct fetch_piece *pieces, size_t n)
{
    const struct net_options options = {.user_agent = "test"};
    struct fetch_plan plan = {.pieces = pieces, .piece_count = n, .download = n * SIZE};
    struct net *net;
    memset(&report, 0, sizeof report);
    memset(&seen, 0, sizeof seen);
    assert_int_equal(net_new(&options, &net, &err), PB_OK);
    const struct download d = {.net = net, .carriers = carriers, .staging = staging};
    int rc = download_pieces(&d, &plan, &report, &err);
    net_free(net);
    return rc;
}

static void assert_staged(int staging, const char *name)
{
    char bytes[SIZE + 1];
    int fd = openat(staging, name, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, bytes, sizeof bytes), SIZE);
    assert_memory_equal(bytes, content, SIZE);
    close(fd);
}

/* ---- tests ---- */

static void several_at_once(void **state)
{
    struct fetch_piece pieces[10];
    char names[10][16];
    int staging = staging_make("several");
    (void)state;
    for (int i = 0; i < 10; i++) {
        snprintf(names[i], sizeof names[i], "p%d", i);
        pieces[i] = piece_at("fake://good/x");
        pieces[i].staged = names[i];
    }
    assert_int_equal(download(staging, pieces, 10), PB_OK);
    assert_int_equal(report.downloaded, 10);
    assert_int_equal(report.bytes, 10 * SIZE);
    assert_int_equal(seen.most_at_once, 4);
    assert_int_equal(download(staging, pieces, 10), PB_OK);
    assert_int_equal(report.present, 10);
    assert_int_equal(seen.started, 0);
    close(staging);
}

static void continued(void **state)
{
    int staging = staging_make("continued");
    struct fetch_piece p = piece_at("fake://good/x");
    (void)state;
    staging_put(staging, "piece.part", content, 7);
    assert_int_equal(download(staging, &p, 1), PB_OK);
    assert_int_equal(seen.from[0], 7);
    assert_int_equal(report.bytes, SIZE - 7);
    assert_staged(staging, "piece");
    close(staging);
}

/* What was left is another release's: the digest tells at the end, and the piece comes from its start. */
static void continued_wrongly(void **state)
{
    int staging = staging_make("wrongly");
    struct fetch_piece p = piece_at("fake://good/x");
    (void)state;
    staging_put(staging, "piece.part", "wrong", 5);
    assert_int_equal(download(staging, &p, 1), PB_OK);
    assert_int_equal(seen.started, 2);
    assert_int_equal(seen.from[1], 0);
    assert_string_equal(report.blamed, "");
    assert_staged(staging, "piece");
    close(staging);
}

static void server_without_ranges(void **state)
{
    int staging = staging_make("ranges");
    struct fetch_piece p = piece_at("fake://start/x");
    (void)state;
    staging_put(staging, "piece.part", content, 7);
    assert_int_equal(download(staging, &p, 1), PB_OK);
    assert_int_equal(seen.started, 1);
    assert_staged(staging, "piece");
    close(staging);
}

/* Whole, but not named: nothing is asked for. */
static void whole_part(void **state)
{
    int staging = staging_make("whole");
    struct fetch_piece p = piece_at("fake://silent/x");
    (void)state;
    staging_put(staging, "piece.part", content, SIZE);
    assert_int_equal(download(staging, &p, 1), PB_OK);
    assert_int_equal(report.present, 1);
    assert_staged(staging, "piece");
    close(staging);
}

static void lies(void **state)
{
    int staging = staging_make("lies");
    struct fetch_piece p = piece_at("fake://liar/x");
    (void)state;
    assert_int_equal(download(staging, &p, 1), PB_DAMAGED);
    assert_int_equal(seen.started, 1); /* the caller plans anew */
    assert_string_equal(err.text, "piece: its MD5 is not the one announced");
    assert_int_equal(faccessat(staging, "piece", F_OK, 0), -1);
    close(staging);
}

/* A liar is dropped for all pieces and named; the other source brings everything. */
static void blame(void **state)
{
    static const char *const others[] = {"fake://other/x"};
    struct fetch_piece pieces[8];
    char names[8][16];
    int staging = staging_make("blame");
    (void)state;
    for (int i = 0; i < 8; i++) {
        snprintf(names[i], sizeof names[i], "p%d", i);
        pieces[i] = piece_at("fake://liar/x");
        pieces[i].staged = names[i];
        pieces[i].mirrors = others;
        pieces[i].mirror_count = 1;
    }
    assert_int_equal(download(staging, pieces, 8), PB_OK);
    assert_int_equal(report.downloaded, 8);
    assert_non_null(strstr(report.blamed, "fake://liar: its MD5 is not the one announced"));
    for (unsigned i = 4; i < seen.started; i++) /* of the first four two are the liar's */
        assert_int_equal(seen.server[i], 'o');
    close(staging);
}

static void missing_at_one(void **state)
{
    static const char *const others[] = {"fake://silent/x", "fake://good/x"};
    int staging = staging_make("missing");
    struct fetch_piece p = piece_at("fake://missing/x");
    (void)state;
    assert_int_equal(download(staging, &p, 1), PB_NOT_FOUND);
    p.mirrors = others;
    p.mirror_count = 2;
    assert_int_equal(download(staging, &p, 1), PB_OK);
    assert_string_equal(report.blamed, "");
    assert_memory_equal(seen.server, "msg", 3);
    close(staging);
}

static void fallback(void **state)
{
    int staging = staging_make("fallback");
    struct fetch_piece plain = piece_at("fake://good/x"), packed = piece_at("fake://missing/x.gz");
    (void)state;
    packed.staged = "packed";
    packed.fallback = &plain;
    assert_int_equal(download(staging, &packed, 1), PB_OK);
    assert_staged(staging, "piece");
    close(staging);
}

/* Each is asked once, down to the end of the chain. */
static void fallbacks(void **state)
{
    int staging = staging_make("fallbacks");
    struct fetch_piece fourth = piece_at("fake://good/x"), third = piece_at("fake://missing/3"),
                       second = piece_at("fake://missing/2"), first = piece_at("fake://missing/1");
    (void)state;
    first.fallback = &second;
    second.fallback = &third;
    assert_int_equal(download(staging, &first, 1), PB_NOT_FOUND);
    assert_int_equal(seen.started, 3);
    third.fallback = &fourth;
    assert_int_equal(download(staging, &first, 1), PB_OK);
    assert_memory_equal(seen.server, "mmmg", 4);
    assert_staged(staging, "piece");
    close(staging);
}

/* Three attempts, each going on where the one before ended. */
static void cut_line(void **state)
{
    int staging = staging_make("cut");
    struct fetch_piece p = piece_at("fake://cutter/x");
    (void)state;
    assert_int_equal(download(staging, &p, 1), PB_NETWORK);
    assert_string_equal(err.text, "piece: 3 attempts: cut");
    assert_int_equal(seen.from[1], 5);
    assert_int_equal(seen.from[2], 10);
    assert_int_equal(download(staging, &p, 1), PB_OK); /* 15 were kept */
    assert_staged(staging, "piece");
    close(staging);
}

static struct fetch_piece piece_of_any_size(const char *url)
{
    struct fetch_piece p = piece_at(url);
    p.size = FETCH_SIZE_UNKNOWN;
    p.ceiling = 10 * SIZE;
    return p;
}

/* Asked for once: not alone, not from the start, not in another form. But another server may have the piece.
 */
static void without_an_end(void **state)
{
    static const char *const others[] = {"fake://good/x"};
    int staging = staging_make("endless");
    struct fetch_piece p = piece_of_any_size("fake://endless/x"), plain = piece_at("fake://good/x");
    (void)state;
    staging_put(staging, "piece.part", content, 7);
    assert_int_equal(download(staging, &p, 1), PB_DAMAGED);
    assert_string_equal(err.text, "piece: the server sends more than the 200 bytes that make sense");
    assert_int_equal(seen.started, 1);
    assert_true(report.endless);
    p.verified = false;
    p.fallback = &plain;
    assert_int_equal(download(staging, &p, 1), PB_DAMAGED);
    assert_int_equal(seen.started, 1);
    p = piece_of_any_size("fake://endless/x");
    p.mirrors = others;
    p.mirror_count = 1;
    assert_int_equal(download(staging, &p, 1), PB_OK);
    assert_memory_equal(seen.server, "eg", 2);
    assert_non_null(strstr(report.blamed, "fake://endless: "));
    assert_false(report.endless);
    assert_staged(staging, "piece");
    close(staging);
}

static void unknown_scheme(void **state)
{
    int staging = staging_make("scheme");
    struct fetch_piece p = piece_at("gopher://good/x");
    (void)state;
    assert_int_equal(download(staging, &p, 1), PB_INVALID);
    close(staging);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(several_at_once),
    cmocka_unit_test(continued),
    cmocka_unit_test(continued_wrongly),
    cmocka_unit_test(server_without_ranges),
    cmocka_unit_test(whole_part),
    cmocka_unit_test(lies),
    cmocka_unit_test(blame),
    cmocka_unit_test(missing_at_one),
    cmocka_unit_test(fallback),
    cmocka_unit_test(fallbacks),
    cmocka_unit_test(cut_line),
    cmocka_unit_test(without_an_end),
    cmocka_unit_test(unknown_scheme),
};
TEST_MAIN(tests)
