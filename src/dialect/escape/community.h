/* What the game asks of the server of its community: registering, ratings, comments, solutions. patchbay
 * keeps none of it; it answers in words that the player reads. Also the dialect's settings. */
#ifndef PB_ESCAPE_COMMUNITY_H
#define PB_ESCAPE_COMMUNITY_H

#include "dialect/dialect.h"

#define ES_COMMUNITY_FOLDER "f" /* the first name of all these paths */

struct es_server_config {
    const struct relay_target *community; /* NULL: we answer ourselves */
    struct followers *followers;
};
extern const struct setting es_settings[];
PB_MUST_USE int es_settings_make(const struct setting_value *values, size_t n, struct arena *a, void **out,
                                 struct pb_error *err);

/* Answers; false when the path is none of these, or there is nothing of Escape here (`titles`: the site has
 * some). */
bool es_community_serve(const struct dialect_http *in, bool titles, struct reply_plan *plan);

#endif
