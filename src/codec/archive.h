/* 7z and zip archives: writing an archive with one member, and extracting one member. Data goes through
 * callbacks. */
#ifndef PB_CODEC_ARCHIVE_H
#define PB_CODEC_ARCHIVE_H

#include "base/bytes.h"

enum archive_format { ARCHIVE_7Z, ARCHIVE_ZIP };

/* Receives bytes in order. A negative return value stops the work and is its result. */
typedef int archive_sink_fn(void *arg, const void *p, size_t n, struct pb_error *err);

/* Is told how many bytes of the member are done. A negative return value stops the work and is its result. */
typedef int archive_progress_fn(void *arg, uint64_t done, struct pb_error *err);

/*
 * Writes an archive with one member. The same input gives the same archive: there are no time stamps, and the
 * number of cores makes no difference. A 7z is packed with all cores (lzma2_pack.h), in up to 1.5 GiB of
 * memory; it waits in `spool`, an empty file without a name that becomes the writer's in any case (-1: one in
 * TMPDIR, else /tmp), and the sink receives it at the end. A 7z of no bytes is PB_INVALID.
 */
struct archive_writer;
PB_MUST_USE int archive_writer_open(enum archive_format format, int level, const char *member, uint64_t size,
                                    int spool, archive_sink_fn *sink, void *arg, struct archive_writer **out,
                                    struct pb_error *err);
/* The functions below call `progress` now and then, at least ten times a second while they wait for other
 * threads. */
void archive_writer_watch(struct archive_writer *w, archive_progress_fn *progress, void *arg);
PB_MUST_USE int archive_writer_add(struct archive_writer *w, const void *p, size_t n, struct pb_error *err);
/* Completes the archive. PB_INVALID: fewer than `size` bytes were added. */
PB_MUST_USE int archive_writer_finish(struct archive_writer *w, struct pb_error *err);
void archive_writer_free(struct archive_writer *w); /* accepts NULL */

/* Returns a pointer to at least one byte of the archive at `offset`, which is below its size. Valid until the
 * next call. */
typedef int archive_source_fn(void *arg, uint64_t offset, const void **p, size_t *n, struct pb_error *err);

struct archive_input {
    archive_source_fn *source;
    void *arg;
    uint64_t size; /* of the whole archive */
};

/* Opens inputs of one archive: each thread that reads has its own. Called from any of them. */
struct archive_opener {
    int (*open)(void *arg, struct archive_input *out, struct pb_error *err);
    void (*close)(void *arg, struct archive_input *in);
    void *arg;
};

/* Members that have to be looked at on the way to the one that is wanted: at most so many, with so many bytes
 * in all. */
enum { ARCHIVE_MEMBERS_MAX = 256, ARCHIVE_OTHERS_MAX = 64 * 1024 * 1024 };

/*
 * Finds `member`, by its last path component and without regard to ASCII case, and passes its bytes to the
 * sink. PB_DAMAGED: the archive is damaged, or the member has more than `limit` bytes; the sink receives at
 * most `limit`. Members before it may unpack to ARCHIVE_OTHERS_MAX bytes in all, which bounds the time. A
 * 7z's header is read first (sevenzip_read.h), which bounds the memory.
 */
PB_MUST_USE int archive_extract(enum archive_format format, const struct archive_input *input,
                                const char *member, uint64_t limit, archive_sink_fn *sink, void *arg,
                                struct pb_error *err);

#endif
