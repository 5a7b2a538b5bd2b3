/* Slices (borrowed bytes), growable buffers with a ceiling, hexadecimal and percent encoding, little-endian
 * integers. */
#ifndef PB_BASE_BYTES_H
#define PB_BASE_BYTES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Borrowed bytes; not NUL-terminated. */
struct slice {
    const char *p;
    size_t n;
};

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII only: bytes from 0x80 up compare as they are. */
bool slice_equal_nocase(struct slice a, struct slice b);
bool slice_ends_nocase(struct slice a, struct slice end);
bool slice_begins(struct slice a, struct slice begin);

/* Parses a decimal number of at most `max`: digits only. False for anything else. */
bool slice_to_u64(struct slice text, uint64_t max, uint64_t *value);

/* The same with an optional unit, in powers of 1024: "500", "500k", "10M", "2G", "1T". */
bool slice_to_bytes(struct slice text, uint64_t max, uint64_t *value);

/* A duration in seconds, with an optional unit: "90", "90s", "30m", "12h", "7d", "2w". */
bool slice_to_seconds(struct slice text, uint64_t max, uint64_t *value);

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* A buffer that grows up to `ceiling` bytes. A failed append sets `failed`, and further appends are ignored:
 * a caller may append many times and check once. After the first append the data is NUL-terminated; n does
 * not count the NUL. */
struct buffer {
    char *p;
    size_t n;
    size_t room;
    size_t ceiling;
    bool failed;
    bool secret;  /* set by the caller: no copy of what is in it stays behind in memory */
    bool starved; /* it failed for want of memory, not for its ceiling */
};

void buffer_init(struct buffer *b, size_t ceiling);
void buffer_free(struct buffer *b);
bool buffer_append(struct buffer *b, const void *p, size_t n);
bool buffer_text(struct buffer *b, const char *text);
bool buffer_format(struct buffer *b, const char *format, ...) PB_PRINTF(2, 3);

/* Overwrites n bytes that held a password or a key, and frees them. p may be NULL. */
void secret_free(void *p, size_t n);

void hex_encode(const void *bytes, size_t n, char *out); /* 2n digits and a NUL */
bool hex_decode(struct slice hex, void *out, size_t n);  /* false unless there are exactly 2n digits */

/* Decodes %XX into `out` (room bytes). Returns the decoded length; -1 for a malformed escape, a zero byte,
 * escaped or not, or too little room. */
int percent_decode(struct slice text, char *out, size_t room);

/* Appends a text as XML and HTML have it, also between double quotes. */
void buffer_markup(struct buffer *b, const char *text);
/* Appends `text`, with every byte but letters, digits, -._~ and (with `keep_slash`) '/' encoded as %XX. */
void percent_encode(struct buffer *b, struct slice text, bool keep_slash);

/* FNV-1a, starting with HASH_START. Not for names that an attacker chooses: collisions are easy to find. */
#define HASH_START 2166136261u
uint32_t hash_more(uint32_t h, struct slice text);

static inline uint32_t get_le32(const void *at)
{
    const uint8_t *p = at;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void put_le32(void *at, uint32_t v)
{
    uint8_t *p = at;
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

static inline void free_pointer(void *p)
{
    free(*(void **)p);
}
#define _cleanup_free_   __attribute__((cleanup(free_pointer)))
#define _cleanup_buffer_ __attribute__((cleanup(buffer_free)))

#endif
