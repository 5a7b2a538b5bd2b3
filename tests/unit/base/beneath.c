/* Below a folder: both ways of opening come to the same, and what is no file of ours is neither waited for
 * nor written to. */
#include "test.h"

#include "base/beneath.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void text_put(int at, const char *name, const char *text)
{
    int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void text_is(int at, const char *name, const char *text)
{
    struct buffer b;
    struct pb_error err;
    buffer_init(&b, 100);
    assert_int_equal(file_read_all(at, name, &b, &err), 0);
    assert_slice(((struct slice){b.p, b.n}), text);
    buffer_free(&b);
}

/* A folder "outside", and beside it "root", which is returned. */
static int root_make(int *outside)
{
    char path[300];
    int at, root;
    struct pb_error err;
    snprintf(path, sizeof path, "%s/beneath-%d", test_tmp(), (int)getpid());
    assert_int_equal(folder_remove(AT_FDCWD, path, 9, &err), 0);
    mkdir(path, 0777);
    assert_int_equal(folder_open(AT_FDCWD, path, &at, &err), 0);
    mkdirat(at, "outside", 0777);
    mkdirat(at, "root", 0777);
    assert_int_equal(folder_open(at, "outside", outside, &err), 0);
    assert_int_equal(folder_open(at, "root", &root, &err), 0);
    text_put(*outside, "precious", "precious");
    close(at);
    return root;
}

static void both_ways(void **state)
{
    static const struct {
        const char *path;
        int rc;
    } cases[] = {
        {"", PB_OK},
        {"a", PB_OK},
        {"a/b/c", PB_OK},
        {"a/none", PB_NOT_FOUND},
        {"none/a", PB_NOT_FOUND},
        {"link", PB_INVALID},
        {"link/x", PB_INVALID},
        {"a/up", PB_INVALID},
        {"within", PB_INVALID},
        {"within/b", PB_INVALID},
        {"file", PB_INVALID},
        {"file/x", PB_INVALID},
        {"fifo", PB_INVALID},
        {"..", PB_INVALID},
        {"a/../a", PB_INVALID},
        {"/etc", PB_INVALID},
        {"a//b", PB_INVALID},
        {"magic", PB_INVALID},
    };
    int outside, root = root_make(&outside);
    struct pb_error err;
    (void)state;
    mkdirat(root, "a", 0777);
    mkdirat(root, "a/b", 0777);
    mkdirat(root, "a/b/c", 0777);
    assert_true(symlinkat("../outside", root, "link") == 0 || errno == EEXIST);
    assert_true(symlinkat("..", root, "a/up") == 0 || errno == EEXIST);
    assert_true(symlinkat("a", root, "within") == 0 || errno == EEXIST);
    assert_true(symlinkat("/proc/self/cwd", root, "magic") == 0 || errno == EEXIST);
    mkfifoat(root, "fifo", 0666);
    text_put(root, "file", "x");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice path = slice_of(cases[i].path);
        struct stat fast, slow;
        int fd, walked;
        assert_int_equal(beneath_folder(root, path, &fd, &err), cases[i].rc);
        assert_int_equal(beneath_walk(root, path, &walked, &err), cases[i].rc);
        if (cases[i].rc != PB_OK) {
            assert_int_equal(fd, -1);
            assert_int_equal(walked, -1);
            continue;
        }
        assert_int_equal(fstat(fd, &fast), 0);
        assert_int_equal(fstat(walked, &slow), 0);
        assert_int_equal(fast.st_ino, slow.st_ino);
        close(fd);
        close(walked);
    }
    close(outside);
    close(root);
}

static void others_are_not_ours(void **state)
{
    static const char *const names[] = {"link", "hard", "fifo", "folder", "dangling"};
    int outside, root = root_make(&outside), fd;
    uint64_t size;
    struct pb_error err;
    (void)state;
    assert_true(symlinkat("../outside/precious", root, "link") == 0 || errno == EEXIST);
    assert_true(symlinkat("nowhere", root, "dangling") == 0 || errno == EEXIST);
    assert_true(linkat(outside, "precious", root, "hard", 0) == 0 || errno == EEXIST);
    mkfifoat(root, "fifo", 0666);
    mkdirat(root, "folder", 0777);
    mkdirat(root, "folder/deep", 0777);
    assert_true(symlinkat("../../../outside", root, "folder/deep/link") == 0 || errno == EEXIST);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_true(beneath_own(root, names[i], O_RDONLY, &fd, &size, &err) < 0);
        assert_true(beneath_own(root, names[i], O_RDWR, &fd, &size, &err) < 0);
        assert_int_equal(fd, -1);
        assert_int_equal(beneath_create(root, names[i], &fd, &err), 0);
        assert_int_equal(file_write(fd, "ours", 4, &err), 0);
        close(fd);
        assert_int_equal(beneath_own(root, names[i], O_RDWR, &fd, &size, &err), 0);
        assert_int_equal(size, 4);
        close(fd);
        assert_int_equal(beneath_clear(root, names[i], &err), 0);
        assert_int_equal(beneath_clear(root, names[i], &err), 0);
    }
    text_is(outside, "precious", "precious");
    close(outside);
    close(root);
}

static void removing_stays_here(void **state)
{
    int outside, root = root_make(&outside);
    struct pb_error err;
    (void)state;
    assert_true(symlinkat("../outside", root, "link") == 0 || errno == EEXIST);
    assert_true(folder_remove(root, "link", 3, &err) < 0);
    text_is(outside, "precious", "precious");
    close(outside);
    close(root);
}

/* A link or a FIFO is no lock; one taken instead excludes others. */
static void locks(void **state)
{
    static const char *const names[] = {"link", "fifo", "plain"};
    int outside, root = root_make(&outside), fd, other;
    struct pb_error err;
    (void)state;
    assert_true(symlinkat("../outside/made", root, "link") == 0 || errno == EEXIST);
    mkfifoat(root, "fifo", 0666);
    mkdirat(root, "folder", 0777);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(lock_take(root, names[i], LOCK_EXCLUSIVE, false, &fd, &err), 0);
        assert_int_equal(lock_take(root, names[i], LOCK_EXCLUSIVE, false, &other, &err), PB_BUSY);
        close(fd);
    }
    assert_true(lock_take(root, "folder", LOCK_EXCLUSIVE, false, &fd, &err) < 0);
    assert_int_not_equal(faccessat(outside, "made", F_OK, AT_SYMLINK_NOFOLLOW), 0);
    close(outside);
    close(root);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(both_ways),
    cmocka_unit_test(others_are_not_ours),
    cmocka_unit_test(removing_stays_here),
    cmocka_unit_test(locks),
};
TEST_MAIN(tests)
