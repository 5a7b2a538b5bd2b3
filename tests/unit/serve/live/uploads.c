/* Uploads without a network: whose they are, how many, who may write, and when they go. The publisher with a
 * call that the test answers. */
#include "test.h"

#include "base/clock.h"
#include "patchbay/operate.h"
#include "serve/live/publisher.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct uploads *table;
static int folder;

static int begin(void **state)
{
    struct pb_error err;
    (void)state;
    if (chdir(test_tmp()) != 0)
        return -1;
    mkdir("uploads", 0700);
    folder = open("uploads", O_RDONLY | O_DIRECTORY);
    return uploads_new(folder, &table, &err);
}

static int files_in_folder(void)
{
    int n = 0;
    DIR *d = opendir("uploads");
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static int end(void **state)
{
    (void)state;
    uploads_free(table);
    close(folder);
    return files_in_folder();
}

static struct upload_view make(const char *owner, const char *name, uint64_t size, const char *digest)
{
    struct upload_view view;
    bool again;
    struct upload_wanted w = {.owner = owner, .name = name, .size = size, .has_digest = digest != NULL};
    if (digest != NULL)
        assert_true(hex_decode(slice_of(digest), &w.digest, sizeof w.digest));
    assert_int_equal(uploads_begin(table, &w, &view, &again), UPLOAD_OK);
    return view;
}

static enum upload_end put(const char *owner, const char *id, uint64_t offset, const char *text)
{
    uint64_t writer;
    enum upload_end e = uploads_write_begin(table, owner, id, offset, &writer);
    return e != UPLOAD_OK ? e : uploads_write(table, id, writer, text, strlen(text));
}

static void whose(void **state)
{
    struct upload_view view, found;
    uint64_t first, second;
    (void)state;
    view = make("a", "x.map", 6, NULL);
    assert_int_equal(files_in_folder(), 0); /* it has no name */
    assert_int_equal(uploads_look(table, "b", view.id, &found), UPLOAD_UNKNOWN);
    assert_int_equal(put("b", view.id, 0, "abc"), UPLOAD_UNKNOWN);
    assert_int_equal(put("a", view.id, 1, "abc"), UPLOAD_ELSEWHERE);
    assert_int_equal(put("a", view.id, 0, "abc"), UPLOAD_OK);
    assert_int_equal(put("a", view.id, 3, "defg"), UPLOAD_ELSEWHERE); /* more than was announced */
    assert_int_equal(uploads_publish(table, "a", view.id, (struct slice){0}), UPLOAD_ELSEWHERE);
    assert_int_equal(uploads_write_begin(table, "a", view.id, 3, &first), UPLOAD_OK);
    assert_int_equal(uploads_write_begin(table, "a", view.id, 3, &second), UPLOAD_OK);
    assert_int_equal(uploads_write(table, view.id, first, "xyz", 3), UPLOAD_ELSEWHERE);
    assert_int_equal(uploads_write(table, view.id, second, "def", 3), UPLOAD_OK);
    assert_int_equal(uploads_look(table, "a", view.id, &found), UPLOAD_OK);
    assert_int_equal(found.offset, 6);
    assert_int_equal(uploads_remove(table, "b", view.id), UPLOAD_UNKNOWN);
    assert_int_equal(uploads_remove(table, "a", view.id), UPLOAD_OK);
    assert_int_equal(uploads_look(table, "a", view.id, &found), UPLOAD_UNKNOWN);
}

static void how_many(void **state)
{
    struct upload_wanted w = {.owner = "a", .name = "x", .size = 1};
    struct upload_view view;
    bool again;
    char owner[16];
    (void)state;
    for (int i = 0; i < UPLOADS_MAX; i++) {
        snprintf(owner, sizeof owner, "%d", i / UPLOADS_OF_OWNER);
        view = make(owner, "x.map", 1, NULL);
        if (i % UPLOADS_OF_OWNER == UPLOADS_OF_OWNER - 1) {
            w.owner = owner;
            assert_int_equal(uploads_begin(table, &w, &view, &again), UPLOAD_MANY);
        }
    }
    w.owner = "z";
    assert_int_equal(uploads_begin(table, &w, &view, &again), UPLOAD_MANY);
    uploads_expire(table, clock_monotonic_ms() + UPLOAD_IDLE_MS - 1000);
    assert_int_equal(uploads_begin(table, &w, &view, &again), UPLOAD_MANY);
    uploads_expire(table, clock_monotonic_ms() + UPLOAD_IDLE_MS + 1000);
    assert_int_equal(uploads_begin(table, &w, &view, &again), UPLOAD_OK);
    w.size = (uint64_t)1 << 60;
    assert_int_equal(uploads_begin(table, &w, &view, &again), UPLOAD_NO_ROOM);
}

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void the_same_again(void **state)
{
    struct upload_view view, other;
    (void)state;
    view = make("a", "x.map", 3, ABC_SHA256);
    assert_int_equal(put("a", view.id, 0, "a"), UPLOAD_OK);
    other = make("a", "x.map", 3, ABC_SHA256);
    assert_string_equal(other.id, view.id);
    assert_int_equal(other.offset, 1);
    assert_string_not_equal(make("b", "x.map", 3, ABC_SHA256).id, view.id);
    assert_string_not_equal(make("a", "y.map", 3, ABC_SHA256).id, view.id);
    assert_string_not_equal(make("a", "x.map", 3, NULL).id, view.id);
}

static void revoked(void **state)
{
    struct upload_view found, a = make("a", "x.map", 3, NULL), ours = make("", "y.map", 3, NULL);
    uint64_t writer;
    (void)state;
    struct tokens *some = calloc(1, sizeof *some + sizeof some->list[0]);
    assert_non_null(some);
    some->references = some->n = 1;
    strcpy(some->list[0].id, "a");
    some->list[0].rights = PB_TOKEN_PUBLISH;
    assert_int_equal(uploads_write_begin(table, "a", a.id, 0, &writer), UPLOAD_OK);
    uploads_keep(table, some);
    assert_int_equal(uploads_look(table, "a", a.id, &found), UPLOAD_OK);
    some->list[0].rights = PB_TOKEN_LOOK; /* made anew, with fewer rights */
    uploads_keep(table, some);
    tokens_release(some);
    assert_int_equal(uploads_look(table, "a", a.id, &found), UPLOAD_UNKNOWN);
    assert_int_equal(uploads_write(table, a.id, writer, "abc", 3), UPLOAD_UNKNOWN);
    assert_int_equal(uploads_look(table, "", ours.id, &found), UPLOAD_OK);
}

/* ---- the publisher ---- */

static int publish(const char *depot, const struct publish_order *order, pb_progress_fn *progress, void *arg,
                   struct buffer *result, struct pb_error *err)
{
    char bytes[4] = "";
    assert_string_equal(depot, "here");
    assert_int_equal(pread(order->fd, bytes, 3, 0), 3);
    if (strcmp(order->file, "wait.map") == 0) { /* until it is told to stop */
        struct pb_progress p = {"compressing", 1, 3, NULL};
        while (progress(arg, &p) == 0)
            sched_yield();
        err->status = PB_CANCELLED;
        snprintf(err->text, sizeof err->text, "cancelled");
        return PB_CANCELLED;
    }
    buffer_format(result, "{\"%s\": \"%.*s\"}", bytes, (int)order->options.n, order->options.p);
    return PB_OK;
}

static const struct publish_calls calls = {.publish = publish};

static struct upload_view await(const char *id, enum upload_state state)
{
    struct upload_view view;
    do {
        sched_yield();
        assert_int_equal(uploads_look(table, "a", id, &view), UPLOAD_OK);
    } while (view.state != state && view.state < UPLOAD_DONE);
    assert_int_equal(view.state, state);
    return view;
}

static void published(void **state)
{
    struct publisher *p;
    struct pb_error err;
    struct buffer result;
    (void)state;
    buffer_init(&result, 100);
    assert_int_equal(publisher_start(table, "here", &calls, &p, &err), 0);
    struct upload_view good = make("a", "x.map", 3, ABC_SHA256), bad = make("a", "y.map", 3, ABC_SHA256);
    struct upload_view waits = make("a", "wait.map", 3, NULL), last = make("a", "z.map", 3, NULL);
    put("a", good.id, 0, "abc");
    put("a", bad.id, 0, "abd");
    put("a", waits.id, 0, "abc");
    put("a", last.id, 0, "abc");
    assert_int_equal(uploads_publish(table, "a", good.id, slice_of("k=v")), UPLOAD_OK);
    await(good.id, UPLOAD_DONE);
    assert_int_equal(uploads_result(table, "a", good.id, &result), UPLOAD_OK);
    assert_string_equal(result.p, "{\"abc\": \"k=v\"}");
    assert_int_equal(uploads_publish(table, "a", good.id, slice_of("k=v")), UPLOAD_OK); /* said again */
    assert_int_equal(uploads_publish(table, "a", bad.id, slice_of("k=v")), UPLOAD_OK);
    assert_int_equal(await(bad.id, UPLOAD_FAILED).status, PB_DAMAGED);
    assert_int_equal(uploads_publish(table, "a", waits.id, (struct slice){0}), UPLOAD_OK);
    assert_string_equal(await(waits.id, UPLOAD_PUBLISHING).id, waits.id);
    assert_int_equal(uploads_publish(table, "a", last.id, (struct slice){0}), UPLOAD_OK);
    assert_int_equal(uploads_remove(table, "a", waits.id), UPLOAD_OK); /* breaks it off */
    await(last.id, UPLOAD_DONE);
    buffer_free(&result);
    publisher_stop(p);
}

static void stopped_within(void **state)
{
    struct publisher *p;
    struct pb_error err;
    (void)state;
    assert_int_equal(publisher_start(table, "here", &calls, &p, &err), 0);
    struct upload_view waits = make("a", "wait.map", 3, NULL);
    put("a", waits.id, 0, "abc");
    assert_int_equal(uploads_publish(table, "a", waits.id, (struct slice){0}), UPLOAD_OK);
    await(waits.id, UPLOAD_PUBLISHING);
    publisher_stop(p);
    assert_int_equal(await(waits.id, UPLOAD_FAILED).status, PB_CANCELLED);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(whose, begin, end),
    cmocka_unit_test_setup_teardown(how_many, begin, end),
    cmocka_unit_test_setup_teardown(the_same_again, begin, end),
    cmocka_unit_test_setup_teardown(revoked, begin, end),
    cmocka_unit_test_setup_teardown(published, begin, end),
    cmocka_unit_test_setup_teardown(stopped_within, begin, end),
};
TEST_MAIN(tests)
