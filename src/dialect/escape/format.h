/* Escape's own file formats (docs/formats/escape.md): the list of an upgrade, the list of collections, the
 * list of a collection's levels, and the index file in a folder. Pure: no I/O. */
#ifndef PB_ESCAPE_FORMAT_H
#define PB_ESCAPE_FORMAT_H

#include "dialect/escape/lists.h"

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

/* Everything is in the arena. PB_INVALID with the line that is wrong: a path that is not safe, that is there
 * twice (without regard to case), or is a folder of another; a link that leads out; too few lines. */
PB_MUST_USE int es_upgrade_parse(struct slice text, struct arena *a, struct es_upgrade *out,
                                 struct pb_error *err);
void es_upgrade_emit(const struct es_upgrade *u, struct buffer *out);

/* ---- COLLECTIONS ---- */

PB_MUST_USE int es_collections_parse(struct slice text, struct arena *a, struct es_collections *out,
                                     struct pb_error *err);
void es_collections_emit(const struct es_collections *c, struct buffer *out);

/* ---- NAME.txt ---- */

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
/* The next line without its end; CRs are left out at its end. False at the end of the text. */
bool es_line(struct es_lines *l, struct slice *line);
/* Takes the first word off the line; empty when there is none. */
struct slice es_word(struct slice *line);

#endif
