/* The list of what exports wrote to a folder, so that a later one can remove what is no longer named: the
 * file EXPORT_LIST there, lines as sha256sum(1) prints them. The folder is others' to write to, so the list
 * is believed only as far as the files fit it. */
#ifndef PB_API_EXPORT_LIST_H
#define PB_API_EXPORT_LIST_H

#include "base/digest.h"

#define EXPORT_LIST ".patchbay-export"

struct export_list {
    struct buffer lines; /* each 64 hex digits, two spaces, the path, LF */
};

void export_list_init(struct export_list *l);
void export_list_free(struct export_list *l);

/* Reads the list of a folder. PB_NOT_FOUND: there is none. PB_INVALID: it is no regular file, or a line is
 * not what an export writes; the error names it. */
PB_MUST_USE int export_list_read(int folder, struct export_list *l, struct pb_error *err);

/* Are all lines what an export writes? Part of export_list_read. PB_INVALID. */
PB_MUST_USE int export_list_check(const struct export_list *l, struct pb_error *err);

/* Adds a file. */
PB_MUST_USE int export_list_add(struct export_list *l, const char *path, const struct sha256 *digest,
                                struct pb_error *err);

/* Replaces the folder's list by `now` and what `before` has besides, sorted and each line once. Durable.
 * `before` may be NULL. With `settled` the files are there, and of a path that both have only the line of
 * `now` is kept. */
PB_MUST_USE int export_list_write(int folder, const struct export_list *now, const struct export_list *before,
                                  bool settled, struct pb_error *err);

/* What became of the files that are named no longer. */
struct export_pruned {
    unsigned long long removed;
    unsigned long long kept; /* somebody has changed them: they are not ours any more */
};

/* Removes files of `before` whose paths `now` does not have, where they still have the bytes that were
 * written, and folders that this leaves empty. No symbolic link is followed. */
PB_MUST_USE int export_list_prune(int folder, const struct export_list *before, const struct export_list *now,
                                  struct export_pruned *out, struct pb_error *err);

#endif
