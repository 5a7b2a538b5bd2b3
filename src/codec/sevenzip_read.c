/* The 7z header: found, unpacked where it is packed, and judged. libarchive, which gets the archive
 * afterwards, makes tables and dictionaries of whatever size the header says. */
#include "codec/sevenzip_read.h"

#include "base/digest.h"
#include "codec/sevenzip_parse.h"

#include <lzma.h>

enum { ANY_DICTIONARY = 64 << 20 /* older packers wrote the level's dictionary, however small the file */ };

/* Copies bytes out of the archive. */
static int input_read(const struct archive_input *in, uint64_t at, uint8_t *out, size_t n,
                      struct pb_error *err)
{
    while (n > 0) {
        const void *p = NULL;
        size_t step = 0;
        int rc = in->source(in->arg, at, &p, &step, err);
        if (rc < 0)
            return rc;
        step = step < n ? step : n;
        memcpy(out, p, step);
        out += step;
        at += step;
        n -= step;
    }
    return PB_OK;
}

static int header_fault(struct pb_error *err, const char *why)
{
    return error_set(err, PB_DAMAGED, "the archive is damaged: %s", why);
}

static bool crc_is(const void *p, size_t n, uint32_t crc)
{
    struct digest_result r;
    return digest_bytes(DIGEST_CRC32, p, n, &r, NULL) == PB_OK && r.crc32 == crc;
}

struct bytes {
    uint8_t *p;
    size_t n;
};

/* Finds the header by the signature header, and reads it. *end: where the packed streams end. */
static int header_load(const struct archive_input *in, struct bytes *out, uint64_t *end, struct pb_error *err)
{
    enum { OWN_CRC = 8, OFFSET = 12, SIZE = 20, CRC = 28 };
    uint8_t start[SEVENZIP_START];
    if (in->size < SEVENZIP_START)
        return header_fault(err, "it is too short for a 7z");
    int rc = input_read(in, 0, start, sizeof start, err);
    if (rc < 0)
        return rc;
    if (memcmp(start, sevenzip_mark, SEVENZIP_MARK) != 0)
        return header_fault(err, "it is no 7z");
    if (!crc_is(start + OFFSET, SEVENZIP_START - OFFSET, get_le32(start + OWN_CRC)))
        return header_fault(err, "the CRC of its beginning is wrong");
    uint64_t room = in->size - SEVENZIP_START, offset = sevenzip_get64(start + OFFSET);
    uint64_t size = sevenzip_get64(start + SIZE);
    if (offset > room || size > room - offset || size == 0)
        return header_fault(err, "its header is not within it");
    if (size > SEVENZIP_HEADER_MAX)
        return header_fault(err, "its header is too large");
    *end = SEVENZIP_START + offset;
    *out = (struct bytes){malloc(size), (size_t)size};
    if (out->p == NULL)
        return error_memory(err);
    rc = input_read(in, *end, out->p, out->n, err);
    if (rc == PB_OK && !crc_is(out->p, out->n, get_le32(start + CRC)))
        rc = header_fault(err, "the CRC of its header is wrong");
    return rc;
}

/* The most that a coder may ask for, where the member has so many bytes. */
static uint64_t memory_max(uint64_t limit)
{
    uint64_t most = limit > ANY_DICTIONARY / 2 ? 2 * limit : ANY_DICTIONARY;
    return most < SEVENZIP_DICTIONARY_MAX ? most : SEVENZIP_DICTIONARY_MAX;
}

static int memory_check(const struct sevenzip_streams *s, uint64_t limit, struct pb_error *err)
{
    /* BCJ2's two small streams have dictionaries of 1 MiB each. */
    enum { SIDE_STREAMS = 4 << 20 };
    if (s->memory > memory_max(limit) + SIDE_STREAMS)
        return error_set(err, PB_DAMAGED,
                         "the archive wants a dictionary of %llu MiB, for a file of %llu bytes",
                         (unsigned long long)(s->memory >> 20), (unsigned long long)limit);
    return PB_OK;
}

static bool streams_within(const struct sevenzip_streams *s, uint64_t end)
{
    uint64_t room = end - SEVENZIP_START;
    return s->pack_start <= room && s->pack_size <= room - s->pack_start;
}

/* Decodes LZMA or LZMA2 in memory: until `out` is full, as LZMA needs no mark at its end. */
static int raw_decode(const struct sevenzip_streams *s, const struct bytes *in, struct bytes *out,
                      struct pb_error *err)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_filter filters[] = {{s->coder == SEVENZIP_LZMA ? LZMA_FILTER_LZMA1 : LZMA_FILTER_LZMA2, NULL},
                             {LZMA_VLI_UNKNOWN, NULL}};
    lzma_ret ret = lzma_properties_decode(&filters[0], NULL, s->properties.p, s->properties.n);
    if (ret == LZMA_OK) {
        lzma_options_lzma *options = filters[0].options;
        if (options->dict_size > out->n) /* more is never looked at */
            options->dict_size = out->n < LZMA_DICT_SIZE_MIN ? LZMA_DICT_SIZE_MIN : (uint32_t)out->n;
        ret = lzma_raw_decoder(&stream, filters);
    }
    free(filters[0].options);
    stream.next_in = in->p;
    stream.avail_in = in->n;
    stream.next_out = out->p;
    stream.avail_out = out->n;
    while (ret == LZMA_OK && stream.avail_out > 0)
        ret = lzma_code(&stream, LZMA_RUN);
    bool full = stream.avail_out == 0;
    lzma_end(&stream);
    return full                    ? PB_OK
           : ret == LZMA_MEM_ERROR ? error_memory(err)
                                   : header_fault(err, "its packed header does not unpack");
}

/* Takes the place of a header that is packed, which most are. */
static int header_unpack(const struct archive_input *in, uint64_t end, struct bytes *header,
                         struct pb_error *err)
{
    struct sevenzip_streams s = {.limit = SEVENZIP_HEADER_MAX};
    struct sevenzip_cursor c = {.p = header->p + 1, .n = header->n - 1};
    sevenzip_get_streams(&c, &s);
    if (c.bad || !streams_within(&s, end) || s.folder_count != 1 || s.substreams != 1)
        return header_fault(err, "its header is malformed");
    int rc = memory_check(&s, SEVENZIP_HEADER_MAX, err);
    if (rc < 0)
        return rc;
    if (s.coder_count != 1 || (s.coder != SEVENZIP_LZMA && s.coder != SEVENZIP_LZMA2))
        return header_fault(err, "its header is encrypted, or packed in another way than with LZMA");
    if (s.size == 0 || s.size > SEVENZIP_HEADER_MAX || s.pack_size > SEVENZIP_HEADER_MAX)
        return header_fault(err, "its header is too large");
    struct bytes packed = {malloc(s.pack_size + 1), (size_t)s.pack_size};
    struct bytes plain = {malloc(s.size), (size_t)s.size};
    rc = packed.p == NULL || plain.p == NULL ? error_memory(err) : PB_OK;
    if (rc == PB_OK)
        rc = input_read(in, SEVENZIP_START + s.pack_start, packed.p, packed.n, err);
    if (rc == PB_OK)
        rc = raw_decode(&s, &packed, &plain, err);
    if (rc == PB_OK && s.has_crc && !crc_is(plain.p, plain.n, s.crc32))
        rc = header_fault(err, "the CRC of its packed header is wrong");
    free(packed.p);
    free(header->p);
    *header = plain;
    return rc;
}

static int header_parse(const struct bytes *header, const char *member, uint64_t limit, uint64_t end,
                        struct sevenzip *out, struct pb_error *err)
{
    struct sevenzip_cursor c = {.p = header->p, .n = header->n};
    struct sevenzip_streams s = {.limit = limit};
    struct sevenzip_files f = {0};
    sevenzip_expect_id(&c, SEVENZIP_HEADER);
    if (sevenzip_get_id(&c, SEVENZIP_MAIN_STREAMS))
        sevenzip_get_streams(&c, &s);
    if (sevenzip_get_id(&c, SEVENZIP_FILES))
        sevenzip_get_files(&c, &f);
    if (f.count > ARCHIVE_MEMBERS_MAX)
        return error_set(err, PB_DAMAGED, "the archive holds too much: more than %d files and folders",
                         ARCHIVE_MEMBERS_MAX);
    sevenzip_expect_id(&c, SEVENZIP_END);
    if (c.bad || !streams_within(&s, end))
        return header_fault(err, "its header is malformed");
    out->simple = f.count == 1 && !f.has_empty && s.folder_count == 1 && s.substreams == 1 &&
                  s.pack_count == 1 && s.coder_count == 1 && s.coder == SEVENZIP_LZMA2;
    out->pack_start = SEVENZIP_START + s.pack_start;
    out->pack_size = s.pack_size;
    out->size = s.size;
    out->has_crc = s.has_crc;
    out->crc32 = s.crc32;
    out->named = f.regular && sevenzip_name_is(f.name, member);
    return memory_check(&s, limit, err);
}

int sevenzip_read(const struct archive_input *input, const char *member, uint64_t limit, struct sevenzip *out,
                  struct pb_error *err)
{
    struct bytes header = {0};
    uint64_t end = 0;
    *out = (struct sevenzip){0};
    int rc = header_load(input, &header, &end, err);
    if (rc == PB_OK && header.p[0] == SEVENZIP_PACKED_HEADER)
        rc = header_unpack(input, end, &header, err);
    if (rc == PB_OK)
        rc = header_parse(&header, member, limit, end, out, err);
    free(header.p);
    return rc;
}
