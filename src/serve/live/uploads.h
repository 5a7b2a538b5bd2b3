/*
 * Uploads: files on their way to be published from afar. Each is a file without a name, in the depot's folder
 * for unfinished things: whatever ends the server leaves nothing of it. An upload survives its connection,
 * and is continued where it stopped; left alone for UPLOAD_IDLE_MS it goes. Once it is to be published, the
 * same entry tells how that goes (publisher.h).
 *
 * All functions are thread-safe, and accept NULL for what there is none of: unknown.
 */
#ifndef PB_SERVE_LIVE_UPLOADS_H
#define PB_SERVE_LIVE_UPLOADS_H

#include "patchbay/status.h"
#include "serve/live/tokens.h"

enum {
    UPLOAD_ID = 32 + 1, /* hexadecimal digits and a NUL */
    UPLOAD_NAME_MAX = 255,
    UPLOADS_MAX = 16,     /* unfinished, or waiting to be published */
    UPLOADS_OF_OWNER = 4, /* of these, of one token */
    UPLOADS_KEPT = 64,    /* with those that are published or have failed */
    UPLOAD_IDLE_MS = 3600 * 1000,
    UPLOAD_OPTIONS_MAX = 8192, /* bytes of the form that goes with publishing */
};

/* What a file is published as. `options` is a form (application/x-www-form-urlencoded), with what the kind
 * allows. */
struct publish_order {
    const char *file; /* its name */
    int fd;           /* its bytes, from 0 on */
    struct slice options;
};
/* How files are published; the server itself knows no kind of content. */
struct publish_calls {
    /* May a file of this name and size be published? Else the error that publishing it would give. */
    int (*accepts)(const char *name, uint64_t size, struct pb_error *err);
    /* Publishes; *result becomes a JSON object. */
    int (*publish)(const char *depot, const struct publish_order *order, pb_progress_fn *progress, void *arg,
                   struct buffer *result, struct pb_error *err);
};

enum upload_state {
    UPLOAD_FREE,
    UPLOAD_RECEIVING,
    UPLOAD_WAITING,    /* for its turn to be published */
    UPLOAD_PUBLISHING, /* the publisher has it */
    UPLOAD_DONE,
    UPLOAD_FAILED,
};

/* How a call went. */
enum upload_end {
    UPLOAD_OK,
    UPLOAD_UNKNOWN,   /* there is no such upload of this owner */
    UPLOAD_ELSEWHERE, /* it is not at this offset, or not complete, or complete */
    UPLOAD_MANY,      /* there are as many as may be */
    UPLOAD_NO_ROOM,   /* the disk has no room for it */
    UPLOAD_BROKEN,    /* the system refused something */
};

/* An upload as it was at one moment. */
struct upload_view {
    char id[UPLOAD_ID];
    char name[UPLOAD_NAME_MAX + 1];
    enum upload_state state;
    uint64_t size, offset; /* bytes: announced, and here */
    char stage[32];        /* of publishing, with how much of it is done */
    uint64_t done, total;
    int status;                   /* UPLOAD_FAILED: enum pb_status */
    char text[PB_ERROR_TEXT_MAX]; /* UPLOAD_FAILED: why */
};

struct uploads;

/* `tmp`: descriptor of the folder; stays the caller's. */
PB_MUST_USE int uploads_new(int tmp, struct uploads **out, struct pb_error *err);
void uploads_free(struct uploads *u);

struct upload_wanted {
    const char *owner; /* the id of its token */
    const char *name;
    uint64_t size;
    bool has_digest;
    struct sha256 digest; /* of the whole file; checked before it is published */
};
/* Begins an upload. One of the same owner, name, size and digest that is unfinished is continued instead;
 * *again tells. */
enum upload_end uploads_begin(struct uploads *u, const struct upload_wanted *wanted, struct upload_view *out,
                              bool *again);
enum upload_end uploads_look(struct uploads *u, const char *owner, const char *id, struct upload_view *out);
/* Calls fn for each of the owner's. */
void uploads_each(struct uploads *u, const char *owner, void (*fn)(void *arg, const struct upload_view *view),
                  void *arg);
/* The JSON that publishing it has made; in `out`. */
enum upload_end uploads_result(struct uploads *u, const char *owner, const char *id, struct buffer *out);

/* Begins to write at its offset; whoever wrote before, on a connection that hangs, writes no more. *writer is
 * for uploads_write. */
enum upload_end uploads_write_begin(struct uploads *u, const char *owner, const char *id, uint64_t offset,
                                    uint64_t *writer);
/* When the disk is full the upload goes. */
enum upload_end uploads_write(struct uploads *u, const char *id, uint64_t writer, const char *p, size_t n);

/* Hands it to the publisher, with a copy of the options. Once that is done, UPLOAD_OK says it again. */
enum upload_end uploads_publish(struct uploads *u, const char *owner, const char *id, struct slice options);
/* Ends it, in whatever state: what is being published is broken off. */
enum upload_end uploads_remove(struct uploads *u, const char *owner, const char *id);

/* Removes what belongs to none of these tokens any more. */
void uploads_keep(struct uploads *u, struct tokens *tokens);
/* Removes what nobody has touched for UPLOAD_IDLE_MS. `now`: monotonic ms. */
void uploads_expire(struct uploads *u, uint64_t now);

#endif
