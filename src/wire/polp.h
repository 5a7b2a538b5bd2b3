/* POLP packets (docs/formats/playonline.md): bytes in, values out. No I/O. */
#ifndef PB_WIRE_POLP_H
#define PB_WIRE_POLP_H

#include "base/bytes.h"
#include "base/digest.h"

enum {
    POLP_HEADER = 16,
    POLP_HASHED = 8,                   /* the hash covers everything from here on */
    POLP_HASH_AT = 4,                  /* and stands here */
    POLP_NAME_MAX = 1024,              /* its zero included; the longest known name has 60 bytes */
    POLP_FILE_HEAD = POLP_HEADER + 12, /* of 0x0004, before the name */
    POLP_REQUEST_MAX = POLP_HEADER + 20 + POLP_NAME_MAX,
    POLP_VERSION = 64,
    POLP_NEWEST_REPLY_MAX = POLP_HEADER + 12 + 64 + 65,
};

enum polp_opcode {
    POLP_STATUS = 1,
    POLP_STATUS_REPLY = 2,
    POLP_DOWNLOAD = 3,
    POLP_FILE = 4,
    POLP_ERROR = 5,
    POLP_SHUTDOWN = 6,
    POLP_NEWEST = 7,
    POLP_NEWEST_REPLY = 8,
};

struct polp_id {
    char text[4]; /* "W2U\0", "1000" */
};
/* From and to text of one to four characters. */
bool polp_id_parse(struct slice text, struct polp_id *id);
struct slice polp_id_text(const struct polp_id *id);

struct polp_request {
    enum polp_opcode opcode;
    struct polp_id hardware, application;
    uint32_t offset, size; /* download */
    struct slice name;     /* download: without its zero */
    struct slice version;  /* newest: up to the first zero */
};

/*
 * Parses one request at the start of [p, p + n). Returns its length, 0 when more bytes are needed, -1 when
 * the connection is to be closed without a word: wrong size, hash or signature, a shutdown, an opcode that no
 * client sends.
 */
int polp_request_parse(const char *p, size_t n, struct polp_request *out);

/* Puts a request into `out`; the whole packet, sealed. False when a name or version is too long. */
bool polp_request_emit(const struct polp_request *r, struct buffer *out);

/* The header of any packet, as it stands; false when the signature is wrong or the size below a header's. */
struct polp_header {
    uint32_t size;
    uint8_t hash[4];
    uint32_t opcode;
};
bool polp_header_parse(const char p[POLP_HEADER], struct polp_header *out);

/* Writes a header with the hash still to come. */
void polp_header_put(char p[POLP_HEADER], uint32_t size, enum polp_opcode opcode);
/* Hashes a packet that is whole in memory, and puts its hash where it belongs. */
void polp_seal(char *p, size_t n);

/* The head of a reply to a download request: everything before the data, of which there are `length` bytes
 * where `asked` were asked for. Returns its length; `out` has room for POLP_FILE_HEAD + POLP_NAME_MAX bytes.
 */
size_t polp_file_head(char *out, uint32_t offset, uint32_t asked, uint32_t length, struct slice name);

/* A reply to ask-newest. `strings` are the zero-separated strings of its status block. Returns the length. */
size_t polp_newest_reply(char out[POLP_NEWEST_REPLY_MAX], uint32_t timestamp, const char *const *strings,
                         size_t n, struct slice version);
struct polp_newest {
    uint32_t timestamp;
    char status[3][POLP_VERSION + 1]; /* "" for strings that are not there */
    char version[POLP_VERSION + 1];
};
/* The body behind the header. */
bool polp_newest_parse(struct slice body, struct polp_newest *out);

#endif
