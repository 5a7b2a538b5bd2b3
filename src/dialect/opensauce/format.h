/* OpenSauce's own formats: part definitions and the master server list (docs/formats/opensauce.md). No I/O; a
 * child process reads XML. */
#ifndef PB_OPENSAUCE_FORMAT_H
#define PB_OPENSAUCE_FORMAT_H

#include "base/arena.h"
#include "base/digest.h"
#include "codec/archive.h"

enum {
    OS_PART_SIZE = 1048576,    /* the real client refuses a larger part */
    OS_PARTS_MAX = 8192,       /* twice what 4 GiB need */
    OS_DOCUMENT_MAX = 4 << 20, /* bytes of a definition; 8,192 parts need 1.5 MB */
    OS_ARENA_MAX = 16 << 20,   /* of memory for a parsed document */
    OS_MASTERS_MAX = 64,
    OS_NAME_MAX = 200, /* of a map, so that names of parts are file names too */
};

struct os_part {
    const char *name;
    uint32_t size;
    bool encrypted;
    struct md5 md5;         /* as sent */
    struct md5 unencrypted; /* set when encrypted */
};

struct os_definition {
    enum archive_format algorithm;
    const char *name; /* "immure.map" */
    struct md5 md5;
    uint32_t uncompressed_size;
    uint32_t compressed_size;
    const char *host_directory; /* only in files on disk: a folder or a path of them; may be NULL */
    struct os_part *parts;
    size_t part_count;
};

struct os_master {
    const char *name;
    const char *address;
    const char *description;
};

struct os_masters {
    struct os_master list[OS_MASTERS_MAX];
    size_t n;
};

/* "7zip" or "zip". */
const char *os_algorithm_name(enum archive_format algorithm);
bool os_algorithm_parse(const char *text, enum archive_format *algorithm);
/* "7z" or "zip": the ending of an archive and of its parts. */
const char *os_archive_ending(enum archive_format algorithm);

/* Is this a name for a map? Sets the error's text to what is wrong with it. */
PB_MUST_USE int os_map_name_check(const char *name, struct pb_error *err);

/* Can the original game load a map of this name? Not one with bytes above 127. */
PB_MUST_USE int os_original_name_check(const char *name, struct pb_error *err);

/* A map's name without .map or .yelo, in lower case: what a title is called. False when nothing, or too much,
 * is left. */
bool os_stem(struct slice name, char out[OS_NAME_MAX + 1]);

/* Can this be put before HOST_DIRECTORY/PART, or PART, in a Location header? */
PB_MUST_USE int os_redirect_check(const char *root, struct pb_error *err);

/* Parses and checks a definition, in a child process: names that are safe as file names, sizes that agree,
 * both or neither of the encryption attributes. What it makes lives in `a`. PB_INVALID with the line of the
 * fault. */
PB_MUST_USE int os_definition_parse(struct slice xml, struct arena *a, struct os_definition *out,
                                    struct pb_error *err);
/* The same from a document's events (codec/xml.h), within this process. */
PB_MUST_USE int os_definition_take(struct slice events, struct arena *a, struct os_definition *out,
                                   struct pb_error *err);
/* Writes a definition as clients get it (without host_directory). b->failed tells when it does not fit. */
void os_definition_emit(const struct os_definition *d, struct buffer *b);

PB_MUST_USE int os_masters_parse(struct slice xml, struct arena *a, struct os_masters *out,
                                 struct pb_error *err);
PB_MUST_USE int os_masters_take(struct slice events, struct arena *a, struct os_masters *out,
                                struct pb_error *err);
void os_masters_emit(const struct os_masters *m, struct buffer *b);

#endif
