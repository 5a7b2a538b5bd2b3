/* Unpacking with several threads: the same as archive_extract gives, whatever arrives when, and for damaged
 * archives, too. */
#include "test.h"

#include "codec/archive_unpack.h"

#include <sys/mman.h>
#include <unistd.h>

enum { MIB = 1 << 20, SIZE = 9 * MIB + 4321 };

struct memory {
    uint8_t *p;
    size_t n, room;
    size_t most; /* nothing from here on may be asked for */
};

static int memory_add(void *arg, const void *p, size_t n, struct pb_error *err)
{
    struct memory *m = arg;
    if (n > m->room - m->n)
        return error_set(err, PB_NO_SPACE, "full");
    memcpy(m->p + m->n, p, n);
    m->n += n;
    return PB_OK;
}

/* A few thousand bytes at a time, so that chunks and their headers are cut. */
static int memory_source(void *arg, uint64_t offset, const void **p, size_t *n, struct pb_error *err)
{
    struct memory *m = arg;
    size_t most = __atomic_load_n(&m->most, __ATOMIC_SEQ_CST);
    if (offset >= most)
        return error_set(err, PB_FAILED, "not there yet");
    *p = m->p + offset;
    *n = most - offset < 4099 ? most - offset : 4099;
    return PB_OK;
}

static int memory_open(void *arg, struct archive_input *out, struct pb_error *err)
{
    struct memory *m = arg;
    (void)err;
    *out = (struct archive_input){memory_source, m, m->n};
    return PB_OK;
}

static void memory_close(void *arg, struct archive_input *in)
{
    (void)arg, (void)in;
}

static uint8_t *plain;
static struct memory packed;

/* Two blocks; half of it does not become smaller, so there are chunks that are stored, too. */
static int archive_make(void **state)
{
    struct pb_error err = {0};
    struct archive_writer *w;
    uint32_t x = 1;
    (void)state;
    plain = malloc(SIZE);
    packed = (struct memory){malloc(SIZE + MIB), 0, SIZE + MIB, 0};
    for (size_t i = 0; i < SIZE; i++) {
        x = x * 1664525 + 1013904223;
        plain[i] = i % (1 << 18) < (1 << 17) ? (uint8_t)(i % 251) : (uint8_t)(x >> 24);
    }
    return archive_writer_open(ARCHIVE_7Z, 0, "a.map", SIZE, -1, memory_add, &packed, &w, &err) < 0 ||
           archive_writer_add(w, plain, SIZE, &err) < 0 || archive_writer_finish(w, &err) < 0 ||
           (archive_writer_free(w), false);
}

static int archive_drop(void **state)
{
    (void)state;
    free(plain);
    free(packed.p);
    return 0;
}

static struct archive_unpack unpack_of(struct memory *m, uint64_t limit)
{
    int fd = memfd_create("map", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return (struct archive_unpack){ARCHIVE_7Z, {memory_open, memory_close, m}, "a.map", limit, fd};
}

/* Is the file what was packed, and the digest that of the file? */
static void result_check(const struct archive_unpack *what, const struct digest_result *r)
{
    struct digest_result wanted;
    struct pb_error err;
    uint8_t *again = test_malloc(SIZE);
    assert_int_equal(digest_bytes(DIGEST_MD5 | DIGEST_CRC32, plain, SIZE, &wanted, &err), 0);
    assert_int_equal(r->size, SIZE);
    assert_int_equal(r->crc32, wanted.crc32);
    assert_true(md5_equal(&r->md5, &wanted.md5));
    assert_int_equal(pread(what->fd, again, SIZE, 0), SIZE);
    assert_memory_equal(again, plain, SIZE);
    test_free(again);
}

static void all_at_once(void **state)
{
    struct pb_error err = {0};
    struct archive_unpacker u = {0};
    struct digest_result r;
    struct archive_unpack what = unpack_of(&packed, SIZE);
    (void)state;
    packed.most = packed.n;
    assert_int_equal(archive_unpack_finish(&u, &what, NULL, NULL, &r, &err), PB_OK);
    result_check(&what, &r);
    archive_unpacker_end(&u);
    close(what.fd);
}

/* What is not there yet is never asked for; and it may stop at any time. */
static void while_it_arrives(void **state)
{
    static const size_t steps[] = {1, 7 * 4096 + 1, MIB, 3 * MIB};
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct pb_error err = {0};
        struct archive_unpacker u = {0};
        struct digest_result r;
        struct archive_unpack what = unpack_of(&packed, SIZE);
        size_t most = 0, end = steps[i] == 1 ? 9000 : packed.n;
        while (most < end) {
            most = end - most < steps[i] ? end : most + steps[i];
            __atomic_store_n(&packed.most, most, __ATOMIC_SEQ_CST);
            assert_int_equal(archive_unpack_feed(&u, &what, most, &err), PB_OK);
        }
        assert_true(u.stream != NULL);
        if (i % 2 == 1) { /* the other ones end here, half-way or not */
            assert_int_equal(archive_unpack_finish(&u, &what, NULL, NULL, &r, &err), PB_OK);
            result_check(&what, &r);
        }
        archive_unpacker_end(&u);
        archive_unpacker_end(&u);
        close(what.fd);
    }
}

static int progress_stop(void *arg, uint64_t done, struct pb_error *err)
{
    (void)arg, (void)done;
    return error_set(err, PB_CANCELLED, "cancelled");
}

static void limits_and_names_hold(void **state)
{
    struct pb_error err = {0};
    struct archive_unpacker u = {0};
    struct digest_result r;
    struct archive_unpack what = unpack_of(&packed, SIZE - 1);
    (void)state;
    packed.most = packed.n;
    assert_int_equal(archive_unpack_finish(&u, &what, NULL, NULL, &r, &err), PB_DAMAGED);
    assert_true(lseek(what.fd, 0, SEEK_END) < SIZE);
    what.limit = SIZE + 1;
    assert_int_equal(archive_unpack_finish(&u, &what, NULL, NULL, &r, &err), PB_OK);
    result_check(&what, &r);
    what.member = "b.map";
    assert_int_equal(archive_unpack_finish(&u, &what, NULL, NULL, &r, &err), PB_DAMAGED);
    assert_non_null(strstr(err.text, "b.map"));
    what.member = "A.MAP";
    assert_int_equal(archive_unpack_finish(&u, &what, progress_stop, NULL, &r, &err), PB_CANCELLED);
    close(what.fd);
}

/* A flipped bit or a cut: never a success with other bytes. */
static void damage_is_noticed(void **state)
{
    (void)state;
    size_t whole = packed.n;
    for (size_t at = 3; at < whole; at += whole / 12 + 1) {
        for (int cut = 0; cut < 2; cut++) {
            struct pb_error err = {0};
            struct archive_unpacker u = {0};
            struct digest_result r;
            struct archive_unpack what = unpack_of(&packed, SIZE);
            packed.most = packed.n = cut ? at : whole;
            packed.p[at] ^= cut ? 0 : 0x10;
            int rc = archive_unpack_finish(&u, &what, NULL, NULL, &r, &err);
            assert_true(rc == PB_DAMAGED || rc == PB_OK);
            packed.p[at] ^= cut ? 0 : 0x10;
            if (rc == PB_OK)
                result_check(&what, &r);
            close(what.fd);
        }
    }
    packed.n = whole;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(all_at_once),
    cmocka_unit_test(while_it_arrives),
    cmocka_unit_test(limits_and_names_hold),
    cmocka_unit_test(damage_is_noticed),
};

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, archive_make, archive_drop);
}
