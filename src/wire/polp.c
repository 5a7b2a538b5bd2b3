/* Parsing and emitting POLP packets. */
#include "wire/polp.h"

static const char signature[4] = {'P', 'O', 'L', 'P'};

bool polp_id_parse(struct slice text, struct polp_id *id)
{
    *id = (struct polp_id){0};
    if (text.n == 0 || text.n > sizeof id->text)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return false;
        id->text[i] = c;
    }
    return true;
}

struct slice polp_id_text(const struct polp_id *id)
{
    size_t n = 0;
    while (n < sizeof id->text && id->text[n] != '\0')
        n++;
    return (struct slice){id->text, n};
}

bool polp_header_parse(const char p[POLP_HEADER], struct polp_header *out)
{
    out->size = get_le32(p);
    memcpy(out->hash, p + POLP_HASH_AT, sizeof out->hash);
    out->opcode = get_le32(p + 12);
    return memcmp(p + 8, signature, sizeof signature) == 0 && out->size >= POLP_HEADER;
}

void polp_header_put(char p[POLP_HEADER], uint32_t size, enum polp_opcode opcode)
{
    put_le32(p, size);
    put_le32(p + POLP_HASH_AT, 0);
    memcpy(p + 8, signature, sizeof signature);
    put_le32(p + 12, opcode);
}

static bool hash_of(const char *p, size_t n, uint8_t out[4])
{
    struct md5 md5;
    if (!md5_bytes(p + POLP_HASHED, n - POLP_HASHED, &md5))
        return false;
    memcpy(out, md5.bytes, 4);
    return true;
}

void polp_seal(char *p, size_t n)
{
    uint8_t hash[4];
    if (hash_of(p, n, hash))
        memcpy(p + POLP_HASH_AT, hash, sizeof hash);
}

/* ---- requests ---- */

/* The sizes that a request of this opcode can have; `most` is 0 for opcodes that no client sends. */
static void request_sizes(uint32_t opcode, uint32_t *least, uint32_t *most)
{
    *least = opcode == POLP_STATUS ? 0x18 : opcode == POLP_NEWEST ? 0x58 : POLP_HEADER + 20 + 1;
    *most = opcode == POLP_STATUS || opcode == POLP_NEWEST ? *least
            : opcode == POLP_DOWNLOAD                      ? POLP_REQUEST_MAX
                                                           : 0;
}

static bool download_parse(const char *body, size_t n, struct polp_request *out)
{
    out->offset = get_le32(body);
    out->size = get_le32(body + 4);
    memcpy(out->hardware.text, body + 8, 4);
    memcpy(out->application.text, body + 12, 4);
    uint32_t name_size = get_le32(body + 16);
    const char *name = body + 20;
    if (name_size != n - 20 || name[name_size - 1] != '\0')
        return false;
    out->name = (struct slice){name, name_size - 1};
    return true;
}

int polp_request_parse(const char *p, size_t n, struct polp_request *out)
{
    struct polp_header h;
    uint32_t least, most;
    uint8_t hash[4];
    *out = (struct polp_request){0};
    if (n >= 4 && (get_le32(p) < POLP_HEADER || get_le32(p) > POLP_REQUEST_MAX))
        return -1;
    if (n < POLP_HEADER)
        return 0;
    if (!polp_header_parse(p, &h))
        return -1;
    request_sizes(h.opcode, &least, &most);
    if (h.size < least || h.size > most)
        return -1;
    if (n < h.size)
        return 0;
    if (!hash_of(p, h.size, hash) || memcmp(hash, h.hash, sizeof hash) != 0)
        return -1;
    const char *body = p + POLP_HEADER;
    out->opcode = (enum polp_opcode)h.opcode;
    if (h.opcode == POLP_DOWNLOAD)
        return download_parse(body, h.size - POLP_HEADER, out) ? (int)h.size : -1;
    memcpy(out->hardware.text, body, 4);
    memcpy(out->application.text, body + 4, 4);
    if (h.opcode == POLP_NEWEST)
        out->version = (struct slice){body + 8, strnlen(body + 8, POLP_VERSION)};
    return (int)h.size;
}

bool polp_request_emit(const struct polp_request *r, struct buffer *out)
{
    char p[POLP_REQUEST_MAX] = {0};
    char *body = p + POLP_HEADER;
    uint32_t size = r->opcode == POLP_STATUS   ? 0x18
                    : r->opcode == POLP_NEWEST ? 0x58
                                               : (uint32_t)(POLP_HEADER + 20 + r->name.n + 1);
    if (r->name.n + 1 > POLP_NAME_MAX || r->version.n > POLP_VERSION)
        return false;
    polp_header_put(p, size, r->opcode);
    if (r->opcode == POLP_DOWNLOAD) {
        put_le32(body, r->offset);
        put_le32(body + 4, r->size);
        body += 8;
    }
    memcpy(body, r->hardware.text, 4);
    memcpy(body + 4, r->application.text, 4);
    if (r->opcode == POLP_DOWNLOAD) {
        put_le32(body + 8, (uint32_t)r->name.n + 1);
        memcpy(body + 12, r->name.p, r->name.n);
    } else if (r->opcode == POLP_NEWEST && r->version.n > 0) {
        memcpy(body + 8, r->version.p, r->version.n);
    }
    polp_seal(p, size);
    return buffer_append(out, p, size);
}

/* ---- replies ---- */

size_t polp_file_head(char *out, uint32_t offset, uint32_t asked, uint32_t length, struct slice name)
{
    size_t head = POLP_FILE_HEAD + name.n + 1;
    polp_header_put(out, (uint32_t)head + length, POLP_FILE);
    put_le32(out + POLP_HEADER, offset);
    put_le32(out + POLP_HEADER + 4, asked);
    put_le32(out + POLP_HEADER + 8, (uint32_t)name.n + 1);
    memcpy(out + POLP_FILE_HEAD, name.p, name.n);
    out[POLP_FILE_HEAD + name.n] = '\0';
    return head;
}

size_t polp_newest_reply(char out[POLP_NEWEST_REPLY_MAX], uint32_t timestamp, const char *const *strings,
                         size_t n, struct slice version)
{
    char *status = out + POLP_HEADER + 8, *version_at = status + POLP_VERSION;
    size_t used = 0, length = version.n < POLP_VERSION ? version.n : POLP_VERSION;
    memset(out, 0, POLP_NEWEST_REPLY_MAX);
    put_le32(out + POLP_HEADER, timestamp);
    put_le32(out + POLP_HEADER + 4, 1);
    for (size_t i = 0; i < n; i++) {
        size_t one = strlen(strings[i]) + 1;
        if (used + one > POLP_VERSION)
            break;
        memcpy(status + used, strings[i], one);
        used += one;
    }
    put_le32(version_at, (uint32_t)length + 1);
    memcpy(version_at + 4, version.p, length);
    size_t size = POLP_HEADER + 8 + POLP_VERSION + 4 + length + 1;
    polp_header_put(out, (uint32_t)size, POLP_NEWEST_REPLY);
    polp_seal(out, size);
    return size;
}

bool polp_newest_parse(struct slice body, struct polp_newest *out)
{
    enum { FIXED = 8 + POLP_VERSION + 4 };
    *out = (struct polp_newest){0};
    if (body.n < FIXED + 1)
        return false;
    out->timestamp = get_le32(body.p);
    const char *status = body.p + 8;
    for (size_t at = 0, i = 0; at < POLP_VERSION && i < 3; i++) {
        size_t one = strnlen(status + at, POLP_VERSION - at);
        memcpy(out->status[i], status + at, one);
        at += one + 1;
    }
    uint32_t size = get_le32(body.p + FIXED - 4);
    if (size < 1 || size > POLP_VERSION + 1 || size != body.n - FIXED)
        return false;
    memcpy(out->version, body.p + FIXED, size - 1);
    return true;
}
