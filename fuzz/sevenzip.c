/* Headers of a 7z whose CRCs are right, so that what is behind them is reached: the input is packed streams
 * and a header. The first two bytes say how long the header is. */
#include "codec/sevenzip_read.h"

#include "base/digest.h"
#include "codec/sevenzip.h"
#include "codec/sevenzip_parse.h"

#include "memory.h"

enum { LIMIT = 1 << 20, CONTROL = 2 };

static int sink(void *arg, const void *p, size_t n, struct pb_error *err)
{
    size_t *total = arg;
    (void)p, (void)err;
    *total += n;
    CLAIM(*total <= LIMIT);
    return PB_OK;
}

static uint32_t crc_of(const void *p, size_t n)
{
    struct digest_result r;
    struct pb_error err;
    CLAIM(digest_bytes(DIGEST_CRC32, p, n, &r, &err) == PB_OK);
    return r.crc32;
}

/* The caller frees m->p. */
static void container_make(struct memory *m, const uint8_t *data, size_t n, size_t header)
{
    enum { OWN_CRC = 8, OFFSET = 12, SIZE = 20, CRC = 28 };
    uint8_t *p = calloc(1, SEVENZIP_START + n);
    CLAIM(p != NULL);
    memcpy(p, sevenzip_mark, SEVENZIP_MARK);
    p[SEVENZIP_MARK + 1] = 4; /* the format's version is 0.4 */
    memcpy(p + SEVENZIP_START, data, n);
    put_le32(p + OFFSET, (uint32_t)(n - header));
    put_le32(p + SIZE, (uint32_t)header);
    put_le32(p + CRC, crc_of(data + n - header, header));
    put_le32(p + OWN_CRC, crc_of(p + OFFSET, SEVENZIP_START - OFFSET));
    *m = (struct memory){p, SEVENZIP_START + n};
}

static void sections(const uint8_t *data, size_t n)
{
    struct sevenzip_cursor c = {.p = data, .n = n};
    struct sevenzip_streams s = {.limit = LIMIT};
    struct sevenzip_files f = {0};
    sevenzip_get_streams(&c, &s);
    CLAIM(c.n <= n);
    c = (struct sevenzip_cursor){.p = data, .n = n};
    sevenzip_get_files(&c, &f);
    CLAIM(c.n <= n && f.name.n <= n);
    sevenzip_name_is(f.name, "a.map");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sevenzip found;
    struct pb_error err;
    size_t total = 0;
    if (size <= CONTROL)
        return 0;
    size_t n = size - CONTROL, header = 1 + ((size_t)data[0] << 8 | data[1]) % n;
    struct memory m;
    container_make(&m, data + CONTROL, n, header);
    struct archive_input in = {source, &m, m.n};
    sections(data + CONTROL, n);
    if (sevenzip_read(&in, "a.map", LIMIT, &found, &err) == PB_OK) {
        CLAIM(!found.simple || (found.pack_start <= m.n && found.pack_size <= m.n - found.pack_start));
        int rc = archive_extract(ARCHIVE_7Z, &in, "a.map", LIMIT, sink, &total, &err);
        CLAIM(rc <= 0);
    }
    free((void *)m.p);
    return 0;
}
