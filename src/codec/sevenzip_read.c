/* The 7z header, parsed strictly and only as far as limits need it. libarchive, which gets the archive
 * afterwards, makes tables and dictionaries of whatever size the header says. */
#include "codec/sevenzip_read.h"

#include "base/digest.h"
#include "base/path.h"
#include "codec/sevenzip.h"

#include <lzma.h>

enum {
    STREAMS_MAX = 32,          /* in and out of the coders of one folder, each */
    ANY_DICTIONARY = 64 << 20, /* older packers wrote the level's dictionary, however small the file */
    NAME_UNITS_MAX = 1024,
};

/* ---- bytes of the header ---- */

struct cursor {
    const uint8_t *p;
    size_t n;
    bool bad; /* read behind the end, or a number was too large: everything from then on is zero */
};

static unsigned get_byte(struct cursor *c)
{
    if (c->n == 0) {
        c->bad = true;
        return 0;
    }
    c->n--;
    return *c->p++;
}

/* The first byte's leading ones tell how many bytes follow; its other bits are the number's highest. */
static uint64_t get_number(struct cursor *c)
{
    unsigned first = get_byte(c), more = 0;
    uint64_t v = 0;
    for (; more < 8 && (first & (0x80u >> more)) != 0; more++)
        v |= (uint64_t)get_byte(c) << (8 * more);
    if (more < 7)
        v |= (uint64_t)(first & ((0x80u >> more) - 1)) << (8 * more);
    return c->bad ? 0 : v;
}

/* A number of things, at most `most`. */
static uint64_t get_count(struct cursor *c, uint64_t most)
{
    uint64_t v = get_number(c);
    if (v > most)
        c->bad = true;
    return c->bad ? 0 : v;
}

static struct cursor get_bytes(struct cursor *c, uint64_t n)
{
    if (n > c->n)
        c->bad = true;
    if (c->bad)
        return (struct cursor){.bad = true};
    struct cursor taken = {.p = c->p, .n = (size_t)n};
    c->p += n;
    c->n -= (size_t)n;
    return taken;
}

/* Is this what comes next? Then it is taken. */
static bool get_id(struct cursor *c, enum sevenzip_id id)
{
    if (c->bad || c->n == 0 || *c->p != id)
        return false;
    get_byte(c);
    return true;
}

static void expect_id(struct cursor *c, enum sevenzip_id id)
{
    if (!get_id(c, id))
        c->bad = true;
}

/* One bit for each of n things, unless the byte before says that it is all of them. Returns how many bits are
 * set; `each` may be NULL. */
static uint64_t get_bits(struct cursor *c, uint64_t n, bool *each)
{
    struct cursor bits = {0};
    uint64_t set = 0;
    bool all = get_byte(c) != 0;
    if (!all)
        bits = get_bytes(c, (n + 7) / 8);
    for (uint64_t i = 0; !c->bad && i < n; i++) {
        bool one = all || (bits.p[i / 8] & (0x80u >> i % 8)) != 0;
        set += one;
        if (each != NULL)
            each[i] = one;
    }
    return set;
}

/* ---- streams and folders ---- */

struct streams {
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
    struct cursor properties;
    uint64_t size; /* of what it unpacks to, when it has one coder */
    bool has_crc;
    uint32_t crc32;
};

static uint64_t lzma2_dictionary(unsigned property)
{
    return property > 40    ? UINT64_MAX
           : property == 40 ? UINT32_MAX
                            : (uint64_t)(2 | (property & 1)) << (property / 2 + 11);
}

/* The memory that a coder asks for, where its properties say it. */
static uint64_t coder_memory(uint64_t id, struct cursor properties)
{
    if (id == SEVENZIP_LZMA2 && properties.n == 1)
        return lzma2_dictionary(properties.p[0]);
    if ((id == SEVENZIP_LZMA || id == SEVENZIP_PPMD) && properties.n >= 5)
        return get_le32(properties.p + 1);
    return 0;
}

struct folder {
    unsigned coders, in, out;
    uint64_t memory;
    uint64_t id; /* of the last coder */
    struct cursor properties;
};

static void coder_parse(struct cursor *c, struct folder *f)
{
    enum { ID_SIZE = 0x0f, COMPLEX = 0x10, PROPERTIES = 0x20, RESERVED = 0xc0 };
    unsigned flags = get_byte(c);
    struct cursor id = get_bytes(c, flags & ID_SIZE);
    c->bad |= (flags & RESERVED) != 0 || id.n > 8;
    f->id = 0;
    for (size_t i = 0; !c->bad && i < id.n; i++)
        f->id = f->id << 8 | id.p[i];
    f->in += (flags & COMPLEX) != 0 ? (unsigned)get_count(c, STREAMS_MAX) : 1;
    f->out += (flags & COMPLEX) != 0 ? (unsigned)get_count(c, STREAMS_MAX) : 1;
    f->properties = (flags & PROPERTIES) != 0 ? get_bytes(c, get_number(c)) : (struct cursor){0};
    uint64_t memory = c->bad ? 0 : coder_memory(f->id, f->properties);
    f->memory = memory > UINT64_MAX - f->memory ? UINT64_MAX : f->memory + memory;
}

static void folder_parse(struct cursor *c, struct folder *f)
{
    *f = (struct folder){0};
    f->coders = (unsigned)get_count(c, STREAMS_MAX);
    for (unsigned i = 0; !c->bad && i < f->coders; i++)
        coder_parse(c, f);
    c->bad |=
        f->coders == 0 || f->out == 0 || f->in + 1 < f->out || f->in > STREAMS_MAX || f->out > STREAMS_MAX;
    if (c->bad)
        return;
    for (unsigned i = 0; i < f->out - 1; i++) {
        get_count(c, STREAMS_MAX);
        get_count(c, STREAMS_MAX);
    }
    unsigned packed = f->in - (f->out - 1);
    for (unsigned i = 0; packed > 1 && i < packed; i++)
        get_count(c, STREAMS_MAX);
}

static void pack_info_parse(struct cursor *c, struct streams *s)
{
    s->pack_start = get_number(c);
    s->pack_count = get_count(c, (uint64_t)ARCHIVE_MEMBERS_MAX * STREAMS_MAX);
    if (get_id(c, SEVENZIP_SIZE)) {
        for (uint64_t i = 0; !c->bad && i < s->pack_count; i++) {
            uint64_t size = get_number(c);
            if (i == 0)
                s->pack_size = size;
        }
    }
    if (get_id(c, SEVENZIP_CRC))
        get_bytes(c, 4 * get_bits(c, s->pack_count, NULL));
    expect_id(c, SEVENZIP_END);
}

/* What libarchive unpacks into memory, and not as a stream, is all but the largest stream of a folder of
 * several coders (BCJ2): none of these may be larger than the member, and what may come before it. */
static void folder_sizes_parse(struct cursor *c, const struct streams *s, unsigned out, uint64_t *first)
{
    uint64_t largest = 0, second = 0;
    for (unsigned i = 0; !c->bad && i < out; i++) {
        uint64_t size = get_number(c);
        if (i == 0)
            *first = size;
        if (size > largest) {
            second = largest;
            largest = size;
        } else if (size > second) {
            second = size;
        }
    }
    c->bad |= out > 2 && second > s->limit + ARCHIVE_OTHERS_MAX;
}

/* A first CRC is kept: it is the member's, if there is only one. */
static void crcs_parse(struct cursor *c, struct streams *s, uint64_t n, bool *each)
{
    uint64_t set = get_bits(c, n, each);
    struct cursor crcs = get_bytes(c, 4 * set);
    s->has_crc = !crcs.bad && n == 1 && set == 1;
    s->crc32 = s->has_crc ? get_le32(crcs.p) : 0;
}

static void unpack_info_parse(struct cursor *c, struct streams *s)
{
    expect_id(c, SEVENZIP_FOLDER);
    s->folder_count = get_count(c, ARCHIVE_MEMBERS_MAX);
    c->bad |= get_byte(c) != 0; /* folders elsewhere: no packer writes that */
    for (uint64_t i = 0; !c->bad && i < s->folder_count; i++) {
        struct folder f;
        folder_parse(c, &f);
        s->outs[i] = (uint8_t)f.out;
        if (f.memory > s->memory)
            s->memory = f.memory;
        if (i == 0) {
            s->coder_count = f.coders;
            s->coder = f.id;
            s->properties = f.properties;
        }
    }
    expect_id(c, SEVENZIP_UNPACK_SIZE);
    for (uint64_t i = 0; !c->bad && i < s->folder_count; i++) {
        uint64_t first = 0;
        folder_sizes_parse(c, s, s->outs[i], &first);
        if (i == 0)
            s->size = first;
    }
    if (get_id(c, SEVENZIP_CRC))
        crcs_parse(c, s, s->folder_count, s->crcs);
    expect_id(c, SEVENZIP_END);
    s->substreams = s->folder_count;
}

static void substreams_parse(struct cursor *c, struct streams *s)
{
    uint64_t counts[ARCHIVE_MEMBERS_MAX], without_crc = 0;
    bool counted = get_id(c, SEVENZIP_NUM_STREAMS);
    s->substreams = 0;
    for (uint64_t i = 0; !c->bad && i < s->folder_count; i++) {
        counts[i] = counted ? get_count(c, ARCHIVE_MEMBERS_MAX) : 1;
        s->substreams += counts[i];
        without_crc += counts[i] == 1 && s->crcs[i] ? 0 : counts[i];
    }
    c->bad |= s->substreams > ARCHIVE_MEMBERS_MAX;
    if (get_id(c, SEVENZIP_SIZE)) {
        for (uint64_t i = 0; !c->bad && i < s->folder_count; i++) {
            for (uint64_t k = 1; !c->bad && k < counts[i]; k++)
                get_number(c);
        }
    }
    if (get_id(c, SEVENZIP_CRC))
        crcs_parse(c, s, without_crc, NULL);
    expect_id(c, SEVENZIP_END);
}

static void streams_parse(struct cursor *c, struct streams *s)
{
    if (get_id(c, SEVENZIP_PACK_INFO))
        pack_info_parse(c, s);
    if (get_id(c, SEVENZIP_UNPACK_INFO))
        unpack_info_parse(c, s);
    if (get_id(c, SEVENZIP_SUBSTREAMS))
        substreams_parse(c, s);
    expect_id(c, SEVENZIP_END);
}

/* ---- members ---- */

struct files {
    uint64_t count;
    bool has_empty;     /* entries without a stream: folders and empty files */
    bool regular;       /* the first is a file, as far as its attributes say */
    struct cursor name; /* of the first: UTF-16, little-endian */
};

static void names_parse(struct cursor c, struct files *f)
{
    size_t n = 0;
    if (get_byte(&c) != 0) /* names elsewhere */
        return;
    while (n + 1 < c.n && (c.p[n] != 0 || c.p[n + 1] != 0))
        n += 2;
    f->name = (struct cursor){.p = c.p, .n = n};
}

static void attributes_parse(struct cursor c, struct files *f)
{
    enum { FOLDER = 0x10, UNIX = 0x8000, TYPE = 0170000, REGULAR = 0100000 };
    bool each[ARCHIVE_MEMBERS_MAX] = {false};
    get_bits(&c, f->count, each);
    if (get_byte(&c) != 0 || c.n < 4 || !each[0])
        return;
    uint32_t a = get_le32(c.p);
    f->regular = (a & FOLDER) == 0 && ((a & UNIX) == 0 || ((a >> 16) & TYPE) == REGULAR);
}

static void files_parse(struct cursor *c, struct files *f)
{
    f->count = get_number(c);
    f->regular = true;
    if (f->count > ARCHIVE_MEMBERS_MAX)
        return;
    while (!c->bad) {
        unsigned id = get_byte(c);
        if (id == SEVENZIP_END)
            return;
        struct cursor section = get_bytes(c, get_number(c));
        if (section.bad)
            return;
        f->has_empty |= id == SEVENZIP_EMPTY_STREAM;
        if (id == SEVENZIP_NAMES)
            names_parse(section, f);
        if (id == SEVENZIP_ATTRIBUTES)
            attributes_parse(section, f);
    }
}

/* UTF-16 to UTF-8, as far as a name of a map needs it: a pair of surrogates is no such name. */
static bool name_is(struct cursor name, const char *member)
{
    _cleanup_buffer_ struct buffer text;
    buffer_init(&text, 3 * NAME_UNITS_MAX);
    if (name.n / 2 > NAME_UNITS_MAX)
        return false;
    for (size_t i = 0; i + 1 < name.n; i += 2) {
        unsigned u = name.p[i] | (unsigned)name.p[i + 1] << 8, n = 0;
        char out[3];
        if (u >= 0x800)
            out[n++] = (char)(0xe0 | u >> 12);
        if (u >= 0x80)
            out[n++] = (char)(u >= 0x800 ? 0x80 | (u >> 6 & 0x3f) : 0xc0 | u >> 6);
        out[n++] = (char)(u >= 0x80 ? 0x80 | (u & 0x3f) : u);
        buffer_append(&text, out, n);
    }
    return !text.failed && text.n > 0 &&
           slice_equal_nocase(path_base((struct slice){text.p, text.n}), slice_of(member));
}

/* ---- the header as a whole ---- */

/* Copies bytes out of the archive. */
static int input_read(const struct archive_input *in, uint64_t at, uint8_t *out, size_t n,
                      struct pb_error *err)
{
    while (n > 0) {
        const void *p;
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

static int memory_check(const struct streams *s, uint64_t limit, struct pb_error *err)
{
    /* BCJ2's two small streams have dictionaries of 1 MiB each. */
    enum { SIDE_STREAMS = 4 << 20 };
    if (s->memory > memory_max(limit) + SIDE_STREAMS)
        return error_set(err, PB_DAMAGED,
                         "the archive wants a dictionary of %llu MiB, for a file of %llu bytes",
                         (unsigned long long)(s->memory >> 20), (unsigned long long)limit);
    return PB_OK;
}

static bool streams_within(const struct streams *s, uint64_t end)
{
    uint64_t room = end - SEVENZIP_START;
    return s->pack_start <= room && s->pack_size <= room - s->pack_start;
}

/* Decodes LZMA or LZMA2 in memory: until `out` is full, as LZMA needs no mark at its end. */
static int raw_decode(const struct streams *s, const struct bytes *in, struct bytes *out,
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
    struct streams s = {.limit = SEVENZIP_HEADER_MAX};
    struct cursor c = {.p = header->p + 1, .n = header->n - 1};
    streams_parse(&c, &s);
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
    struct cursor c = {.p = header->p, .n = header->n};
    struct streams s = {.limit = limit};
    struct files f = {0};
    expect_id(&c, SEVENZIP_HEADER);
    if (get_id(&c, SEVENZIP_MAIN_STREAMS))
        streams_parse(&c, &s);
    if (get_id(&c, SEVENZIP_FILES))
        files_parse(&c, &f);
    if (f.count > ARCHIVE_MEMBERS_MAX)
        return error_set(err, PB_DAMAGED, "the archive holds too much: more than %d files and folders",
                         ARCHIVE_MEMBERS_MAX);
    expect_id(&c, SEVENZIP_END);
    if (c.bad || !streams_within(&s, end))
        return header_fault(err, "its header is malformed");
    out->simple = f.count == 1 && !f.has_empty && s.folder_count == 1 && s.substreams == 1 &&
                  s.pack_count == 1 && s.coder_count == 1 && s.coder == SEVENZIP_LZMA2;
    out->pack_start = SEVENZIP_START + s.pack_start;
    out->pack_size = s.pack_size;
    out->size = s.size;
    out->has_crc = s.has_crc;
    out->crc32 = s.crc32;
    out->named = f.regular && name_is(f.name, member);
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
