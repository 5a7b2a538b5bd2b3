/* What a collection's folder holds at the moment, by path and by MD5. */
#ifndef PB_ESCAPE_LOCAL_H
#define PB_ESCAPE_LOCAL_H

#include "base/path.h"
#include "dialect/escape/format.h"
#include "plan/fetch.h"

struct es_local_file {
    const char *path; /* within the collection */
    uint32_t skip;    /* of the first with an MD5: how many of them are used, from the start on */
    bool regular : 1; /* else it has no MD5 */
    bool link : 1;
    bool index : 1;     /* an index file, no level */
    bool webindex : 1;  /* of the name of those that are generated */
    bool generated : 1; /* and made as they are, with nothing of the player's in it */
    bool used : 1;      /* a step has been found for it */
    struct md5 md5;
    struct fetch_seen seen;
};

struct es_local_folder {
    const char *path;
    bool listed; /* set by es_folder_mark */
};

struct es_local {
    bool there;                  /* the collection's folder is */
    struct es_local_file *files; /* in order of their paths */
    size_t file_count, file_room;
    struct es_local_file **by_md5; /* the regular ones, in order of MD5 and path */
    size_t md5_count;
    struct es_local_folder *folders; /* in order of their paths */
    size_t folder_count, folder_room;
    const char *collection;
    const struct file_records *records;
    struct arena *arena;
};

/* Reads and hashes everything in the folder, which may be missing. Files that look as they are recorded are
 * not read. Room for `expected` files is made at once, as an array that grows leaves copies in the arena.
 * PB_INVALID: it is a link or no folder, the player has unsubscribed, or there is more in it than
 * ES_LOCAL_MAX. */
enum { ES_LOCAL_MAX = 1000000 };
PB_MUST_USE int es_local_read(int root, const char *collection, const struct file_records *records,
                              size_t expected, struct arena *a, struct es_local *out, struct pb_error *err);

/* Is the collection's folder just what the record says, with nothing missing, changed or added? 1 yes, 0 no.
 * *files: how many levels there are. */
PB_MUST_USE int es_local_unchanged(int root, const char *collection, const struct file_records *records,
                                   size_t *files, struct pb_error *err);

struct es_local_file *es_local_find(const struct es_local *l, const char *path);

/* *unused: a file with this MD5 that no step has been found for; *any: one, used or not. NULL where there is
 * none. */
void es_local_find_md5(const struct es_local *l, const struct md5 *md5, struct es_local_file **unused,
                       const struct es_local_file **any);

enum es_folder_state { ES_FOLDER_NONE, ES_FOLDER_THERE, ES_FOLDER_LISTED };
enum es_folder_state es_folder_find(const struct es_local *l, struct slice path);
void es_folder_mark(struct es_local *l, struct slice path); /* nothing happens when it is not there */

#endif
