/* Structs of callers of other versions; and the version itself. */
#include "test.h"

#include "api/sized.h"
#include "patchbay/patchbay.h"

#include <stdio.h>
#include <unistd.h>

/* A struct as three versions have it. */
struct first {
    size_t size;
    const char *url;
};
struct middle {
    size_t size;
    const char *url;
    const char *more;
};
struct last {
    size_t size;
    const char *url;
    const char *more;
    const char *most;
};
static const struct sized sized = SIZED(middle, url, more);

static void a_caller_of_an_earlier_version(void **state)
{
    /* What lies behind its struct is none of ours. */
    struct last memory = {sizeof(struct first), "url", "not ours", "not ours"};
    struct middle own = {0, "old", "old"};
    struct pb_error err;
    (void)state;
    assert_int_equal(sized_take(&sized, &memory, &own, &err), PB_OK);
    assert_string_equal(own.url, "url");
    assert_null(own.more);
    assert_int_equal(own.size, sizeof own);
    own = (struct middle){0, "result", "more"};
    assert_int_equal(sized_check(&sized, &memory, &err), PB_OK);
    sized_give(&sized, &own, &memory);
    assert_string_equal(memory.url, "result");
    assert_string_equal(memory.more, "not ours");
    assert_int_equal(memory.size, sizeof(struct first));
}

static void a_caller_of_a_later_version(void **state)
{
    struct last memory = {sizeof memory, "url", "more", NULL};
    struct middle own;
    struct pb_error err;
    (void)state;
    assert_int_equal(sized_take(&sized, &memory, &own, &err), PB_OK);
    assert_string_equal(own.more, "more");
    memory.most = "an option that is not known yet";
    assert_int_equal(sized_take(&sized, &memory, &own, &err), PB_UNSUPPORTED);
    assert_non_null(strstr(err.text, "struct middle"));
    own = (struct middle){0, "result", "more"};
    assert_int_equal(sized_check(&sized, &memory, &err), PB_OK);
    sized_give(&sized, &own, &memory);
    assert_string_equal(memory.url, "result");
    assert_null(memory.most);
    assert_int_equal(memory.size, sizeof memory);
}

static void a_size_that_is_not_set(void **state)
{
    static const size_t sizes[] = {0, 1, sizeof(struct first) - 1, 65537, SIZE_MAX, 0xaaaaaaaaaaaaaaaa};
    struct pb_error err;
    struct middle own;
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct first given = {sizes[i], "url"};
        assert_int_equal(sized_take(&sized, &given, &own, &err), PB_INVALID);
        assert_int_equal(sized_check(&sized, &given, &err), PB_INVALID);
        assert_non_null(strstr(err.text, "size is not set"));
    }
}

/* Each function looks at each of its structs before it does anything. */
#define REFUSES(call)                                                                                        \
    do {                                                                                                     \
        err.text[0] = '\0';                                                                                  \
        assert_int_equal(call, PB_INVALID);                                                                  \
        assert_non_null(strstr(err.text, "size is not set"));                                                \
    } while (0)

/* Good options and a result without a size; options without one and a good result. */
#define BOTH(fn, options_type, result_type)                                                                  \
    do {                                                                                                     \
        struct options_type o = PB_INIT(options_type);                                                       \
        struct result_type r = {0};                                                                          \
        REFUSES(fn(depot, &o, NULL, NULL, &r, &err));                                                        \
        o.size = 0;                                                                                          \
        r.size = sizeof r;                                                                                   \
        REFUSES(fn(depot, &o, NULL, NULL, &r, &err));                                                        \
    } while (0)

static void every_function_looks_at_sizes(void **state)
{
    char path[600];
    struct pb_error err;
    struct pb_depot *depot;
    struct pb_gc_report gc = {0};
    struct pb_fsck_report fsck = {0};
    struct pb_backup_report backup = {0};
    struct pb_export_report export = {0};
    struct pb_import_report import = {0};
    struct pb_verify_report verify = {0};
    struct pb_uninstall_report uninstall = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/sized", test_tmp());
    assert_int_equal(pb_depot_init(path, &err), PB_OK);
    assert_int_equal(pb_depot_open(path, &depot, &err), PB_OK);
    REFUSES(pb_depot_gc(depot, -1, 1, &gc, &err));
    REFUSES(pb_depot_fsck(depot, NULL, NULL, NULL, &fsck, &err));
    REFUSES(pb_depot_backup(depot, "nowhere", NULL, NULL, &backup, &err));
    REFUSES(pb_depot_restore(path, "nowhere", NULL, NULL, &backup, &err));
    REFUSES(pb_export(depot, "nowhere", NULL, NULL, &export, &err));
    REFUSES(pb_import_escape(depot, "nowhere", NULL, NULL, &import, &err));
    REFUSES(pb_verify(path, NULL, NULL, NULL, NULL, &verify, &err));
    REFUSES(pb_uninstall(path, "a/b", &uninstall, &err));
    BOTH(pb_publish_map, pb_map_options, pb_publish_result);
    BOTH(pb_publish_upgrade, pb_upgrade_options, pb_publish_result);
    BOTH(pb_publish_levels, pb_levels_options, pb_publish_result);
    BOTH(pb_publish_app, pb_app_options, pb_publish_result);
    BOTH(pb_import_opensauce, pb_import_options, pb_import_report);
    BOTH(pb_import_playonline, pb_import_app_options, pb_import_report);
    pb_depot_close(depot);
    assert_int_equal(access("nowhere", F_OK), -1);
}

static void fetches_look_at_sizes(void **state)
{
    struct pb_error err;
    struct pb_fetching *fetching;
    struct pb_fetch_result r = PB_INIT(pb_fetch_result), none = {0};
    struct pb_fetch_options o = {.url = "x://host/a"},
                            good = {.size = sizeof good, .url = "x://host/a", .folder = "f"};
    (void)state;
    REFUSES(pb_fetch(&o, NULL, NULL, &r, &err));
    REFUSES(pb_fetch(&good, NULL, NULL, &none, &err));
    REFUSES(pb_fetch_start(&o, &fetching, &err));
    assert_int_equal(pb_fetch_start(&good, &fetching, &err), PB_OK);
    REFUSES(pb_fetch_finish(fetching, &none, &err)); /* and frees it */
    assert_int_equal(pb_fetch_start(&good, &fetching, &err), PB_OK);
    assert_int_equal(pb_fetch_finish(fetching, NULL, &err), PB_INVALID);
    assert_non_null(strstr(err.text, "not a protocol"));
    assert_int_equal(pb_fetch_finish(NULL, &r, &err), PB_INVALID);
    good.folder = NULL;
    assert_int_equal(pb_fetch(&good, NULL, NULL, &r, &err), PB_INVALID);
    assert_string_equal(err.text, "the folder is not set");
}

/* What abidiff does not see. */
static void numbers_stay(void **state)
{
    static const int codes[] = {PB_OK,      PB_FAILED,    PB_INVALID,   PB_NOT_FOUND,
                                PB_DAMAGED, PB_NETWORK,   PB_DENIED,    PB_NO_SPACE,
                                PB_BUSY,    PB_CANCELLED, PB_NO_MEMORY, PB_UNSUPPORTED};
    (void)state;
    for (int i = 0; i < (int)(sizeof codes / sizeof codes[0]); i++)
        assert_int_equal(codes[i], -i);
    assert_int_equal(sizeof(struct pb_error), sizeof(int) + 600);
}

static void versions(void **state)
{
    (void)state;
    assert_string_equal(PB_VERSION_TEXT, PROJECT_VERSION); /* meson.build and version.h */
    assert_string_equal(pb_version(), PROJECT_VERSION);
    assert_int_equal(pb_version_number(), PB_VERSION_NUMBER);
    char text[32];
    snprintf(text, sizeof text, "%d.%d.%d", PB_VERSION_MAJOR, PB_VERSION_MINOR, PB_VERSION_PATCH);
    assert_string_equal(text, PROJECT_VERSION);
    assert_true(PB_VERSION_AT_LEAST(0, 1, 0));
    assert_true(PB_VERSION_AT_LEAST(PB_VERSION_MAJOR, PB_VERSION_MINOR, PB_VERSION_PATCH));
    assert_false(PB_VERSION_AT_LEAST(PB_VERSION_MAJOR, PB_VERSION_MINOR, PB_VERSION_PATCH + 1));
    assert_false(PB_VERSION_AT_LEAST(PB_VERSION_MAJOR + 1, 0, 0));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_caller_of_an_earlier_version),
    cmocka_unit_test(a_caller_of_a_later_version),
    cmocka_unit_test(a_size_that_is_not_set),
    cmocka_unit_test(every_function_looks_at_sizes),
    cmocka_unit_test(fetches_look_at_sizes),
    cmocka_unit_test(numbers_stay),
    cmocka_unit_test(versions),
};

TEST_MAIN(tests)
