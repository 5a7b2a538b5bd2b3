/* The sections of a 7z header, parsed strictly, and only as far as limits and the simplest archive need it.
 * Pure: bytes in, values out. Hostile input: every loop ends with the bytes, and every count has a ceiling.
 */
#ifndef PB_CODEC_SEVENZIP_PARSE_H
#define PB_CODEC_SEVENZIP_PARSE_H

#include "codec/archive.h"
#include "codec/sevenzip.h"

struct sevenzip_cursor {
    const uint8_t *p;
    size_t n;
    bool bad; /* read behind the end, or a number was too large: everything from then on is zero */
};

/* Is this what comes next? Then it is taken; else, for expect_id, the header is bad. */
bool sevenzip_get_id(struct sevenzip_cursor *c, enum sevenzip_id id);
void sevenzip_expect_id(struct sevenzip_cursor *c, enum sevenzip_id id);

struct sevenzip_streams {
    uint64_t limit;
    uint64_t pack_start, pack_count, pack_size; /* pack_size: the first */
    uint64_t folder_count;
    uint64_t substreams;               /* of all folders */
    uint64_t memory;                   /* the largest of any folder */
    uint8_t outs[ARCHIVE_MEMBERS_MAX]; /* of each folder's coders */
    bool crcs[ARCHIVE_MEMBERS_MAX];    /* has the folder a CRC? */
    /* Of the first folder: */
    uint64_t coder; /* its ID, if it is the only one */
    unsigned coder_count;
    struct sevenzip_cursor properties;
    uint64_t size; /* of what it unpacks to, when it has one coder */
    bool has_crc;
    uint32_t crc32;
};

/* What follows SEVENZIP_MAIN_STREAMS or SEVENZIP_PACKED_HEADER. s->limit is set, the rest zero. */
void sevenzip_get_streams(struct sevenzip_cursor *c, struct sevenzip_streams *s);

struct sevenzip_files {
    uint64_t count;
    bool has_empty;              /* entries without a stream: folders and empty files */
    bool regular;                /* the first is a file, as far as its attributes say */
    struct sevenzip_cursor name; /* of the first: UTF-16, little-endian */
};

/* What follows SEVENZIP_FILES. Ends early, when there are more than ARCHIVE_MEMBERS_MAX. */
void sevenzip_get_files(struct sevenzip_cursor *c, struct sevenzip_files *f);

/* Is the last component of the name `member`, without regard to ASCII case? */
bool sevenzip_name_is(struct sevenzip_cursor name, const char *member);

#endif
