/* Unpacking one member of an archive into a file: with several threads, and while the archive still arrives,
 * where it is a 7z of one LZMA2 stream; else as archive_extract does it. */
#ifndef PB_CODEC_ARCHIVE_UNPACK_H
#define PB_CODEC_ARCHIVE_UNPACK_H

#include "base/digest.h"
#include "codec/archive.h"

struct archive_unpack {
    enum archive_format format;
    struct archive_opener opener;
    const char *member;
    uint64_t limit; /* bytes that the member may have */
    int fd;         /* an empty file, open for reading and writing */
};

/* Zero before; archive_unpacker_end in any case. */
struct archive_unpacker {
    struct lzma2_unpacker *stream; /* NULL: not begun, or it can't be unpacked in this way */
};

/* The first `available` bytes of the archive can be read; more than before. Begins when there are enough.
 * Returns at once. */
PB_MUST_USE int archive_unpack_feed(struct archive_unpacker *u, const struct archive_unpack *what,
                                    uint64_t available, struct pb_error *err);
/* All can be read: unpacks the rest, or everything. `result` gets MD5, CRC-32 and size. Errors are those of
 * archive_extract. */
PB_MUST_USE int archive_unpack_finish(struct archive_unpacker *u, const struct archive_unpack *what,
                                      archive_progress_fn *progress, void *arg, struct digest_result *result,
                                      struct pb_error *err);
void archive_unpacker_end(struct archive_unpacker *u); /* stops its threads; may be called twice */

#endif
