/* How an Escape release is kept in the depot: its entries are the files that a static host would have, named
 * by their paths below the platform or collection; its attributes say what is listed about it. */
#ifndef PB_ESCAPE_RELEASE_H
#define PB_ESCAPE_RELEASE_H

#include "dialect/escape/format.h"

/* entry.kind */
enum es_entry {
    ES_LIST = 1, /* UPGRADE, or NAME.txt */
    ES_DATA,     /* a file of an upgrade, or a level under its MD5 */
    ES_PACKED,   /* one of them packed with gzip, under its name and ".gz" */
};

enum { ES_ALIASES_MAX = 16 };

struct es_attributes {
    bool collection; /* else an upgrade */
    const char *title;
    uint64_t version; /* of the game: needed by a collection; brought by an upgrade */
    /* What COLLECTIONS says of a collection, where that is not the title and the version above. */
    const char *listed_title; /* NULL: as the title */
    uint64_t listed_version;  /* 0: as the version */
    unsigned position;        /* from 1; 0: behind all that have one, in order of their names */
    const char *aliases[ES_ALIASES_MAX];
    size_t alias_count;
};

/* JSON in canonical form; the caller frees it. NULL when memory is out. */
char *es_attributes_emit(const struct es_attributes *a);
PB_MUST_USE int es_attributes_parse(const char *json, struct arena *arena, struct es_attributes *out,
                                    struct pb_error *err);

#endif
