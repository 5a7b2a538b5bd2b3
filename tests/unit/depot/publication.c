/* Publishing, rollback, withdraw, gc, fsck and the site, on a real depot. */
#include "test.h"

#include "depot/open.h"
#include "depot/publication.h"
#include "depot/release.h"
#include "depot/site.h"
#include "depot/stored.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static struct depot *depot_new(void)
{
    static int count;
    char path[300];
    struct depot *d;
    struct pb_error err;
    snprintf(path, sizeof path, "%s/publication-%d-%d", test_tmp(), (int)getpid(), count++);
    assert_int_equal(depot_init(path, &err), 0);
    assert_int_equal(depot_init(path, &err), PB_INVALID);
    assert_int_equal(depot_open(path, &d, &err), 0);
    return d;
}

static void entry_add(struct publication *p, const char *name, const char *content)
{
    struct object object;
    struct object_writer w;
    struct pb_error err;
    assert_int_equal(object_writer_open(p->depot, &w, &err), 0);
    assert_int_equal(object_writer_add(&w, content, strlen(content), &err), 0);
    assert_int_equal(object_writer_finish(&w, &object, &err), 0);
    object_writer_drop(&w);
    assert_int_equal(publication_add(p, slice_of(name), 1, &object, slice_of("extra"), &err), 0);
}

static struct publication_result publish(struct depot *d, const char *title, const char *content)
{
    struct publication p;
    struct publication_result r;
    struct pb_error err;
    assert_int_equal(publication_begin(d, "test", slice_of(title), &p, &err), 0);
    entry_add(&p, "one", content);
    entry_add(&p, "two", "the same in all");
    assert_int_equal(publication_commit(&p, NULL, "{}", &r, &err), 0);
    publication_end(&p);
    return r;
}

static int live_version(void *arg, const struct pb_release *r)
{
    if (r->live)
        snprintf(arg, 64, "%s", r->version);
    return 0;
}

static void publish_again_and_back(void **state)
{
    struct depot *d = depot_new();
    struct pb_error err;
    char live[64];
    (void)state;
    struct publication_result r = publish(d, "a", "first");
    assert_string_equal(r.version, "1");
    assert_int_equal(r.new_objects, 2);
    r = publish(d, "a", "first");
    assert_true(r.unchanged);
    assert_int_equal(r.stored, 0);
    r = publish(d, "a", "second");
    assert_string_equal(r.version, "2");
    assert_int_equal(r.new_objects, 1);
    assert_int_equal(release_rollback(d, "test/a", NULL, NULL, live_version, live, &err), 0);
    assert_string_equal(live, "1");
    assert_int_equal(release_rollback(d, "test/a", NULL, NULL, live_version, live, &err), PB_NOT_FOUND);
    assert_int_equal(release_rollback(d, "test/a", "2", NULL, live_version, live, &err), 0);
    assert_string_equal(live, "2");
    assert_int_equal(release_rollback(d, "test/a", "7", NULL, live_version, live, &err), PB_NOT_FOUND);
    assert_int_equal(release_rollback(d, "test/b", NULL, NULL, live_version, live, &err), PB_NOT_FOUND);
    assert_int_equal(release_rollback(d, "nonsense", NULL, NULL, live_version, live, &err), PB_INVALID);
    assert_int_equal(release_withdraw(d, "test/a", &err), 0);
    assert_int_equal(release_withdraw(d, "test/a", &err), PB_NOT_FOUND);
    assert_int_equal(release_rollback(d, "test/a", NULL, NULL, live_version, live, &err), 0);
    assert_string_equal(live, "2");
    depot_close(d);
}

static void a_version_is_given_once(void **state)
{
    struct depot *d = depot_new();
    struct publication p;
    struct publication_result r;
    struct pb_error err;
    static const char *const contents[] = {"x", "y", "x"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(publication_begin(d, "test", slice_of("v"), &p, &err), 0);
        entry_add(&p, "one", contents[i]);
        assert_int_equal(publication_commit(&p, "20030909_A", "{}", &r, &err), i == 1 ? PB_INVALID : 0);
        publication_end(&p);
    }
    assert_true(r.unchanged); /* the third was the first again */
    depot_close(d);
}

static void gc_takes_what_nobody_needs(void **state)
{
    struct depot *d = depot_new();
    struct publication p;
    struct pb_gc_report gc = PB_INIT(pb_gc_report);
    struct pb_fsck_report fsck;
    struct pb_error err;
    (void)state;
    publish(d, "a", "first");
    assert_int_equal(publication_begin(d, "test", slice_of("b"), &p, &err), 0);
    entry_add(&p, "one", "never committed");
    assert_int_equal(depot_gc(d, -1, false, &gc, &err), PB_BUSY);
    publication_end(&p);
    assert_int_equal(depot_fsck(d, NULL, NULL, NULL, &fsck, &err), 0);
    assert_int_equal(fsck.problems, 0);
    assert_int_equal(fsck.objects, 2);
    assert_int_equal(fsck.garbage, 1);
    assert_int_equal(depot_gc(d, -1, true, &gc, &err), 0);
    assert_int_equal(gc.objects, 1);
    assert_int_equal(gc.bytes, strlen("never committed"));
    /* What was live a moment ago stays for a minute, as a server may still show it. */
    publish(d, "a", "second");
    assert_int_equal(depot_gc(d, 0, true, &gc, &err), 0);
    assert_int_equal(gc.releases, 0);
    depot_close(d);
}

static int problem_note(void *arg, const char *what, const char *titles)
{
    snprintf(arg, 1000, "%s|%s", what, titles);
    return 0;
}

static void fsck_names_the_damage(void **state)
{
    struct depot *d = depot_new();
    struct pb_fsck_report r;
    struct pb_error err;
    struct digest_result digest;
    char path[OBJECT_PATH], note[1000] = "";
    (void)state;
    publish(d, "a", "first");
    assert_int_equal(digest_bytes(DIGEST_SHA256, "first", 5, &digest, &err), 0);
    object_path(&digest.sha256, path);
    int fd = openat(d->objects, path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, 0644), 0);
    close(fd);
    fd = openat(d->objects, path, O_WRONLY);
    assert_int_equal(write(fd, "F", 1), 1);
    close(fd);
    assert_int_equal(depot_fsck(d, problem_note, NULL, note, &r, &err), 0);
    assert_int_equal(r.problems, 1);
    assert_non_null(strstr(note, path));
    assert_non_null(strstr(note, "test/a 1 (live)"));
    publish(d, "a", "first"); /* mends it */
    assert_int_equal(depot_fsck(d, problem_note, NULL, note, &r, &err), 0);
    assert_int_equal(r.problems, 0);
    assert_int_equal(unlinkat(d->objects, path, 0), 0);
    assert_int_equal(depot_fsck(d, problem_note, NULL, note, &r, &err), 0);
    assert_int_equal(r.problems, 1);
    depot_close(d);
}

static int nothing_together(void *arg, void *finish_arg, const struct depot *d, struct site *s,
                            struct pb_error *err)
{
    (void)finish_arg, (void)d;
    (void)arg, (void)s, (void)err;
    return PB_OK;
}

static int compile_count(void *arg, struct site_title *t, const struct md5 *md5, struct pb_error *err)
{
    (void)md5;
    ++*(int *)arg;
    if (strcmp(t->name, "bad") == 0)
        return error_set(err, PB_DAMAGED, "as planned");
    return PB_OK;
}

static void failed_count(void *arg, const struct site_title *t, const struct pb_error *err)
{
    (void)arg;
    assert_string_equal(t->name, "bad");
    assert_string_equal(err->text, "as planned");
}

static void the_site(void **state)
{
    struct depot *d = depot_new();
    struct site *first, *second;
    struct pb_error err;
    int compiled = 0;
    struct site_maker maker = {compile_count, nothing_together, NULL,     &compiled,
                               NULL,          failed_count,     &compiled};
    (void)state;
    publish(d, "a", "first");
    publish(d, "b", "other");
    publish(d, "bad", "never served");
    assert_int_equal(site_make(d, NULL, false, &maker, &first, &err), 0);
    assert_int_equal(first->n, 2);
    assert_int_equal(compiled, 3);
    const struct site_title *a = site_title_find(first, "test", slice_of("a"));
    assert_non_null(a);
    assert_null(site_title_find(first, "test", slice_of("c")));
    assert_null(site_title_find(first, "tes", slice_of("t/a")));
    const struct site_entry *e = site_entry_find(a, slice_of("one"));
    assert_int_equal(e->size, 5);
    assert_int_equal(e->extra_length, 5);
    assert_null(site_entry_find(a, slice_of("three")));
    publish(d, "a", "second");
    assert_int_equal(site_make(d, first, false, &maker, &second, &err), 0);
    assert_int_equal(compiled, 5); /* a and bad; b was taken over */
    assert_ptr_equal(site_title_find(first, "test", slice_of("b")),
                     site_title_find(second, "test", slice_of("b")));
    assert_int_equal(site_entry_find(site_title_find(second, "test", slice_of("a")), slice_of("one"))->size,
                     6);
    site_release(first);
    assert_int_equal(site_entry_find(site_title_find(second, "test", slice_of("b")), slice_of("one"))->size,
                     5);
    site_release(second);
    depot_close(d);
}

static void stored(void **state)
{
    struct depot *d = depot_new();
    struct arena a;
    struct stored_release r;
    struct pb_error err;
    (void)state;
    arena_init(&a, 0);
    assert_int_equal(stored_release_live(d, "test", "a", &a, &r, &err), 0);
    publish(d, "a", "first");
    assert_int_equal(stored_release_live(d, "test", "a", &a, &r, &err), 1);
    assert_int_equal(r.n, 2);
    assert_string_equal(r.entries[1].name, "two");
    assert_slice(r.entries[1].extra, "extra");
    assert_true(stored_release_sound(d, &r));
    r.entries[0].object.size++;
    assert_false(stored_release_sound(d, &r));
    arena_free(&a);
    depot_close(d);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(publish_again_and_back),
    cmocka_unit_test(a_version_is_given_once),
    cmocka_unit_test(gc_takes_what_nobody_needs),
    cmocka_unit_test(fsck_names_the_damage),
    cmocka_unit_test(the_site),
    cmocka_unit_test(stored),
};
TEST_MAIN(tests)
