/* Parts of a map, encrypted and plain, read as one archive: the bytes that come out are those that went in,
 * whatever the sizes of the parts, and in whatever order they are read. The first bytes of the input are the
 * sizes, and where reading begins. */
#include "dialect/opensauce/joined.h"

#include "codec/xxtea.h"
#include "dialect/opensauce/release.h"

#include "fuzz.h"

enum { PARTS = 4, CONTROL = 2 * PARTS + 1 };

struct map {
    struct os_part parts[PARTS];
    const uint8_t *bytes[PARTS]; /* as sent */
    uint8_t *sent;
};

/* An os_part_open_fn. */
static int part_open(void *arg, const struct os_definition *d, size_t part, int *fd, struct pb_error *err)
{
    const struct map *m = arg;
    (void)err;
    *fd = fuzz_file(m->bytes[part], d->parts[part].size);
    return PB_OK;
}

/* Divides the plain bytes into parts; those of a block or more are encrypted. */
static size_t parts_make(struct map *m, const uint8_t *control, const uint8_t *plain, size_t n,
                         const struct md5 *key)
{
    size_t count = 0, at = 0;
    struct digest_result r;
    struct pb_error err;
    m->sent = malloc(n);
    CLAIM(m->sent != NULL);
    memcpy(m->sent, plain, n);
    for (; count < PARTS && at < n; count++) {
        size_t wanted = 1 + ((size_t)control[2 * count] << 8 | control[2 * count + 1]);
        size_t part = count == PARTS - 1 || wanted > n - at ? n - at : wanted;
        CLAIM(digest_bytes(DIGEST_MD5, plain + at, part, &r, &err) == PB_OK);
        m->parts[count] = (struct os_part){
            .name = "part", .size = (uint32_t)part, .encrypted = part >= XXTEA_BLOCK, .unencrypted = r.md5};
        m->bytes[count] = m->sent + at;
        if (part >= XXTEA_BLOCK)
            xxtea_encrypt(m->sent + at, part, key->bytes);
        at += part;
    }
    return count;
}

static void reader_check(struct archive_input *in, const uint8_t *plain, size_t n, size_t from)
{
    struct pb_error err;
    CLAIM(in->size == n);
    for (size_t read = 0; read < n;) {
        const void *p;
        size_t step = 0, at = (from + read) % n;
        CLAIM(in->source(in->arg, at, &p, &step, &err) == PB_OK && step > 0 && step <= n - at);
        CLAIM(memcmp(p, plain + at, step) == 0);
        read += step;
    }
}

static int sink(void *arg, const void *p, size_t n, struct pb_error *err)
{
    (void)arg, (void)p, (void)n, (void)err;
    return PB_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char password[] = "secret";
    struct os_definition d = {.name = "a.map", .uncompressed_size = 1 << 16};
    struct map m = {0};
    struct os_joined j;
    struct archive_input in;
    struct md5 key;
    struct pb_error err;
    if (size <= CONTROL || size - CONTROL > OS_PART_SIZE)
        return 0;
    const uint8_t *plain = data + CONTROL;
    size_t n = size - CONTROL;
    CLAIM(os_password_key(password, &key, &err) == PB_OK);
    d.parts = m.parts;
    d.part_count = parts_make(&m, data, plain, n, &key);
    d.algorithm = data[CONTROL - 1] & 1 ? ARCHIVE_ZIP : ARCHIVE_7Z;
    struct os_parts parts = {&d, password, part_open, &m};
    struct archive_opener opener = os_joined_opener(&parts);
    CLAIM(opener.open(opener.arg, &in, &err) == PB_OK);
    reader_check(&in, plain, n, data[CONTROL - 1]);
    opener.close(opener.arg, &in);
    int rc = os_joined_open(&d, password, part_open, &m, &j, &err);
    if (rc == PB_OK)
        rc = os_joined_extract(&j, sink, NULL, &err);
    CLAIM(rc != PB_DENIED);
    os_joined_close(&j);
    free(m.sent);
    return 0;
}
