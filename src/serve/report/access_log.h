/* The access log: each thread collects lines in a batch; a writer thread puts batches into the file, so that
 * no request waits for a disk. When the disk can't follow, lines are dropped and counted, not memory filled.
 */
#ifndef PB_SERVE_REPORT_ACCESS_LOG_H
#define PB_SERVE_REPORT_ACCESS_LOG_H

#include "serve/live/snapshot.h"

#include <sys/socket.h>

struct access_log;

/* For the access log; slices point into the request's bytes, or are empty. */
struct access {
    struct slice method;
    struct slice target;
    struct slice referer;
    struct slice agent;
    int minor; /* HTTP/1.minor; -1 when unknown */
};

/* `path`: a file to append to, or "-" for standard output. */
PB_MUST_USE int access_log_open(const char *path, struct access_log **out, struct pb_error *err);
/* Opens the file anew, after it was rotated away. Standard output stays. */
PB_MUST_USE int access_log_reopen(struct access_log *log, struct pb_error *err);
/* Writes what is left, but waits at most LOG_CLOSE_MS for a reader that does not read. Returns how many
 * batches of lines were lost since the log was opened. NULL does no harm. */
uint64_t access_log_close(struct access_log *log);

/* LOG_LINE_MAX: four fields of LOG_FIELD_MAX that a client chose, and 512 bytes of our own. */
enum {
    LOG_BATCH = 32 * 1024,
    LOG_FIELD_MAX = 1000,
    LOG_LINE_MAX = 4 * LOG_FIELD_MAX + 512,
    LOG_CLOSE_MS = 2000
};
struct log_batch {
    struct log_batch *next;
    size_t n;
    char text[LOG_BATCH];
};

/* Hands a batch to the writer; *batch becomes NULL. */
void access_log_flush(struct access_log *log, struct log_batch **batch);

/* A line is made in two steps, as its number of bytes is known only when the reply has left. */
struct log_line {
    uint16_t before, after; /* lengths: text up to the byte count, and behind it */
    char text[LOG_LINE_MAX];
};
void log_line_start(struct log_line *line, enum log_format format, int64_t now, const struct sockaddr *peer,
                    const struct access *access, int status);
void log_line_finish(struct access_log *log, struct log_batch **batch, const struct log_line *line,
                     uint64_t bytes);

#endif
