/* Notes: repetitions, rings that do not push each other out, texts that are too long. */
#include "test.h"

#include "serve/live/notes.h"

#include <stdio.h>

static const struct note *last(const struct notes *n, enum note_kind kind)
{
    return &n->list[kind][n->last[kind]];
}

static void repetitions(void **state)
{
    struct notes *n = notes_new();
    (void)state;
    assert_non_null(n);
    notes_add(n, NOTE_REPORT, 10, "the disk is full");
    notes_add(n, NOTE_REPORT, 11, "the disk is full");
    assert_int_equal(last(n, NOTE_REPORT)->times, 2);
    assert_int_equal(last(n, NOTE_REPORT)->at, 11);
    assert_int_equal(last(n, NOTE_REPORT)->number, 2);
    notes_add(n, NOTE_REPORT, 12, "it is not");
    notes_add(n, NOTE_REPORT, 13, "the disk is full");
    assert_int_equal(last(n, NOTE_REPORT)->times, 1);
    notes_free(n);
    notes_add(NULL, NOTE_REPORT, 1, "nobody reads this");
    notes_post(NULL, NOTE_REPLY, 1, "nobody reads this");
    notes_free(NULL);
}

static void rings(void **state)
{
    struct notes *n = notes_new();
    char text[2 * NOTE_TEXT];
    (void)state;
    assert_non_null(n);
    notes_add(n, NOTE_REPORT, 1, "seldom");
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "reply %d", i);
        notes_post(n, NOTE_REPLY, i, text);
    }
    assert_string_equal(last(n, NOTE_REPORT)->text, "seldom");
    assert_string_equal(last(n, NOTE_REPLY)->text, "reply 999");
    assert_int_equal(last(n, NOTE_REPLY)->number, 1001);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    notes_post(n, NOTE_REPLY, 5, text);
    notes_post(n, NOTE_REPLY, 6, text);
    assert_int_equal(strlen(last(n, NOTE_REPLY)->text), NOTE_TEXT - 1);
    assert_int_equal(last(n, NOTE_REPLY)->times, 2);
    pthread_mutex_lock(&n->mutex); /* somebody reads: the loop does not wait */
    notes_post(n, NOTE_REPLY, 7, "lost");
    assert_int_equal(last(n, NOTE_REPLY)->at, 6);
    pthread_mutex_unlock(&n->mutex);
    notes_free(n);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(repetitions),
    cmocka_unit_test(rings),
};
TEST_MAIN(tests)
