/* The 7z container's own numbers, shared by its writer and its reader (docs/formats/opensauce.md). */
#ifndef PB_CODEC_SEVENZIP_H
#define PB_CODEC_SEVENZIP_H

#include <stdint.h>

enum { SEVENZIP_START = 32 /* bytes of the signature header; packed streams follow */, SEVENZIP_MARK = 6 };

static const uint8_t sevenzip_mark[SEVENZIP_MARK] = {'7', 'z', 0xbc, 0xaf, 0x27, 0x1c};

/* Property IDs: what begins a part of the header. */
enum sevenzip_id {
    SEVENZIP_END = 0x00,
    SEVENZIP_HEADER = 0x01,
    SEVENZIP_MAIN_STREAMS = 0x04,
    SEVENZIP_FILES = 0x05,
    SEVENZIP_PACK_INFO = 0x06,
    SEVENZIP_UNPACK_INFO = 0x07,
    SEVENZIP_SUBSTREAMS = 0x08,
    SEVENZIP_SIZE = 0x09,
    SEVENZIP_CRC = 0x0a,
    SEVENZIP_FOLDER = 0x0b,
    SEVENZIP_UNPACK_SIZE = 0x0c,
    SEVENZIP_NUM_STREAMS = 0x0d,
    SEVENZIP_EMPTY_STREAM = 0x0e,
    SEVENZIP_EMPTY_FILE = 0x0f,
    SEVENZIP_ANTI = 0x10,
    SEVENZIP_NAMES = 0x11,
    SEVENZIP_ATTRIBUTES = 0x15,
    SEVENZIP_PACKED_HEADER = 0x17,
};

/* Coder IDs, as numbers of their bytes. */
enum sevenzip_coder_id {
    SEVENZIP_COPY = 0x00,
    SEVENZIP_LZMA2 = 0x21,
    SEVENZIP_LZMA = 0x030101,
    SEVENZIP_PPMD = 0x030401,
};

static inline uint64_t sevenzip_get64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 8; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

#endif
