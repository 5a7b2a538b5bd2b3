/* The install step: what a crash left half done is finished, and what could not be done is not begun. */
#include "test.h"

#include "base/file.h"
#include "install/install.h"
#include "install/records.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void folder_name(char out[300])
{
    static int count;
    snprintf(out, 300, "%s/journal-%d-%d", test_tmp(), (int)getpid(), count++);
}

static void staged_write(struct workspace *w, const char *name, const char *content)
{
    struct pb_error err;
    int fd = openat(w->staging, name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(file_write(fd, content, strlen(content), &err), 0);
    close(fd);
}

/* A new folder with "new" staged as the map of opensauce/a. */
static void workspace_with_map(struct workspace *w, char path[300])
{
    struct pb_error err;
    folder_name(path);
    assert_int_equal(workspace_open(path, WORKSPACE_MAKE, w, &err), 0);
    assert_int_equal(workspace_stage(w, "opensauce/a", &err), 0);
    staged_write(w, "map", "new");
}

static void assert_content(int folder, const char *name, const char *content)
{
    struct buffer b;
    struct pb_error err;
    buffer_init(&b, 1000);
    assert_int_equal(file_read_all(folder, name, &b, &err), 0);
    assert_string_equal(b.p, content);
    buffer_free(&b);
}

static int record_check(void *arg, const struct installed *i)
{
    assert_string_equal(i->title, "opensauce/a");
    assert_string_equal(i->file, "a.map");
    assert_int_equal(i->crc32, 0xdeadbeef);
    ++*(int *)arg;
    return 0;
}

static struct fetch_step file = {
    .action = FETCH_PLACE, .path = "a.map", .staged = "map", .size = 3, .crc32 = 0xdeadbeef};
static const struct fetch_plan plan = {
    .title = "opensauce/a", .source = "somewhere", .one_file = true, .steps = &file, .step_count = 1};

static void in_place_and_recorded(void **state)
{
    char path[300];
    struct workspace w;
    struct pb_error err;
    int records = 0;
    (void)state;
    folder_name(path);
    assert_int_equal(workspace_open(path, WORKSPACE_LOOK, &w, &err), PB_NOT_FOUND);
    assert_int_equal(workspace_open(path, WORKSPACE_MAKE, &w, &err), 0);
    assert_int_equal(workspace_stage(&w, "opensauce/a", &err), 0);
    staged_write(&w, "map", "new");
    assert_int_equal(install_commit(&w, &plan, &err), 0);
    assert_content(w.folder, "a.map", "new");
    assert_int_equal(installed_each(w.home, record_check, &records, &err), 0);
    assert_int_equal(records, 1);
    assert_int_not_equal(faccessat(w.home, "journal.arrives", F_OK, 0), 0);
    workspace_unstage(&w);
    workspace_close(&w);
}

/* A crash behind the journal's writing, before and after the rename: the next opening finishes. */
static void recovery(void **state)
{
    static const char journal[] =
        "patchbay install 1\ntitle opensauce/a opensauce%252Fa attic\nput map a.map 3\n"
        "record %7B%22file%22:%22a.map%22,%22crc32%22:%22deadbeef%22%7D\nend\n";
    (void)state;
    for (int renamed = 0; renamed < 2; renamed++) {
        char path[300];
        struct workspace w;
        struct pb_error err;
        int records = 0;
        folder_name(path);
        assert_int_equal(workspace_open(path, WORKSPACE_MAKE, &w, &err), 0);
        assert_int_equal(workspace_stage(&w, "opensauce/a", &err), 0);
        staged_write(&w, "map", "new");
        assert_int_equal(file_replace(w.folder, "a.map", "old", 3, &err), 0);
        assert_int_equal(file_replace(w.home, "journal.arrives", journal, strlen(journal), &err), 0);
        if (renamed)
            assert_int_equal(renameat(w.staging, "map", w.folder, "a.map"), 0);
        workspace_close(&w);
        assert_int_equal(workspace_open(path, WORKSPACE_MAKE, &w, &err), 0);
        assert_content(w.folder, "a.map", "new");
        assert_int_equal(installed_each(w.home, record_check, &records, &err), 0);
        assert_int_equal(records, 1);
        workspace_close(&w);
    }
}

static void a_foreign_journal_moves_nothing(void **state)
{
    static const char *const journals[] = {
        "patchbay install 1\ntitle x x attic\nput ../../secret a.map 3\nend\n",
        "patchbay install 1\ntitle x x attic\nput a ../a.map 3\nend\n",
        "patchbay install 1\ntitle x .. attic\nput a a.map 3\nend\n",
        "patchbay install 1\ntitle x x attic\nput a .patchbay/lock 3\nend\n",
        "patchbay install 1\ntitle x x attic\nput /etc/passwd a.map 3\nend\n",
        "patchbay install 1\ntitle x x attic\nlink a ../b\nend\n",
        "patchbay install 1\ntitle x x attic\n",
        "patchbay install 2\ntitle x x attic\nend\n",
        "not a journal",
    };
    (void)state;
    for (size_t i = 0; i < sizeof journals / sizeof journals[0]; i++) {
        char path[300];
        struct workspace w;
        struct pb_error err;
        folder_name(path);
        assert_int_equal(workspace_open(path, WORKSPACE_MAKE, &w, &err), 0);
        assert_int_equal(file_replace(w.home, "journal.arrives", journals[i], strlen(journals[i]), &err), 0);
        workspace_close(&w);
        assert_int_equal(workspace_open(path, WORKSPACE_LOOK, &w, &err) == PB_OK, 0);
        assert_non_null(strstr(err.text, path));
    }
}

/* A name would end there, and be another. */
static void a_journal_with_a_zero_byte_is_refused(void **state)
{
    static const char text[] = "patchbay install 1\ntitle x x attic\nmkdir a\0b\nend\n";
    char path[300];
    struct workspace w;
    struct pb_error err;
    (void)state;
    folder_name(path);
    assert_int_equal(workspace_open(path, WORKSPACE_MAKE, &w, &err), 0);
    assert_int_equal(file_replace(w.home, "journal.arrives", text, sizeof text - 1, &err), 0);
    workspace_close(&w);
    assert_int_equal(workspace_open(path, WORKSPACE_LOOK, &w, &err), PB_DAMAGED);
}

static void a_folder_in_the_way(void **state)
{
    char path[300];
    struct workspace w;
    struct pb_error err;
    (void)state;
    workspace_with_map(&w, path);
    assert_int_equal(mkdirat(w.folder, "a.map", 0777), 0);
    assert_int_equal(install_commit(&w, &plan, &err), PB_INVALID);
    assert_non_null(strstr(err.text, "a.map"));
    assert_int_not_equal(faccessat(w.home, "journal.arrives", F_OK, 0), 0);
    workspace_close(&w);
}

/* A crash of another process while we downloaded: its install is finished before ours begins. */
static void the_journal_of_another_is_finished_first(void **state)
{
    static const char journal[] = "patchbay install 1\ntitle opensauce/b b attic\nput it b.map 5\nend\n";
    char path[300];
    struct workspace w;
    struct pb_error err;
    (void)state;
    workspace_with_map(&w, path);
    assert_int_equal(mkdirat(w.home, "staging/b", 0777), 0);
    assert_int_equal(file_replace(w.home, "staging/b/it", "other", 5, &err), 0);
    assert_int_equal(file_replace(w.home, "journal.arrives", journal, strlen(journal), &err), 0);
    assert_int_equal(install_commit(&w, &plan, &err), 0);
    assert_content(w.folder, "a.map", "new");
    assert_content(w.folder, "b.map", "other");
    workspace_close(&w);
}

static void what_is_not_staged_is_not_installed(void **state)
{
    char path[300];
    struct workspace w;
    struct pb_error err;
    (void)state;
    folder_name(path);
    assert_int_equal(workspace_open(path, WORKSPACE_MAKE, &w, &err), 0);
    assert_int_equal(workspace_stage(&w, "opensauce/a", &err), 0);
    assert_int_equal(install_commit(&w, &plan, &err), PB_FAILED);
    staged_write(&w, "map", "of another size");
    assert_int_equal(install_commit(&w, &plan, &err), PB_FAILED);
    assert_int_not_equal(faccessat(w.home, "journal.arrives", F_OK, 0), 0);
    assert_int_not_equal(faccessat(w.folder, "a.map", F_OK, 0), 0);
    workspace_close(&w);
}

static void one_at_a_time(void **state)
{
    char path[300];
    struct workspace w, other;
    struct pb_error err;
    (void)state;
    folder_name(path);
    assert_int_equal(workspace_open(path, WORKSPACE_MAKE, &w, &err), 0);
    assert_int_equal(workspace_stage(&w, "opensauce/a", &err), 0);
    assert_int_equal(workspace_open(path, WORKSPACE_MAKE, &other, &err), 0);
    assert_int_equal(workspace_stage(&other, "opensauce/a", &err), PB_BUSY);
    assert_int_equal(workspace_stage(&other, "opensauce/b", &err), 0);
    workspace_close(&other);
    workspace_close(&w);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(in_place_and_recorded),
    cmocka_unit_test(recovery),
    cmocka_unit_test(a_foreign_journal_moves_nothing),
    cmocka_unit_test(a_journal_with_a_zero_byte_is_refused),
    cmocka_unit_test(a_folder_in_the_way),
    cmocka_unit_test(the_journal_of_another_is_finished_first),
    cmocka_unit_test(what_is_not_staged_is_not_installed),
    cmocka_unit_test(one_at_a_time),
};
TEST_MAIN(tests)
