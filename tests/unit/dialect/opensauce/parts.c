/* The part cutter at every interesting size: nothing lost, no part too large, none too short to be encrypted.
 */
#include "test.h"

#include "base/file.h"
#include "codec/xxtea.h"
#include "depot/open.h"
#include "dialect/opensauce/parts.h"

#include <stdio.h>
#include <unistd.h>

static const uint8_t key[XXTEA_KEY] = "sixteen bytes..";

static void cut(struct depot *d, size_t total, bool encrypted, const uint8_t *plain)
{
    struct pb_error err;
    struct publication p;
    struct part_cutter *c = test_calloc(1, sizeof *c);
    assert_int_equal(publication_begin(d, "opensauce", slice_of("a"), &p, &err), 0);
    *c = (struct part_cutter){.publication = &p, .stem = "a", .ending = "7z", .key = encrypted ? key : NULL};
    assert_int_equal(part_cutter_start(c, &err), 0);
    /* In uneven steps, as a compressor gives them. */
    for (size_t at = 0, step = 1; at < total; at += step, step = step * 3 % 700001 + 1) {
        if (step > total - at)
            step = total - at;
        assert_int_equal(part_cutter_add(c, plain + at, step, &err), 0);
    }
    int rc = part_cutter_finish(c, &err);
    if (encrypted && total < XXTEA_BLOCK) {
        assert_int_equal(rc, PB_INVALID);
    } else {
        uint8_t *part = test_malloc(OS_PART_SIZE);
        size_t at = 0;
        struct digest sent;
        struct digest_result all;
        char marks[64][64], mark[SHA256_HEX + 1];
        assert_int_equal(digest_start(&sent, DIGEST_SHA256, &err), 0);
        assert_int_equal(rc, 0);
        assert_int_equal(c->total, total);
        assert_int_equal(p.n, c->count);
        for (size_t i = 0; i < p.n; i++) {
            const struct publication_entry *e = &p.entries[i];
            char name[32];
            int fd;
            snprintf(name, sizeof name, ".7z.%03zu", i + 1);
            assert_string_equal(e->name + strlen("a-12345678"), name);
            snprintf(marks[i], sizeof marks[i], "%s", e->name);
            assert_true(e->object.size <= OS_PART_SIZE);
            assert_true(!encrypted || e->object.size >= XXTEA_BLOCK);
            assert_true(i + 2 >= p.n || e->object.size == OS_PART_SIZE);
            assert_int_equal(object_open(d->objects, &e->object.name, e->object.size, &fd, &err), 0);
            assert_int_equal(file_read_at(fd, part, e->object.size, 0, &err), 0);
            close(fd);
            digest_add(&sent, part, e->object.size);
            if (encrypted)
                xxtea_decrypt(part, e->object.size, key);
            assert_memory_equal(part, plain + at, e->object.size);
            at += e->object.size;
        }
        assert_int_equal(at, total);
        /* The names have the first digits of the SHA-256 of all that is sent. */
        digest_finish(&sent, &all);
        hex_encode(all.sha256.bytes, sizeof all.sha256.bytes, mark);
        for (size_t i = 0; i < p.n; i++)
            assert_memory_equal(marks[i] + 2, mark, 8);
        test_free(part);
    }
    part_cutter_end(c);
    publication_end(&p);
    test_free(c);
}

static void sizes(void **state)
{
    static const size_t around[] = {0, 1, 255, 256, 257, OS_PART_SIZE};
    enum { MOST = 2 * OS_PART_SIZE + 600 };
    uint8_t *plain = test_malloc(MOST);
    char path[300];
    struct depot *d;
    struct pb_error err;
    (void)state;
    for (size_t i = 0; i < MOST; i++)
        plain[i] = (uint8_t)(i * 2654435761u >> 13);
    snprintf(path, sizeof path, "%s/parts-%d", test_tmp(), (int)getpid());
    assert_int_equal(depot_init(path, &err), 0);
    assert_int_equal(depot_open(path, &d, &err), 0);
    for (size_t parts = 0; parts < 2; parts++) {
        for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
            size_t total = parts * OS_PART_SIZE + around[i];
            cut(d, total, true, plain);
            if (total > 0)
                cut(d, total, false, plain);
            if (total > 0)
                cut(d, total - 1, true, plain);
        }
    }
    test_free(plain);
    depot_close(d);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(sizes)};
TEST_MAIN(tests)
