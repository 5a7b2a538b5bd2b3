/* What Escape's lists say, as values; names and limits of the protocol (docs/formats/escape.md). */
#ifndef PB_ESCAPE_LISTS_H
#define PB_ESCAPE_LISTS_H

#include "base/arena.h"
#include "base/digest.h"

#define ES_DIALECT     "escape"
#define ES_UPGRADE     "UPGRADE"
#define ES_COLLECTIONS "COLLECTIONS"
#define ES_ATTIC       "attic"        /* beside the collections: so none may be called so */
#define ES_MYLEVELS    "mylevels"     /* the player's own, made by the game at every start: likewise */
#define ES_UNSUBSCRIBE "unsubscribed" /* a file of this name in a collection's folder: leave it alone */
#define ES_INDEX       "webindex.esi"

/* Ceilings: a list that says it has more is refused, whoever made it. The largest known collection has some
 * thousand levels. */
enum {
    ES_DOCUMENT_MAX = 48 * 1024 * 1024,
    ES_LEVELS_MAX = 250000,
    ES_FOLDERS_MAX = 50000,
    ES_FILES_MAX = 50000,
    ES_COLLECTIONS_MAX = 1000,
    ES_TEXT_MAX = 1000, /* bytes of a title, description or note */
    ES_NAME_MAX = 64,   /* of a collection's or platform's name */
    ES_RATINGS = 9,
    ES_LEVEL_MAX = 16 * 1024 * 1024, /* bytes: levels have some hundred */
};
#define ES_FILE_MAX (4ull * 1024 * 1024 * 1024) /* of an upgrade's file */

/* Numbers are C ints in the game: larger ones wrap. */
#define ES_NUMBER_MAX INT32_MAX

/* ---- UPGRADE ---- */

enum es_file_kind { ES_FILE, ES_LINK, ES_DELETE };
struct es_file {
    const char *path;
    const char *target; /* ES_LINK */
    struct md5 md5;     /* ES_FILE: of the plain form */
    uint8_t kind;       /* enum es_file_kind */
    bool plain, gzip;   /* ES_FILE: the forms in which it can be had; at least one */
};
struct es_upgrade {
    uint64_t oldest, recommended, version;
    const char *note;
    struct es_file *files;
    size_t n;
};

/* ---- COLLECTIONS ---- */

struct es_collection {
    const char *name;
    uint64_t version; /* of the game, at least */
    const char *title;
};
struct es_collections {
    struct es_collection *list;
    size_t n;
};

/* ---- NAME.txt ---- */

struct es_folder {
    const char *path;
    const char *description;
};
struct es_level {
    const char *path;
    struct md5 md5;
    const int64_t *ratings; /* ES_RATINGS of them; NULL: none were given, all are 0 */
};
struct es_levels {
    size_t wraps; /* a line with a number above ES_NUMBER_MAX, which was read as missing; 0: there is none */
    const char *title;
    uint64_t version;
    const char *note;
    struct es_folder *folders;
    size_t folder_count;
    struct es_level *levels;
    size_t level_count;
};

/* ---- index files ---- */

struct es_index {
    size_t wraps;             /* as in es_levels */
    const char *description;  /* "" when there is none */
    struct es_level *ratings; /* by name within the folder; their md5 is not set */
    size_t n;
};

#endif
