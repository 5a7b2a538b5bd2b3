/* What the install step does when the folder is no longer what the plan was made from. */
#include "test.h"

#include "base/file.h"
#include "install/install.h"
#include "install/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct fixture {
    char path[300];
    struct workspace w;
};

static void file_make(int at, const char *name, const char *content)
{
    int fd = openat(at, name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
}

static void assert_content(int folder, const char *name, const char *content)
{
    struct buffer b;
    struct pb_error err;
    buffer_init(&b, 1000);
    if (file_read_all(folder, name, &b, &err) != 0)
        fail_msg("%s", err.text);
    assert_string_equal(b.p, content);
    buffer_free(&b);
}

static void seen(int folder, const char *name, struct fetch_seen *out)
{
    struct stat st;
    assert_int_equal(fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW), 0);
    fetch_seen_set(out, &st);
}

static void open_fixture(struct fixture *f)
{
    static int count;
    struct pb_error err;
    /* cppcheck-suppress ctuuninitvar ; f is filled in here */
    snprintf(f->path, sizeof f->path, "%s/commit-%d-%d", test_tmp(), (int)getpid(), count++);
    assert_int_equal(workspace_open(f->path, WORKSPACE_MAKE, &f->w, &err), 0);
    assert_int_equal(workspace_stage(&f->w, "escape/c", &err), 0);
}

static int commit(struct fixture *f, struct fetch_step *steps, size_t n, struct pb_error *err)
{
    struct fetch_plan plan = {
        .title = "escape/c", .source = "here", .steps = steps, .step_count = n, .attic = "attic"};
    return install_commit(&f->w, &plan, err);
}

static void two_files_swap_names(void **state)
{
    struct fixture f;
    struct pb_error err;
    (void)state;
    open_fixture(&f);
    file_make(f.w.folder, "a", "was a");
    file_make(f.w.folder, "b", "was b, longer");
    struct fetch_step steps[] = {{.action = FETCH_MOVE, .from = "a", .path = "b"},
                                 {.action = FETCH_MOVE, .from = "b", .path = "a"}};
    seen(f.w.folder, "a", &steps[0].seen);
    seen(f.w.folder, "b", &steps[1].seen);
    steps[0].onto = steps[1].seen;
    steps[1].onto = steps[0].seen;
    assert_int_equal(commit(&f, steps, 2, &err), 0);
    assert_content(f.w.folder, "a", "was b, longer");
    assert_content(f.w.folder, "b", "was a");
    workspace_close(&f.w);
}

static void what_was_changed_or_came_meanwhile_stops_it(void **state)
{
    struct fixture f;
    struct pb_error err;
    (void)state;
    open_fixture(&f);
    file_make(f.w.folder, "a", "was a");
    struct fetch_step move = {.action = FETCH_MOVE, .from = "a", .path = "b"};
    seen(f.w.folder, "a", &move.seen);
    file_make(f.w.folder, "b", "came meanwhile");
    assert_int_equal(commit(&f, &move, 1, &err), PB_FAILED);
    assert_content(f.w.folder, "b", "came meanwhile");
    assert_int_equal(unlinkat(f.w.folder, "b", 0), 0);
    file_make(f.w.folder, "a", "was changed");
    assert_int_equal(commit(&f, &move, 1, &err), PB_FAILED);
    assert_content(f.w.folder, "a", "was changed");
    workspace_close(&f.w);
}

/* A crash with `journal` under way, then the player saves a file where something is to arrive or to leave. */
static void recovered(struct fixture *f, const char *name, const char *journal)
{
    struct pb_error err;
    assert_int_equal(file_replace(f->w.home, name, journal, strlen(journal), &err), 0);
    workspace_close(&f->w);
    if (workspace_open(f->path, WORKSPACE_LOOK, &f->w, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(f->w.recovered);
}

static void what_turns_up_after_a_crash_is_the_players(void **state)
{
    struct fixture f;
    (void)state;
    open_fixture(&f);
    file_make(f.w.staging, "it", "arrives");
    file_make(f.w.folder, "x", "the player's");
    recovered(&f, "journal.arrives", "patchbay install 1\ntitle t escape%252Fc attic\nput it x 7\nend\n");
    assert_content(f.w.folder, "x", "arrives");
    assert_content(f.w.folder, "attic/x", "the player's");
    workspace_close(&f.w);
}

static void a_name_that_is_used_again_does_not_leave(void **state)
{
    struct fixture f;
    (void)state;
    open_fixture(&f);
    file_make(f.w.staging, "away.0", "has left");
    file_make(f.w.folder, "x", "came after the crash");
    recovered(
        &f, "journal",
        "patchbay install 1\ntitle t escape%252Fc attic\naway x away.0 8 1000000000\nput away.0 y 8\nend\n");
    assert_content(f.w.folder, "x", "came after the crash");
    assert_content(f.w.folder, "y", "has left");
    workspace_close(&f.w);
}

static void what_is_gone_from_staging_is_said_once(void **state)
{
    struct fixture f;
    struct pb_error err;
    static const char journal[] =
        "patchbay install 1\ntitle t escape%252Fc attic\nput gone x 7\nput it y 7\nend\n";
    (void)state;
    open_fixture(&f);
    file_make(f.w.staging, "it", "arrives");
    assert_int_equal(file_replace(f.w.home, "journal.arrives", journal, strlen(journal), &err), 0);
    workspace_close(&f.w);
    assert_int_equal(workspace_open(f.path, WORKSPACE_LOOK, &f.w, &err), PB_DAMAGED);
    assert_non_null(strstr(err.text, "x: was gone"));
    assert_int_equal(workspace_open(f.path, WORKSPACE_LOOK, &f.w, &err), 0);
    assert_content(f.w.folder, "y", "arrives");
    workspace_close(&f.w);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(two_files_swap_names),
    cmocka_unit_test(what_was_changed_or_came_meanwhile_stops_it),
    cmocka_unit_test(what_turns_up_after_a_crash_is_the_players),
    cmocka_unit_test(a_name_that_is_used_again_does_not_leave),
    cmocka_unit_test(what_is_gone_from_staging_is_said_once),
};
TEST_MAIN(tests)
