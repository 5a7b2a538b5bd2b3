/* The table of uploads, for uploads.c and publisher.c. */
#ifndef PB_SERVE_LIVE_UPLOADS_TABLE_H
#define PB_SERVE_LIVE_UPLOADS_TABLE_H

#include "serve/live/uploads.h"

#include <pthread.h>

struct upload {
    struct upload_view view; /* state FREE: the slot is free */
    char owner[TOKEN_ID];
    bool has_digest;
    struct sha256 digest;
    int fd;           /* -1 once it is published or has failed */
    uint64_t writer;  /* who may write */
    bool writing;     /* a write is under way, without the lock */
    bool dropped;     /* to be removed by whoever has it: the write, or the publisher */
    uint64_t touched; /* monotonic ms */
    uint64_t queued;  /* the order of those that wait */
    char *options;    /* may have a password */
    size_t options_n;
    char *result;
};

struct uploads {
    pthread_mutex_t mutex; /* all below */
    pthread_cond_t queue;  /* something waits, or `stop` */
    struct upload list[UPLOADS_KEPT];
    int tmp;
    uint64_t counter; /* for `writer` and `queued` */
    bool stop;
};

/* With the lock held: frees what the upload has, and its slot. */
void upload_clear(struct upload *one);
/* With the lock held: the bytes and the options are of no use any more. */
void upload_close(struct upload *one);

#endif
