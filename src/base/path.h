/* Names that come from outside and become file names here. */
#ifndef PB_BASE_PATH_H
#define PB_BASE_PATH_H

#include "base/bytes.h"
#include "base/text.h"

enum { FILE_NAME_MAX = 255 };

/*
 * Is this one plain file name that every system accepts: 1 to 255 bytes of valid UTF-8, no control character,
 * none of / \ : * ? " < > |, no dot or space at either end? (So "." and ".." are refused, and hidden files.)
 * `why` gets a static text when it is not; it may be NULL.
 */
bool path_name_ok(struct slice name, const char **why);

/*
 * A path of one or more names with '/' between, below some folder, in three degrees. Below: it can't lead out
 * of that folder or into .patchbay: no leading '/', no name that is empty, "." or "..", at most
 * PATH_RELATIVE_MAX bytes. A player's own file may be called anything else. Safe: for paths that come from
 * outside, besides no ".." anywhere, no
 * '\' and no control character. Portable: besides, every name is one that path_name_ok accepts.
 */
enum { PATH_RELATIVE_MAX = 1023, PATH_FOLDERS_MAX = 50 /* of a path from outside */ };
bool path_relative_below(struct slice path, const char **why);
bool path_relative_safe(struct slice path, const char **why);
bool path_relative_portable(struct slice path, const char **why);

/* The part before the last '/'; empty when there is none. */
struct slice path_folder(struct slice path);

/* Compares without regard to the case of ASCII letters, and so that what lies in folder "a" follows directly
 * upon "a". */
int path_compare_nocase(const char *a, const char *b);

/* The part after the last '/'. */
struct slice path_base(struct slice path);

bool utf8_valid(struct slice text);

#endif
