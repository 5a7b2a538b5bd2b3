/* The latest things that went wrong, for the operator's page: what the server reports, and replies that
 * refuse for a reason of the server's own. Each kind has a ring of NOTES_MAX. */
#ifndef PB_SERVE_LIVE_NOTES_H
#define PB_SERVE_LIVE_NOTES_H

#include "base/bytes.h"

#include <pthread.h>

enum { NOTES_MAX = 40, NOTE_TEXT = 320 };

enum note_kind { NOTE_REPORT, NOTE_REPLY, NOTE_KINDS };

struct note {
    uint64_t number; /* grows with each note and each repetition; 0: none */
    int64_t at;      /* the last time; Unix seconds */
    unsigned times;  /* the same text, one after the other */
    enum note_kind kind;
    char text[NOTE_TEXT]; /* may be cut, and may have been a stranger's: it is data */
};

struct notes {
    pthread_mutex_t mutex; /* of all below */
    uint64_t number;
    size_t last[NOTE_KINDS];
    struct note list[NOTE_KINDS][NOTES_MAX];
};

struct notes *notes_new(void);    /* NULL when memory is out */
void notes_free(struct notes *n); /* accepts NULL */

/* `n` may be NULL: nobody reads them. */
void notes_add(struct notes *n, enum note_kind kind, int64_t at, const char *text);
/* The same for a loop, which never waits: while the list is in use the note is lost. */
void notes_post(struct notes *n, enum note_kind kind, int64_t at, const char *text);

#endif
