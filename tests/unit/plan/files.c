/* The record of installed files: read as it was written, and worth nothing where it makes no sense
 * (docs/formats/install.md). */
#include "test.h"

#include "plan/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define MD5 "d41d8cd98f00b204e9800998ecf8427e"

static int file_of(const char *text)
{
    char path[300];
    static int count;
    snprintf(path, sizeof path, "%s/files-%d-%d", test_tmp(), (int)getpid(), count++);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static void as_written(void **state)
{
    struct file_records r;
    struct pb_error err;
    struct md5 empty;
    (void)state;
    int fd = file_of(FILES_MARK "\nsource http://x\netag \"a b\"\nmodified now\nlater thing\nfiles\n" MD5
                                " 7 o 3 10 20 30 b/c d\n" MD5 " 0 kl 0 0 0 0 a\n" MD5 " 0 og 0 1 2 3 b/x\n");
    file_records_open(&r, fd, true);
    assert_string_equal(r.source, "http://x");
    assert_string_equal(r.validators.etag, "\"a b\"");
    assert_string_equal(r.validators.modified, "now");
    assert_int_equal(file_records_load(&r, &err), PB_OK);
    assert_int_equal(r.n, 3);
    const struct file_record *f = file_records_find(&r, "b/c d");
    assert_non_null(f);
    assert_true(f->ours && !f->link && !f->generated);
    assert_int_equal(f->sum, 7);
    assert_int_equal(f->size, 3);
    assert_int_equal(f->modified, 10);
    assert_int_equal(f->changed, 20);
    assert_int_equal(f->inode, 30);
    assert_true(hex_decode(slice_of(MD5), &empty, sizeof empty));
    assert_true(file_records_ours(&r, "b/c d", &empty));
    assert_false(file_records_ours(&r, "a", &empty)); /* it was there before */
    assert_true(file_records_find(&r, "a")->link);
    assert_true(file_records_find(&r, "b/x")->generated);
    assert_null(file_records_find(&r, "b"));
    file_records_close(&r);
    close(fd);
}

static void looks(void **state)
{
    struct file_records r;
    struct pb_error err;
    struct stat st = {.st_mode = S_IFREG | 0644,
                      .st_size = 3,
                      .st_ino = 30,
                      .st_mtim = {.tv_sec = 1, .tv_nsec = 5},
                      .st_ctim = {.tv_sec = 2, .tv_nsec = 6}};
    (void)state;
    int fd = file_of(FILES_MARK "\nsource x\nfiles\n" MD5 " 0 o 3 1000000005 2000000006 30 a\n" MD5
                                " 0 o 3 1000000005 0 30 b\n");
    file_records_open(&r, fd, true);
    assert_int_equal(file_records_load(&r, &err), PB_OK);
    assert_non_null(file_records_same(&r, "a", &st));
    assert_null(file_records_same(&r, "b", &st)); /* it was too young to be trusted */
    r.trusted = false;
    assert_null(file_records_same(&r, "a", &st));
    r.trusted = true;
    struct stat other = st;
    other.st_ctim.tv_nsec++;
    assert_null(file_records_same(&r, "a", &other));
    other = st;
    other.st_ino++;
    assert_null(file_records_same(&r, "a", &other));
    other = st;
    other.st_mtim.tv_sec--;
    assert_null(file_records_same(&r, "a", &other));
    other = st;
    other.st_size++;
    assert_null(file_records_same(&r, "a", &other));
    other = st;
    other.st_mode = S_IFLNK | 0777;
    assert_null(file_records_same(&r, "a", &other));
    file_records_close(&r);
    close(fd);
}

static void nonsense(void **state)
{
    static const char *const texts[] = {"", "\n", "patchbay files 2\nfiles\n", FILES_MARK "\nsource x\n"};
    struct file_records r;
    struct pb_error err;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int fd = file_of(texts[i]);
        file_records_open(&r, fd, true);
        assert_int_equal(r.fd, -1);
        assert_int_equal(file_records_load(&r, &err), PB_OK);
        assert_int_equal(r.n, 0);
        file_records_close(&r);
        close(fd);
    }
    int fd = file_of(FILES_MARK "\nfiles\nx 0 o 0 0 0 0 a\n" MD5 " 0 o -1 0 0 0 b\n" MD5 " 0 o 0 0 0 0 \n" MD5
                                " 0 o 0 0 0 0\n" MD5 " 4294967296 o 0 0 0 0 c\n" MD5 " 0 o 0 0 0 0 good\n");
    file_records_open(&r, fd, true);
    assert_int_equal(file_records_load(&r, &err), PB_OK);
    assert_int_equal(r.n, 1);
    assert_string_equal(r.list[0].path, "good");
    file_records_close(&r);
    close(fd);
}

static int share_note(void *arg, const struct file_record *f, struct pb_error *err)
{
    (void)err;
    strncat(arg, f->path, 4); /* no path has more here */
    return 0;
}

/* However many shares there are, each line is in one of them, in order. */
static void shares(void **state)
{
    struct file_records r;
    struct pb_error err;
    (void)state;
    int fd = file_of(FILES_MARK "\nsource x\nfiles\n" MD5 " 0 o 1 1 1 1 a\n" MD5 " 0 o 1 1 1 1 bb\n" MD5
                                " 0 o 1 1 1 1 c\n" MD5 " 0 o 1 1 1 1 dddd\n" MD5 " 0 o 1 1 1 1 e");
    file_records_open(&r, fd, true);
    for (unsigned n = 1; n < 300; n++) {
        char all[100] = "";
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(file_records_share(&r, i, n, share_note, all, &err), 0);
        assert_string_equal(all, "abbcdddde");
    }
    file_records_close(&r);
    close(fd);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(shares),
    cmocka_unit_test(as_written),
    cmocka_unit_test(looks),
    cmocka_unit_test(nonsense),
};
TEST_MAIN(tests)
