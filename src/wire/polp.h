/* POLP packets (docs/formats/playonline.md): bytes in, values out. No I/O. */
#ifndef PB_WIRE_POLP_H
#define PB_WIRE_POLP_H

#include "base/bytes.h"
#include "base/digest.h"

enum {
    POLP_HEADER = 16,
    POLP_HASHED = 8,                   /* offset of the first byte that the hash covers */
    POLP_HASH_AT = 4,                  /* offset of the hash */
    POLP_NAME_MAX = 1024,              /* NUL included; the longest known name has 60 bytes */
    POLP_FILE_HEAD = POLP_HEADER + 12, /* of opcode 0x0004, up to the name */
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
/* Conversion from and to text of one to four characters. */
bool polp_id_parse(struct slice text, struct polp_id *id);
struct slice polp_id_text(const struct polp_id *id);

struct polp_request {
    enum polp_opcode opcode;
    struct polp_id hardware, application;
    uint32_t offset, size; /* download */
    struct slice name;     /* download: without the NUL */
    struct slice version;  /* newest: up to the first NUL */
};

/*
 * Parses the request at the start of [p, p + n). Returns its length in bytes; 0 when more bytes are needed;
 * -1 when the connection must be closed without a reply: the size, hash or signature is wrong, it is a
 * shutdown, or no client sends its opcode.
 */
int polp_request_parse(const char *p, size_t n, struct polp_request *out);

/* Appends the packet of a request, with its hash. False: a name or version is too long. */
bool polp_request_emit(const struct polp_request *r, struct buffer *out);

/* The header of a packet. polp_header_parse returns false when the signature is wrong, or the size less than
 * a header's. */
struct polp_header {
    uint32_t size;
    uint8_t hash[4];
    uint32_t opcode;
};
bool polp_header_parse(const char p[POLP_HEADER], struct polp_header *out);

/* Writes a header without its hash. */
void polp_header_put(char p[POLP_HEADER], uint32_t size, enum polp_opcode opcode);
/* Computes and sets the hash of a complete packet. */
void polp_seal(char *p, size_t n);

/* Writes the head of the reply to a download request: everything before the data. `asked`: bytes that the
 * client asked for; `length`: bytes that follow. Returns its length. `out` has room for POLP_FILE_HEAD +
 * POLP_NAME_MAX bytes. */
size_t polp_file_head(char *out, uint32_t offset, uint32_t asked, uint32_t length, struct slice name);

/* Writes the reply to ask-newest. `strings`: the strings of its status block. Returns its length. */
size_t polp_newest_reply(char out[POLP_NEWEST_REPLY_MAX], uint32_t timestamp, const char *const *strings,
                         size_t n, struct slice version);
struct polp_newest {
    uint32_t timestamp;
    char status[3][POLP_VERSION + 1]; /* "" for missing strings */
    char version[POLP_VERSION + 1];
};
/* Parses the bytes that follow the header. */
bool polp_newest_parse(struct slice body, struct polp_newest *out);

#endif
