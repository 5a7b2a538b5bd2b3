/* What earlier fetches put into the player's folder: the record that a plan leaves for the next one. A file
 * whose bytes are not known is the player's own, whatever its name. */
#ifndef PB_ESCAPE_KNOWN_H
#define PB_ESCAPE_KNOWN_H

#include "plan/fetch.h"

struct es_known_file {
    const char *path; /* in the user's folder */
    struct md5 md5;
};
struct es_known {
    struct es_known_file *files; /* in order of their paths */
    size_t n;
};

/* Lines "MD5 PATH"; what makes no sense is left out, so a record that can't be read knows nothing. */
PB_MUST_USE int es_known_parse(struct slice record, struct arena *a, struct es_known *out,
                               struct pb_error *err);
bool es_known_has(const struct es_known *k, const char *path, const struct md5 *md5);

/* The record of a plan: what it places and moves, and of what it keeps that which was known. */
PB_MUST_USE int es_known_record(struct fetch_plan *plan, const struct es_known *before, struct pb_error *err);

#endif
