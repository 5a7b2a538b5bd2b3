/* The access log. Each loop collects lines in a batch, and a writer thread writes batches to the file; so no
 * request waits for a disk. When the disk is too slow, batches are dropped and counted: memory stays bounded.
 */
#ifndef PB_SERVE_REPORT_ACCESS_LOG_H
#define PB_SERVE_REPORT_ACCESS_LOG_H

#include "serve/live/snapshot.h"

#include <sys/socket.h>

struct access_log;

/* What a line says of a request. Slices point into the request's bytes, or are empty. */
struct access {
    struct slice method;
    struct slice target;
    struct slice referer;
    struct slice agent;
    int minor; /* HTTP/1.minor; -1 when unknown */
};

/* `path`: a file to append to; "-" is standard output. */
PB_MUST_USE int access_log_open(const char *path, struct access_log **out, struct pb_error *err);
/* Could it be opened? Makes no file. */
PB_MUST_USE int access_log_check(const char *path, struct pb_error *err);
/* Reopens the file by its path, after a rotation. Does nothing for standard output. */
PB_MUST_USE int access_log_reopen(struct access_log *log, struct pb_error *err);
/* Writes what is left, for at most LOG_CLOSE_MS. Returns how many batches were dropped since the log was
 * opened. Accepts NULL. */
uint64_t access_log_close(struct access_log *log);

/* Bytes. LOG_LINE_MAX: four fields from the client, each cut to LOG_FIELD_MAX, and 512 bytes of our own. */
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

/* Passes the batch to the writer thread; *batch becomes NULL. Either may be NULL. */
void access_log_flush(struct access_log *log, struct log_batch **batch);

/* A line is made in two steps: the bytes sent are known only at the end of the reply. */
struct log_line {
    uint16_t before, after; /* lengths of the text before and after the byte count */
    char text[LOG_LINE_MAX];
};
/* `now`: Unix seconds. */
void log_line_start(struct log_line *line, enum log_format format, int64_t now, const struct sockaddr *peer,
                    const struct access *access, int status);
/* Adds the line to the batch, which is created or flushed as needed. */
void log_line_finish(struct access_log *log, struct log_batch **batch, const struct log_line *line,
                     uint64_t bytes);

#endif
