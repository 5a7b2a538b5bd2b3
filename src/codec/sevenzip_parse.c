/* Parsing the sections of a 7z header. */
#include "codec/sevenzip_parse.h"

#include "base/path.h"

enum {
    STREAMS_MAX = 32, /* in and out of the coders of one folder, each */
    NAME_UNITS_MAX = 1024,
};

/* ---- bytes of the header ---- */

static unsigned get_byte(struct sevenzip_cursor *c)
{
    if (c->n == 0) {
        c->bad = true;
        return 0;
    }
    c->n--;
    return *c->p++;
}

/* The first byte's leading ones tell how many bytes follow; its other bits are the number's highest. */
static uint64_t get_number(struct sevenzip_cursor *c)
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
static uint64_t get_count(struct sevenzip_cursor *c, uint64_t most)
{
    uint64_t v = get_number(c);
    if (v > most)
        c->bad = true;
    return c->bad ? 0 : v;
}

static struct sevenzip_cursor get_bytes(struct sevenzip_cursor *c, uint64_t n)
{
    if (n > c->n)
        c->bad = true;
    if (c->bad)
        return (struct sevenzip_cursor){.bad = true};
    struct sevenzip_cursor taken = {.p = c->p, .n = (size_t)n};
    c->p += n;
    c->n -= (size_t)n;
    return taken;
}

/* Is this what comes next? Then it is taken. */
bool sevenzip_get_id(struct sevenzip_cursor *c, enum sevenzip_id id)
{
    if (c->bad || c->n == 0 || *c->p != id)
        return false;
    get_byte(c);
    return true;
}

void sevenzip_expect_id(struct sevenzip_cursor *c, enum sevenzip_id id)
{
    if (!sevenzip_get_id(c, id))
        c->bad = true;
}

/* One bit for each of n things, unless the byte before says that it is all of them. Returns how many bits are
 * set; `each` may be NULL. */
static uint64_t get_bits(struct sevenzip_cursor *c, uint64_t n, bool *each)
{
    struct sevenzip_cursor bits = {0};
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

static uint64_t lzma2_dictionary(unsigned property)
{
    return property > 40    ? UINT64_MAX
           : property == 40 ? UINT32_MAX
                            : (uint64_t)(2 | (property & 1)) << (property / 2 + 11);
}

/* The memory that a coder asks for, where its properties say it. */
static uint64_t coder_memory(uint64_t id, struct sevenzip_cursor properties)
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
    struct sevenzip_cursor properties;
};

static void coder_parse(struct sevenzip_cursor *c, struct folder *f)
{
    enum { ID_SIZE = 0x0f, COMPLEX = 0x10, PROPERTIES = 0x20, RESERVED = 0xc0 };
    unsigned flags = get_byte(c);
    struct sevenzip_cursor id = get_bytes(c, flags & ID_SIZE);
    c->bad |= (flags & RESERVED) != 0 || id.n > 8;
    f->id = 0;
    for (size_t i = 0; !c->bad && i < id.n; i++)
        f->id = f->id << 8 | id.p[i];
    f->in += (flags & COMPLEX) != 0 ? (unsigned)get_count(c, STREAMS_MAX) : 1;
    f->out += (flags & COMPLEX) != 0 ? (unsigned)get_count(c, STREAMS_MAX) : 1;
    f->properties = (flags & PROPERTIES) != 0 ? get_bytes(c, get_number(c)) : (struct sevenzip_cursor){0};
    uint64_t memory = c->bad ? 0 : coder_memory(f->id, f->properties);
    f->memory = memory > UINT64_MAX - f->memory ? UINT64_MAX : f->memory + memory;
}

static void folder_parse(struct sevenzip_cursor *c, struct folder *f)
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

static void pack_info_parse(struct sevenzip_cursor *c, struct sevenzip_streams *s)
{
    s->pack_start = get_number(c);
    s->pack_count = get_count(c, (uint64_t)ARCHIVE_MEMBERS_MAX * STREAMS_MAX);
    if (sevenzip_get_id(c, SEVENZIP_SIZE)) {
        for (uint64_t i = 0; !c->bad && i < s->pack_count; i++) {
            uint64_t size = get_number(c);
            if (i == 0)
                s->pack_size = size;
        }
    }
    if (sevenzip_get_id(c, SEVENZIP_CRC))
        get_bytes(c, 4 * get_bits(c, s->pack_count, NULL));
    sevenzip_expect_id(c, SEVENZIP_END);
}

/* What libarchive unpacks into memory, and not as a stream, is all but the largest stream of a folder of
 * several coders (BCJ2): none of these may be larger than the member, and what may come before it. */
static void folder_sizes_parse(struct sevenzip_cursor *c, const struct sevenzip_streams *s, unsigned out,
                               uint64_t *first)
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
static void crcs_parse(struct sevenzip_cursor *c, struct sevenzip_streams *s, uint64_t n, bool *each)
{
    uint64_t set = get_bits(c, n, each);
    struct sevenzip_cursor crcs = get_bytes(c, 4 * set);
    s->has_crc = !crcs.bad && n == 1 && set == 1;
    s->crc32 = s->has_crc ? get_le32(crcs.p) : 0;
}

static void unpack_info_parse(struct sevenzip_cursor *c, struct sevenzip_streams *s)
{
    sevenzip_expect_id(c, SEVENZIP_FOLDER);
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
    sevenzip_expect_id(c, SEVENZIP_UNPACK_SIZE);
    for (uint64_t i = 0; !c->bad && i < s->folder_count; i++) {
        uint64_t first = 0;
        folder_sizes_parse(c, s, s->outs[i], &first);
        if (i == 0)
            s->size = first;
    }
    if (sevenzip_get_id(c, SEVENZIP_CRC))
        crcs_parse(c, s, s->folder_count, s->crcs);
    sevenzip_expect_id(c, SEVENZIP_END);
    s->substreams = s->folder_count;
}

static void substreams_parse(struct sevenzip_cursor *c, struct sevenzip_streams *s)
{
    uint64_t counts[ARCHIVE_MEMBERS_MAX], without_crc = 0;
    bool counted = sevenzip_get_id(c, SEVENZIP_NUM_STREAMS);
    s->substreams = 0;
    for (uint64_t i = 0; !c->bad && i < s->folder_count; i++) {
        counts[i] = counted ? get_count(c, ARCHIVE_MEMBERS_MAX) : 1;
        s->substreams += counts[i];
        without_crc += counts[i] == 1 && s->crcs[i] ? 0 : counts[i];
    }
    c->bad |= s->substreams > ARCHIVE_MEMBERS_MAX;
    if (sevenzip_get_id(c, SEVENZIP_SIZE)) {
        for (uint64_t i = 0; !c->bad && i < s->folder_count; i++) {
            for (uint64_t k = 1; !c->bad && k < counts[i]; k++)
                get_number(c);
        }
    }
    if (sevenzip_get_id(c, SEVENZIP_CRC))
        crcs_parse(c, s, without_crc, NULL);
    sevenzip_expect_id(c, SEVENZIP_END);
}

void sevenzip_get_streams(struct sevenzip_cursor *c, struct sevenzip_streams *s)
{
    if (sevenzip_get_id(c, SEVENZIP_PACK_INFO))
        pack_info_parse(c, s);
    if (sevenzip_get_id(c, SEVENZIP_UNPACK_INFO))
        unpack_info_parse(c, s);
    if (sevenzip_get_id(c, SEVENZIP_SUBSTREAMS))
        substreams_parse(c, s);
    sevenzip_expect_id(c, SEVENZIP_END);
}

/* ---- members ---- */

static void names_parse(struct sevenzip_cursor c, struct sevenzip_files *f)
{
    size_t n = 0;
    if (get_byte(&c) != 0) /* names elsewhere */
        return;
    while (n + 1 < c.n && (c.p[n] != 0 || c.p[n + 1] != 0))
        n += 2;
    f->name = (struct sevenzip_cursor){.p = c.p, .n = n};
}

static void attributes_parse(struct sevenzip_cursor c, struct sevenzip_files *f)
{
    enum { FOLDER = 0x10, UNIX = 0x8000, TYPE = 0170000, REGULAR = 0100000 };
    bool each[ARCHIVE_MEMBERS_MAX] = {false};
    get_bits(&c, f->count, each);
    if (get_byte(&c) != 0 || c.n < 4 || !each[0])
        return;
    uint32_t a = get_le32(c.p);
    f->regular = (a & FOLDER) == 0 && ((a & UNIX) == 0 || ((a >> 16) & TYPE) == REGULAR);
}

void sevenzip_get_files(struct sevenzip_cursor *c, struct sevenzip_files *f)
{
    f->count = get_number(c);
    f->regular = true;
    if (f->count > ARCHIVE_MEMBERS_MAX)
        return;
    while (!c->bad) {
        unsigned id = get_byte(c);
        if (id == SEVENZIP_END)
            return;
        struct sevenzip_cursor section = get_bytes(c, get_number(c));
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
bool sevenzip_name_is(struct sevenzip_cursor name, const char *member)
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
