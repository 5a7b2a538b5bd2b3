/* 7z and zip archives with the one member that matters, written to and read from callbacks (libarchive). */
#ifndef PB_CODEC_ARCHIVE_H
#define PB_CODEC_ARCHIVE_H

#include "base/bytes.h"

enum archive_format { ARCHIVE_7Z, ARCHIVE_ZIP };

/* Takes bytes as they are made. A negative return stops the work and is its result. */
typedef int archive_sink_fn(void *arg, const void *p, size_t n, struct pb_error *err);

/*
 * A writer makes an archive with one member. The same input gives the same archive (no time stamps). Memory
 * is that of the compressor; libarchive keeps a 7z under way in an unlinked file in TMPDIR (else /tmp), as
 * large as the archive, and the sink gets it all at the end.
 */
struct archive_writer;
PB_MUST_USE int archive_writer_open(enum archive_format format, int level, const char *member, uint64_t size,
                                    archive_sink_fn *sink, void *arg, struct archive_writer **out,
                                    struct pb_error *err);
PB_MUST_USE int archive_writer_add(struct archive_writer *w, const void *p, size_t n, struct pb_error *err);
/* Writes what is left. PB_INVALID when fewer bytes than `size` were added. */
PB_MUST_USE int archive_writer_finish(struct archive_writer *w, struct pb_error *err);
void archive_writer_free(struct archive_writer *w); /* NULL does no harm */

/* Gives a pointer to bytes of the archive from `offset` (which is below the archive's size): at least one,
 * valid until the next call. */
typedef int archive_source_fn(void *arg, uint64_t offset, const void **p, size_t *n, struct pb_error *err);

struct archive_input {
    archive_source_fn *source;
    void *arg;
    uint64_t size; /* of the whole archive */
};

/*
 * Finds `member` (its last path component, ASCII case ignored) and gives its bytes to the sink. More than
 * `limit` bytes, or a member that says it has more: PB_DAMAGED, and no more than `limit` bytes reach the
 * sink. Members before it may unpack to ARCHIVE_OTHERS_MAX bytes in all, so that no archive keeps us busy for
 * ever.
 */
PB_MUST_USE int archive_extract(enum archive_format format, const struct archive_input *input,
                                const char *member, uint64_t limit, archive_sink_fn *sink, void *arg,
                                struct pb_error *err);

#endif
