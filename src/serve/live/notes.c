/* Rings of notes. */
#include "serve/live/notes.h"

#include <stdio.h>

struct notes *notes_new(void)
{
    struct notes *n = calloc(1, sizeof *n);
    if (n != NULL)
        pthread_mutex_init(&n->mutex, NULL);
    return n;
}

void notes_free(struct notes *n)
{
    if (n == NULL)
        return;
    pthread_mutex_destroy(&n->mutex);
    free(n);
}

static void note_put(struct notes *n, enum note_kind kind, int64_t at, const char *text)
{
    struct note *last = &n->list[kind][n->last[kind]];
    if (last->number != 0 && strncmp(last->text, text, NOTE_TEXT - 1) == 0) {
        last->times++;
    } else {
        n->last[kind] = (n->last[kind] + 1) % NOTES_MAX;
        last = &n->list[kind][n->last[kind]];
        *last = (struct note){.times = 1, .kind = kind};
        snprintf(last->text, sizeof last->text, "%s", text);
    }
    last->at = at;
    last->number = ++n->number;
}

void notes_add(struct notes *n, enum note_kind kind, int64_t at, const char *text)
{
    if (n == NULL)
        return;
    pthread_mutex_lock(&n->mutex);
    note_put(n, kind, at, text);
    pthread_mutex_unlock(&n->mutex);
}

void notes_post(struct notes *n, enum note_kind kind, int64_t at, const char *text)
{
    if (n == NULL || pthread_mutex_trylock(&n->mutex) != 0)
        return;
    note_put(n, kind, at, text);
    pthread_mutex_unlock(&n->mutex);
}
