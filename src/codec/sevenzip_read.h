/* Reading the header of a hostile 7z: what it would cost to open it, and where its one LZMA2 stream is, if it
 * is that simple. Unpacks no member. */
#ifndef PB_CODEC_SEVENZIP_READ_H
#define PB_CODEC_SEVENZIP_READ_H

#include "codec/archive.h"

enum {
    SEVENZIP_HEADER_MAX = 1 << 20, /* bytes of a header, packed or not; 256 members need 150 kB at most */
    SEVENZIP_DICTIONARY_MAX = 256 << 20, /* what 7-Zip's highest level takes */
};

struct sevenzip {
    bool simple;                    /* one member, of one LZMA2 stream; the rest is set then */
    uint64_t pack_start, pack_size; /* of the stream in the archive */
    uint64_t size;                  /* of the member */
    bool has_crc;
    uint32_t crc32;
    bool named; /* the member has the name that was asked for */
};

/*
 * Parses the header. `limit`: bytes of the member as announced. PB_DAMAGED when it is no header; when it has
 * more than ARCHIVE_MEMBERS_MAX members or folders; or when a coder wants more memory than such a member can
 * need: a dictionary above SEVENZIP_DICTIONARY_MAX, or above 64 MiB and twice the limit.
 */
PB_MUST_USE int sevenzip_read(const struct archive_input *input, const char *member, uint64_t limit,
                              struct sevenzip *out, struct pb_error *err);

#endif
