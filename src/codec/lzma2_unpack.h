/* Unpacking an LZMA2 stream with several threads into a file. The stream's own chunk headers say where the
 * dictionary is reset; what lies between two resets is a block, which any thread can unpack alone. May begin
 * before the whole stream is there, and then follows what arrives. */
#ifndef PB_CODEC_LZMA2_UNPACK_H
#define PB_CODEC_LZMA2_UNPACK_H

#include "base/digest.h"
#include "codec/archive.h"

struct lzma2_unpacker;

/*
 * Starts the threads. The stream begins at `start` of the archive; it unpacks to `limit` bytes at most, into
 * `fd` from its beginning, which is open for reading and writing. Of the archive, `available` bytes can be
 * read now. Each thread opens an input of its own.
 */
PB_MUST_USE int lzma2_unpack_begin(const struct archive_opener *opener, uint64_t start, uint64_t available,
                                   uint64_t limit, int fd, struct lzma2_unpacker **out, struct pb_error *err);
/* More can be read. */
void lzma2_unpack_feed(struct lzma2_unpacker *u, uint64_t available);

struct lzma2_unpacked {
    struct digest_result digest; /* MD5, CRC-32 and size of the whole */
    uint64_t end;                /* of the stream in the archive */
};

/* Waits for the end of the stream, all of which can be read by now. PB_DAMAGED: it is not LZMA2, or unpacks
 * to more than the limit, or wants a larger dictionary than SEVENZIP_DICTIONARY_MAX. */
PB_MUST_USE int lzma2_unpack_finish(struct lzma2_unpacker *u, archive_progress_fn *progress, void *arg,
                                    struct lzma2_unpacked *out, struct pb_error *err);
/* Stops the threads, if they still work. Accepts NULL. */
void lzma2_unpack_free(struct lzma2_unpacker *u);

#endif
