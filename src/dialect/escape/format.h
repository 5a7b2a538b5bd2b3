/* Escape's own file formats (docs/formats/escape.md): the list of an upgrade, the list of collections, the
 * list of a collection's levels, and the index file in a folder. Pure: no I/O. */
#ifndef PB_ESCAPE_FORMAT_H
#define PB_ESCAPE_FORMAT_H

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

/* Is this the name of a collection or a platform: letters, digits, '-' and '_', at most ES_NAME_MAX? `why` as
 * in path_name_ok. */
bool es_name_ok(struct slice name, const char **why);

/* Can a file's path stand in a list that we publish: portable, and no space, '%' or '#'? */
bool es_path_ok(struct slice path, const char **why);
/* The same for a level: it is asked for by its MD5, so '%' and '#' do no harm. */
bool es_level_path_ok(struct slice path, const char **why);

/* Can a title, description or note be one line of a list? */
bool es_text_ok(struct slice text, const char **why);

/* The form of a path in which the game asks for an upgrade's file: every ".." is '@', then every '/' is '_'.
 */
const char *es_flatten(struct arena *a, const char *path);

/* ---- PLATFORM/UPGRADE ---- */

enum es_file_kind { ES_FILE, ES_LINK, ES_DELETE };
struct es_file {
    enum es_file_kind kind;
    const char *path;
    bool plain, gzip;   /* ES_FILE: the forms in which it can be had; at least one */
    struct md5 md5;     /* ES_FILE: of the plain form */
    const char *target; /* ES_LINK */
};
struct es_upgrade {
    uint64_t oldest, recommended, version;
    const char *note;
    struct es_file *files;
    size_t n;
};

/* Everything is in the arena. PB_INVALID with the line that is wrong: a path that is not safe, that is there
 * twice (without regard to case), or is a folder of another; a link that leads out; too few lines. */
PB_MUST_USE int es_upgrade_parse(struct slice text, struct arena *a, struct es_upgrade *out,
                                 struct pb_error *err);
void es_upgrade_emit(const struct es_upgrade *u, struct buffer *out);

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
PB_MUST_USE int es_collections_parse(struct slice text, struct arena *a, struct es_collections *out,
                                     struct pb_error *err);
void es_collections_emit(const struct es_collections *c, struct buffer *out);

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

/* As es_upgrade_parse; also refused: a folder before its parent, a level in a folder that is not listed. */
PB_MUST_USE int es_levels_parse(struct slice text, struct arena *a, struct es_levels *out,
                                struct pb_error *err);
void es_levels_emit(const struct es_levels *l, struct buffer *out);

/* "aa/bbbb…" of a level's MD5, below its collection. */
enum { ES_LEVEL_PATH = MD5_HEX + 2 };
void es_level_path(const struct md5 *md5, char out[ES_LEVEL_PATH]);

/* ---- index files ---- */

/* Does a file with these first bytes describe its folder, rather than being a level? */
bool es_is_index(const void *p, size_t n);

struct es_index {
    size_t wraps;             /* as in es_levels */
    const char *description;  /* "" when there is none */
    struct es_level *ratings; /* by name within the folder; their md5 is not set */
    size_t n;
};
/* Reads what can be read: never fails but for memory. */
PB_MUST_USE int es_index_parse(struct slice text, struct arena *a, struct es_index *out,
                               struct pb_error *err);
/* Emits the index of one folder: the levels with the path `folder` ("" for the top), which are beside each
 * other and in order of their names. */
void es_index_emit(const char *description, const struct es_level *const *levels, size_t n,
                   struct buffer *out);

/* "n n n …": up to nine numbers; `out` has ES_RATINGS. Returns how many were there. *wraps is set when the
 * next word is a number, but above ES_NUMBER_MAX or below -ES_NUMBER_MAX. */
size_t es_ratings_parse(struct slice text, int64_t out[ES_RATINGS], bool *wraps);

/* ---- lines and words, for files in the same style ---- */

struct es_lines {
    struct slice rest;
    size_t number; /* of the line that was read last, from 1 */
};
/* The next line without its end; CR is left out at its end. False at the end of the text. */
bool es_line(struct es_lines *l, struct slice *line);
/* Takes the first word off the line; empty when there is none. */
struct slice es_word(struct slice *line);

#endif
