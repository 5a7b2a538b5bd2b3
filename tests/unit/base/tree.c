/* Reaching and walking: links are never followed, and the walk is in one order. */
#include "test.h"

#include "base/file.h"
#include "base/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int root_make(void)
{
    char path[300];
    int fd;
    struct pb_error err;
    snprintf(path, sizeof path, "%s/tree-%d", test_tmp(), (int)getpid());
    mkdir(path, 0777);
    assert_int_equal(folder_open(AT_FDCWD, path, &fd, &err), 0);
    mkdirat(fd, "b", 0777);
    mkdirat(fd, "b/deep", 0777);
    assert_true(symlinkat("b", fd, "link") == 0 || errno == EEXIST); /* another test made it */
    assert_true(symlinkat("..", fd, "b/up") == 0 || errno == EEXIST);
    close(openat(fd, "b/file", O_WRONLY | O_CREAT, 0666));
    close(openat(fd, "a", O_WRONLY | O_CREAT, 0666));
    return fd;
}

static void links_are_not_followed(void **state)
{
    struct pb_error err;
    struct stat st;
    struct tree t;
    uint64_t size;
    int fd, folder, root = root_make();
    const char *base;
    (void)state;
    tree_start(&t, root);
    assert_int_equal(tree_stat(&t, "b/file", &st, &err), 1);
    assert_int_equal(tree_stat(&t, "b/none", &st, &err), 0);
    assert_int_equal(tree_stat(&t, "none/none", &st, &err), 0);
    assert_int_equal(tree_stat(&t, "link", &st, &err), 1);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(tree_stat(&t, "link/file", &st, &err), PB_INVALID);
    assert_non_null(strstr(err.text, "symbolic link"));
    assert_int_equal(tree_stat(&t, "b/up/a", &st, &err), PB_INVALID);
    assert_int_equal(tree_stat(&t, "a/x", &st, &err), PB_INVALID);
    assert_non_null(strstr(err.text, "not a folder"));
    assert_int_equal(tree_reach(&t, "../x", &folder, &base, &err), PB_INVALID);
    assert_int_equal(tree_reach(&t, "/etc/passwd", &folder, &base, &err), PB_INVALID);
    assert_int_equal(tree_open(&t, "link", &fd, &size, &err) < 0, 1);
    assert_int_equal(tree_open(&t, "b", &fd, &size, &err), PB_INVALID);
    tree_end(&t);
    close(root);
}

static int path_note(void *arg, const struct tree_item *item, struct pb_error *err)
{
    (void)err;
    buffer_format(arg, "%s%s ", item->path, S_ISDIR(item->st->st_mode) ? "/" : "");
    return PB_OK;
}

static void the_walk_is_in_order(void **state)
{
    struct pb_error err;
    struct buffer out;
    int root = root_make();
    (void)state;
    buffer_init(&out, 1000);
    assert_int_equal(tree_walk(root, "", path_note, &out, &err), 0);
    assert_string_equal(out.p, "a b/ b/deep/ b/file b/up link ");
    buffer_free(&out);
    close(root);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(links_are_not_followed),
    cmocka_unit_test(the_walk_is_in_order),
};
TEST_MAIN(tests)
