/* Checks of names that come from outside and become file names. */
#ifndef PB_BASE_PATH_H
#define PB_BASE_PATH_H

#include "base/bytes.h"
#include "base/text.h"

enum { FILE_NAME_MAX = 255 };

/*
 * True for one plain file name that every operating system accepts: 1 to 255 bytes of valid UTF-8, without
 * control characters, without / \ : * ? " < > |, without a dot or space at either end, and none of Windows'
 * devices (CON, nul.txt, COM1). So ".", ".." and hidden files are refused. When false, *why is a static text
 * that completes the sentence "the name ..."; `why` may be NULL.
 */
bool path_name_ok(struct slice name, const char **why);

/*
 * Checks of a relative path: names separated by '/'. Each check includes the one before it.
 *
 *   below     the path does not lead out of its folder, nor into .patchbay: no leading '/', no name that is
 * empty, "." or "..", at most PATH_RELATIVE_MAX bytes. For a player's own files, which may have any other
 * name. safe      no ".." anywhere, no '\', no control characters, at most PATH_FOLDERS_MAX folders. For
 * paths from outside. portable  path_name_ok accepts every name.
 */
enum { PATH_RELATIVE_MAX = 1023, PATH_FOLDERS_MAX = 50 /* of a path from outside */ };
bool path_relative_below(struct slice path, const char **why);
bool path_relative_safe(struct slice path, const char **why);
bool path_relative_portable(struct slice path, const char **why);

/* The part before the last '/'; empty without a '/'. */
struct slice path_folder(struct slice path);

/* Orders paths without regard to the case of ASCII letters. '/' sorts before all other bytes: files in folder
 * "a" come directly after "a". */
int path_compare_nocase(const char *a, const char *b);

/* The part after the last '/'. */
struct slice path_base(struct slice path);

bool utf8_valid(struct slice text);

#endif
