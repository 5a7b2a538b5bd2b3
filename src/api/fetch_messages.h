/*
 * What a fetch in a thread of its own has to tell its caller: a queue between the two. The thread puts in
 * what pb_fetch calls back with, texts copied; the caller takes it out and has its own functions called. A
 * full queue makes the thread wait, so a caller that is slow costs time and not memory.
 */
#ifndef PB_API_FETCH_MESSAGES_H
#define PB_API_FETCH_MESSAGES_H

#include "patchbay/fetch.h"

#include <pthread.h>
#include <stdbool.h>

struct message;
struct messages {
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t room;  /* the queue is no longer full, or nobody is going to take anything out */
    struct message *first, *last;
    size_t n;
    struct pb_progress progress; /* the newest; older ones are of no interest */
    bool cancelled;              /* set by the caller */
    bool starved;                /* memory ran out, and something could not be told */
    bool ended;                  /* set by the thread, last of all */
    bool shown;                  /* `fd` is readable */
    int fd;                      /* eventfd */
};

PB_MUST_USE int messages_init(struct messages *m, struct pb_error *err);
void messages_free(struct messages *m);

/* ---- of the thread: pb_fetch is called with these, and the queue as `arg` ---- */

void messages_listen(struct messages *m, struct pb_fetch_options *o);
int messages_progress(void *arg, const struct pb_progress *now); /* a pb_progress_fn */
void messages_end(struct messages *m);

/* ---- of the caller ---- */

/* Takes the oldest out and calls the function of `o` that it is for. False: there is none. */
bool messages_tell(struct messages *m, const struct pb_fetch_options *o);
/* What there is to say of the moment. False: the thread has ended, and all was told. */
bool messages_look(struct messages *m, struct pb_progress *progress);
void messages_cancel(struct messages *m);

#endif
