/* The page for a browser: whatever a depot says, it is text and no markup, and whatever a request says of its
 * host is a host. */
#include "test.h"

#include "dialect/page.h"

#include <stdio.h>

static const char *label, *download;

static bool about(const struct site_title *title, const void *settings, struct dialect_about *out)
{
    (void)settings;
    if (strcmp(title->name, "secret") == 0)
        return false;
    if (out == NULL)
        return true;
    out->label = label;
    out->size = 1536;
    buffer_text(&out->fetch, title->name);
    buffer_text(&out->download, download);
    return true;
}

static const struct dialect nameless = {.name = "nameless"};
static const struct dialect game = {.name = "game", .game = "A & B", .about = about};
static const struct dialect *const dialects[] = {&nameless, &game, NULL};
static void *settings[2];

/* The page of three titles, as who asks for `host` gets it. malloc'd. */
static char *page_of(const char *said_label, const char *said_download, struct slice host)
{
    struct site_title titles[] = {{.dialect = "game", .name = "x@y z", .version = "1<2", .since = 86400},
                                  {.dialect = "game", .name = "secret", .version = "1"},
                                  {.dialect = "nameless", .name = "other", .version = "1"}};
    struct site_title *list[] = {&titles[0], &titles[1], &titles[2]};
    struct site site = {.titles = list, .n = 3};
    struct pb_error err;
    struct page_texts texts = {0};
    label = said_label;
    download = said_download;
    arena_init(&site.arena, 0);
    assert_int_equal(page_make(dialects, settings, &site, &err), PB_OK);
    const struct page_text *made = page_text_for(&texts, site.page, host);
    assert_non_null(made);
    assert_ptr_equal(page_text_for(&texts, site.page, host), made);
    size_t n = made->size;
    char *text = strndup(made->text, n);
    if (text == NULL)
        abort();
    assert_int_equal(strlen(text), n); /* no NUL in it */
    /* Of many other names each has the page, and no more memory is used than for some of them. */
    for (int i = 0; i < 3 * PAGE_HOSTS; i++) {
        char other[16];
        snprintf(other, sizeof other, "h%d", i);
        const struct page_text *t = page_text_for(&texts, site.page, slice_of(other));
        assert_true(strcmp(t->host, other) == 0 || (i > PAGE_HOSTS / 2 && strcmp(t->host, "HOST") == 0));
    }
    for (size_t i = 0; i < n; i++)
        assert_true((unsigned char)text[i] >= ' ' || text[i] == '\n');
    page_texts_free(&texts);
    arena_free(&site.arena);
    return text;
}

static void has(const char *said_label, const char *said_download, const char *host, const char *wanted)
{
    char *text = page_of(said_label, said_download, slice_of(host));
    if (strstr(text, wanted) == NULL)
        fail_msg("no %s in %s", wanted, text);
    assert_null(strstr(text, "secret"));
    assert_null(strstr(text, "other"));
    free(text);
}

static void what_is_said(void **state)
{
    (void)state;
    has("a", "", "h", "<p>1 title.");
    has("a", "", "h", "A &amp; B");
    has("a", "", "h", "1&lt;2");
    has("a", "", "h", "1.5 KiB");
    has("a", "", "h", "<time datetime=\"1970-01-02\">1970-01-02</time>");
    has("a", "", "h", "<code>game://h/x@y%20z</code>");
    has("a", "b/c\"d.map", "h", "<a href=\"b/c%22d.map\">c&quot;d.map</a>");
}

static void labels(void **state)
{
    char many[5000];
    (void)state;
    has("<script>&\"'", "", "h", "<bdi>&lt;script&gt;&amp;&quot;'</bdi>");
    /* The marks that stand for the host, and other controls. */
    has("\x01\x02\x7f\x1b[0m", "", "h", "<bdi>????[0m</bdi>");
    has("\xff\xc3", "", "h", "<bdi>\?\?</bdi>");
    has("\xc3\xa4", "", "h", "<bdi>\xc3\xa4</bdi>");
    memset(many, '<', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    has(many, "", "h", "&lt;</bdi>");
}

static void hosts(void **state)
{
    static const char *const bad[] = {"", "a b", "a\"b", "<a>", "a/b", "a\r\nb", "a@b", "\xc3\xa4"};
    char many[300];
    (void)state;
    has("a", "", "Example.org", "//Example.org/");
    has("a", "", "[::1]", "//[::1]/");
    memset(many, 'a', sizeof many);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        has("a", "", bad[i], "//HOST/");
    char *text = page_of("a", "", (struct slice){many, sizeof many});
    assert_non_null(strstr(text, "//HOST/"));
    free(text);
    /* A title of a protocol with a port of its own has none of the browser's. */
    has("a", "", "example.org:80", "//example.org/");
    has("a", "", "[::1]:80", "//[::1]/");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_said),
    cmocka_unit_test(labels),
    cmocka_unit_test(hosts),
};

TEST_MAIN(tests)
