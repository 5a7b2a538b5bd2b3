/* "plain": a dialect for tests. A title is a folder of files and a list of their SHA-256, as sha256sum(1)
 * writes it. Both are below /plain/NAME/. */
#ifndef PB_TOY_PLAIN_H
#define PB_TOY_PLAIN_H

#include "dialect/dialect.h"

#define PLAIN_DIALECT "plain"
#define PLAIN_LIST    "SHA256SUMS"

enum { PLAIN_LIST_MAX = 16 * 1024 * 1024, PLAIN_FILE_MAX = 1024 * 1024 * 1024 }; /* bytes */
enum { PLAIN_FILES_MAX = 50000 };
enum plain_kind { PLAIN_KIND_LIST, PLAIN_KIND_FILE }; /* of entries */

struct plain_file {
    const char *path;
    struct sha256 sha256;
};

struct plain_list {
    struct plain_file *files; /* in the order of the list; in the arena */
    size_t n, room;
};

/* Parses a list. PB_INVALID: a line is not "HEX  PATH", or a path leads out of the folder or is not
 * portable; PB_NO_MEMORY. */
PB_MUST_USE int plain_list_parse(struct slice text, struct arena *a, struct plain_list *out,
                                 struct pb_error *err);

extern const struct dialect_fetch plain_fetch;
extern const struct dialect plain_dialect;

#endif
